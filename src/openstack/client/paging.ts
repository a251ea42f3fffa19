// All pages of a list, or an error: a list that is cut short would read as "the rest is gone".
import { OpenStackError } from './openstack-error.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** `href` of the link rel=next; undefined on the last page. */
  readonly next: string | undefined;
}

/** 1,000 pages of 250 are more than any project may hold; more is a service that turns in a circle. */
export const PAGES_MAX = 1000;

/** Reads pages until there is no next link. Only the query of a link is used: behind a proxy its address may be one that we
 *  cannot reach, or another's. Rejects when a marker repeats or at PAGES_MAX. */
export async function readAllPages<T>(
  what: string,
  readPage: (query: URLSearchParams | undefined) => Promise<Page<T>>,
  pagesMax: number = PAGES_MAX,
): Promise<readonly T[]> {
  const items: T[] = [];
  const seen = new Set<string>();
  let query: URLSearchParams | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { items: some, next } = await readPage(query);
    items.push(...some);
    if (next === undefined) return items;
    const from = new URL(next, 'http://relative.invalid').searchParams;
    const marker = from.get('marker');
    if (marker === null || seen.has(marker)) {
      throw new OpenStackError('malformed', `${what}: the link to the next page leads nowhere new`);
    }
    seen.add(marker);
    query = from;
  }
  throw new OpenStackError('malformed', `${what}: more than ${pagesMax} pages`);
}

/** The link rel=next of Nova's and Neutron's `*_links`. */
export function nextLink(
  links: readonly { readonly rel: string; readonly href: string }[] | undefined,
): string | undefined {
  return links?.find((link) => link.rel === 'next')?.href;
}
