// What the lines of a streamed list say of its objects, up to the line that ends the list or breaks it. Nothing here
// knows of threads: the same lines give the same answer wherever they are read.
import { Doubtful } from './object-store.ts';
import { textAt } from './raw-fields.ts';
import { keyOf, parseWatchLine, type WatchEvent } from './watch-protocol.ts';

/** undefined: it is gone. */
export type Change<T> = readonly [key: string, object: T | Doubtful | undefined];

export type EndOfList = Extract<WatchEvent, { readonly kind: 'bookmark' | 'error' | 'malformed' }>;

export interface ListedLines<T> {
  /** In the order of the lines. */
  readonly changes: readonly Change<T>[];
  /** The mark that the list is complete, or what broke it, and how many lines were before it; undefined: there is more. */
  readonly end: { readonly event: EndOfList; readonly line: number } | undefined;
}

/** Key of an object of a list that has none; no server of the real thing sends one. */
const NO_NAME = '?';
const ERROR_LENGTH_MAX = 300;

/** Reads lines of a list that is not complete yet. */
export function readListedLines<T>(lines: readonly string[], parse: (raw: unknown) => T): ListedLines<T> {
  const changes: Change<T>[] = [];
  for (const [line, text] of lines.entries()) {
    const event = parseWatchLine(text);
    if (event.kind === 'changed') changes.push([event.key, readObject(event.raw, parse)]);
    else if (event.kind === 'deleted') changes.push([event.key, undefined]);
    else if (event.kind !== 'bookmark' || event.initialEventsEnd) return { changes, end: { event, line } };
  }
  return { changes, end: undefined };
}

/** Key of an object of a list, made up when it has no name. */
export function keyInList(raw: unknown): string {
  return keyOf(raw) ?? NO_NAME;
}

/** The object, or why it cannot be read. */
export function readObject<T>(raw: unknown, parse: (raw: unknown) => T): T | Doubtful {
  try {
    if (keyOf(raw) === undefined) throw new Error('metadata.name must be set');
    return parse(raw);
  } catch (error) {
    const message = (error instanceof Error ? error.message : 'not an Error').slice(0, ERROR_LENGTH_MAX);
    return new Doubtful(textAt(raw, 'metadata', 'resourceVersion') ?? '', message);
  }
}
