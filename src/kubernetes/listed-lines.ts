// What the lines of a streamed list say of its objects, up to the line that ends the list or breaks it. Nothing here
// knows of threads: the same lines give the same answer wherever they are read.
import { linesOf } from './line-batches.ts';
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

/** Where a line stands among bytes; its newline is no part of it. */
export interface LinePlace {
  readonly from: number;
  readonly to: number;
}

/** What need not be parsed, as lines like it have been. */
export interface KnownLines<T> {
  /** Of all lines that were not known. */
  readonly missedBytes: number;
  /** What the line says, exactly as it would be read; undefined: it has to be. Only lines that change an object are known. */
  recall(batch: Buffer, line: LinePlace): readonly [key: string, object: T] | undefined;
  /** What a line said that was not known. */
  learn(batch: Buffer, said: { readonly line: LinePlace; readonly object: T }): void;
}

export interface ObjectReader<T> {
  readonly parse: (raw: unknown) => T;
  readonly known?: KnownLines<T> | undefined;
}

/** Key of an object of a list that has none; no server of the real thing sends one. */
const NO_NAME = '?';
const ERROR_LENGTH_MAX = 300;
const NEWLINE = 0x0a;

/** Reads whole lines of a list that is not complete yet. Empty ones do not count. */
export function readListedLines<T>(batch: Uint8Array, reader: ObjectReader<T>): ListedLines<T> {
  const { parse, known } = reader;
  if (known !== undefined) return readKnownLines(batch, { parse, known });
  const changes: Change<T>[] = [];
  for (const [line, text] of linesOf(batch).entries()) {
    const { change, end } = readLine(text, parse);
    if (end !== undefined) return { changes, end: { event: end, line } };
    if (change !== undefined) changes.push(change);
  }
  return { changes, end: undefined };
}

function readKnownLines<T>(
  batch: Uint8Array,
  { parse, known }: { readonly parse: (raw: unknown) => T; readonly known: KnownLines<T> },
): ListedLines<T> {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const changes: Change<T>[] = [];
  let count = 0;
  for (let from = 0, to = 0; from < bytes.length; from = to + 1) {
    const newline = bytes.indexOf(NEWLINE, from);
    to = newline === -1 ? bytes.length : newline;
    const line = { from, to };
    const recalled = known.recall(bytes, line);
    if (recalled !== undefined) changes.push(recalled);
    else {
      const text = bytes.toString('utf8', from, to);
      if (text.trim() === '') continue;
      const { change, end } = readLine(text, parse);
      if (end !== undefined) return { changes, end: { event: end, line: count } };
      if (change !== undefined) changes.push(change);
      const object = change?.[1];
      if (object !== undefined && !(object instanceof Doubtful)) known.learn(bytes, { line, object });
    }
    count += 1;
  }
  return { changes, end: undefined };
}

interface LineSaid<T> {
  readonly change?: Change<T>;
  readonly end?: EndOfList;
}

const NOTHING_SAID = {};

function readLine<T>(text: string, parse: (raw: unknown) => T): LineSaid<T> {
  const event = parseWatchLine(text);
  if (event.kind === 'changed') return { change: [event.key, readObject(event.raw, parse)] };
  if (event.kind === 'deleted') return { change: [event.key, undefined] };
  return event.kind !== 'bookmark' || event.initialEventsEnd ? { end: event } : NOTHING_SAID;
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
