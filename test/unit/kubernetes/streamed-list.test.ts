// Whoever reads a batch, batches come out in the order in which they came in.
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../src/kubernetes/api-error.ts';
import { type KnownLines, type ListedLines, readListedLines } from '../../../src/kubernetes/listed-lines.ts';
import { type LineReader, StreamedList } from '../../../src/kubernetes/streamed-list.ts';
import type { LineStream } from '../../../src/kubernetes/transport.ts';
import { textAt } from '../../../src/kubernetes/raw-fields.ts';
import { settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';

const parse = (raw: unknown): string => textAt(raw, 'metadata', 'name') ?? '';
const added = (name: string) => ({ type: 'ADDED', object: { metadata: { name, resourceVersion: '1' } } });
const END = {
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } },
};
const GONE = { type: 'ERROR', object: { kind: 'Status', code: 410 } };

function batch(...events: readonly object[]): Uint8Array {
  return Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** Gives what it is given, then an error or the end. */
class GivenStream implements LineStream {
  readonly #batches: Uint8Array[];
  readonly #error: ApiError | undefined;
  taken = 0;

  constructor(batches: readonly Uint8Array[], error?: ApiError) {
    this.#batches = [...batches];
    this.#error = error;
  }

  async next(): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    this.taken += 1;
    const next = this.#batches.shift();
    if (next === undefined && this.#error !== undefined) throw this.#error;
    return next;
  }

  close(): void {}
}

/** Takes two batches at a time, and answers when told. */
class TestReader implements LineReader<string> {
  readonly given: { readonly bytes: Uint8Array; readonly give: (listed: ListedLines<string> | undefined) => void }[] =
    [];
  room = 2;
  closed = false;

  read(bytes: Uint8Array): Promise<ListedLines<string> | undefined> | undefined {
    if (this.room === 0) return undefined;
    this.room -= 1;
    return new Promise((give) => this.given.push({ bytes, give }));
  }

  answer(fails = false): void {
    const first = this.given.shift();
    first?.give(fails ? undefined : readListedLines(first.bytes, { parse: (raw) => `${parse(raw)} beside` }));
  }

  close(): void {
    this.closed = true;
    for (const { give } of this.given.splice(0)) give(undefined);
  }
}

function open(stream: LineStream, reader?: TestReader): StreamedList<string> {
  const openReader = reader && (() => reader);
  return new StreamedList(stream, { parse, openReader, telemetry: new FakeTelemetry(), labels: {}, longBytes: 1 });
}

/** Names until the list ends or breaks, and what it ended with. */
async function all(list: StreamedList<string>): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = [];
  for (let read = await list.next(); read !== undefined; read = await list.next()) {
    names.push(...read.listed.changes.map(([, object]) => (typeof object === 'string' ? object : undefined)));
    if (read.listed.end !== undefined) return [...names, read.listed.end.event.kind];
  }
  return names;
}

describe('StreamedList', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((name) => batch(added(name)));
  /** Read here; then the list is a long one. */
  const long = batch(added('long'));

  test('reads all by itself when nobody helps', async () => {
    const stream = new GivenStream([...five, batch(added('f'), END)]);
    expect(await all(open(stream))).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'bookmark']);
  });

  test('reads what the reader has no room for, and keeps the order', async () => {
    const reader = new TestReader();
    const names = all(open(new GivenStream([long, ...five, batch(END)]), reader));
    await settle();
    expect(reader.given).toHaveLength(2);
    reader.answer();
    reader.answer();
    expect(await names).toEqual(['long', 'a beside', 'b beside', 'c', 'd', 'e', 'bookmark']);
  });

  test('reads what the reader failed to', async () => {
    const reader = new TestReader();
    const names = all(open(new GivenStream([long, ...five, batch(END)]), reader));
    await settle();
    reader.answer(true);
    reader.answer();
    expect(await names).toEqual(['long', 'a', 'b beside', 'c', 'd', 'e', 'bookmark']);
  });

  test('does not read on before it knows whether the list is complete', async () => {
    const reader = new TestReader();
    const stream = new GivenStream([long, batch(added('a'), END), batch(added('later'))]);
    const list = open(stream, reader);
    const names = all(list);
    await settle();
    expect(stream.taken).toBe(2);
    reader.answer();
    expect([await names, list.ahead]).toEqual([['long', 'a beside', 'bookmark'], false]);
  });

  test('says so when it has read on, as a mark in other words makes it', async () => {
    const reader = new TestReader();
    const disguised = Buffer.from(Buffer.from(batch(END)).toString().replace('initial', '\\u0069nitial'));
    const list = open(new GivenStream([long, disguised, batch(added('later'))]), reader);
    const names = all(list);
    await settle();
    reader.answer();
    expect([await names, list.ahead]).toEqual([['long', 'bookmark'], true]);
  });

  test('gives all that came before the stream broke', async () => {
    const reader = new TestReader();
    const broken = new ApiError('unavailable', 'gone', { fault: 'broken' });
    const list = open(new GivenStream([long, batch(added('a'), GONE)], broken), reader);
    await list.next();
    const first = list.next();
    await settle();
    reader.answer();
    expect((await first)?.listed.end?.event).toEqual({ kind: 'error', httpStatus: 410 });
    await expect(list.next()).rejects.toBe(broken);
    await expect(list.next()).rejects.toBe(broken);
  });

  test('asks for a reader once, and closes it', async () => {
    const reader = new TestReader();
    const list = open(new GivenStream([long, ...five]), reader);
    const names = all(list);
    await settle();
    list.close();
    expect([await names, reader.closed]).toEqual([['long', 'a', 'b', 'c', 'd', 'e'], true]);
  });

  test('asks for none while what comes is known again, and knows nothing once it is closed', async () => {
    const reader = new TestReader();
    const known: KnownLines<string> = {
      missedBytes: 0,
      recall: (bytes, { from, to }) => [bytes.toString('utf8', from, to), 'known'],
      learn: () => undefined,
    };
    const options = { parse, openReader: () => reader, knownLines: () => known, telemetry: new FakeTelemetry() };
    const list = new StreamedList(new GivenStream(five), { ...options, labels: {}, longBytes: 1 });
    const names = [await list.next(), await list.next()].map((read) => read?.listed.changes[0]?.[1]);
    list.close();
    names.push((await list.next())?.listed.changes[0]?.[1]);
    expect([names, reader.given]).toEqual([['known', 'known', 'c'], []]);
  });
});
