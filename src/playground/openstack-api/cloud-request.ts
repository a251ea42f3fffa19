// What the four services share: the request once it is read, the answer, time stamps, paging by marker.

export interface CloudRequest {
  readonly method: string;
  /** Path below the service's root, split at '/'. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Of the service, without a slash at its end. */
  readonly baseUrl: string;
  readonly microversion: string;
}

export interface CloudAnswer {
  readonly code: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Carried out, but the answer is to be lost. */
  readonly drop?: boolean;
}

/** `2026-11-21T07:18:41Z`. */
export function cloudTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** One page after `marker`, and whether more follow. undefined: there is no such marker. */
export function pageOf<T extends { readonly id: string }>(
  items: readonly T[],
  query: URLSearchParams,
  limitMax: number,
): { readonly items: readonly T[]; readonly next: string | undefined } | undefined {
  const marker = query.get('marker');
  const start = marker === null ? 0 : items.findIndex((item) => item.id === marker) + 1;
  if (marker !== null && start === 0) return undefined;
  const asked = Number(query.get('limit') ?? limitMax);
  const limit = asked > 0 ? Math.min(asked, limitMax) : limitMax;
  const page = items.slice(start, start + limit);
  return { items: page, next: start + limit < items.length ? page.at(-1)?.id : undefined };
}

/** The address of the next page: the same query with another marker. */
export function nextPageUrl(path: string, query: URLSearchParams, marker: string): string {
  const next = new URLSearchParams(query);
  next.set('marker', marker);
  return `${path}?${next.toString()}`;
}
