// The JSON of lists and watches, read as far as list-watch needs it. Pure: text in, tagged values out. Anything that is
// not what the API promises is `malformed`, never an empty list.

import { field } from './raw-fields.ts';

export type WatchEvent =
  | { readonly kind: 'changed'; readonly key: string; readonly resourceVersion: string; readonly raw: unknown }
  | { readonly kind: 'deleted'; readonly key: string; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly kind: 'error'; readonly httpStatus: number }
  | { readonly kind: 'malformed' };

export interface ListPage {
  readonly resourceVersion: string;
  /** Empty: this was the last page. */
  readonly continueToken: string;
  readonly items: readonly unknown[];
}

/** Marks the bookmark that ends the initial events of a watch with sendInitialEvents. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** One line of a watch. */
export function parseWatchLine(line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return { kind: 'malformed' };
  }
  const object = field(event, 'object');
  const type = field(event, 'type');
  if (type === 'ERROR') {
    const code = field(object, 'code');
    return { kind: 'error', httpStatus: typeof code === 'number' ? code : 500 };
  }
  const resourceVersion = field(field(object, 'metadata'), 'resourceVersion');
  if (typeof resourceVersion !== 'string' || resourceVersion === '') return { kind: 'malformed' };
  if (type === 'BOOKMARK') {
    const annotations = field(field(object, 'metadata'), 'annotations');
    return { kind: 'bookmark', resourceVersion, initialEventsEnd: field(annotations, INITIAL_EVENTS_END) === 'true' };
  }
  const key = keyOf(object);
  if (key === undefined) return { kind: 'malformed' };
  if (type === 'DELETED') return { kind: 'deleted', key, resourceVersion };
  if (type !== 'ADDED' && type !== 'MODIFIED') return { kind: 'malformed' };
  return { kind: 'changed', key, resourceVersion, raw: object };
}

/** One page of a list; undefined when it is not one, for example an error body under status 200. */
export function parseListPage(body: unknown): ListPage | undefined {
  const metadata = field(body, 'metadata');
  const resourceVersion = field(metadata, 'resourceVersion');
  const continueToken = field(metadata, 'continue') ?? '';
  // Go writes an empty list as null for some types.
  const items = field(body, 'items') ?? [];
  const kind = field(body, 'kind');
  if (typeof kind !== 'string' || !kind.endsWith('List')) return undefined;
  if (typeof resourceVersion !== 'string' || typeof continueToken !== 'string' || !Array.isArray(items))
    return undefined;
  return { resourceVersion, continueToken, items };
}

/** Store key of an object; undefined when it has no name. */
export function keyOf(object: unknown): string | undefined {
  const metadata = field(object, 'metadata');
  const name = field(metadata, 'name');
  const namespace = field(metadata, 'namespace');
  if (typeof name !== 'string' || name === '') return undefined;
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : name;
}
