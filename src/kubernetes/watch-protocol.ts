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
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** One line of a watch. */
export function parseWatchLine(line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(withoutManagedFields(line));
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

/** A third of what a server sends of a pod is the list of who set which field, which nobody here reads. */
const MANAGED_FIELDS = '"managedFields":[';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** The line with the first list of managed fields empty, unless it has no end. What looks like the key is one: within text
 *  its quotes would be escaped. */
function withoutManagedFields(line: string): string {
  const key = line.indexOf(MANAGED_FIELDS);
  if (key === -1) return line;
  const from = key + MANAGED_FIELDS.length;
  let depth = 1;
  for (let at = from; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) at = endOfText(line, at);
    else if (code === OPEN_LIST) depth += 1;
    else if (code === CLOSE_LIST) depth -= 1;
    if (depth === 0) return line.slice(0, from) + line.slice(at);
  }
  return line;
}

/** Where the text that opens at `from` closes; the end of the line when it does not. */
function endOfText(line: string, from: number): number {
  for (let at = line.indexOf('"', from + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let escapes = 0;
    while (line.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return line.length;
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
