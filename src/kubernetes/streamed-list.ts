// A list that a server streams, batch after batch in the order in which they came. A long one is read by two: here, and
// beside the event loop by a reader that the caller provides. Whoever is free reads the next batch; what the reader does
// not manage is read here.
import type { Telemetry, TelemetryLabels } from '../controllers/ports.ts';
import { type KnownLines, type ListedLines, readListedLines } from './listed-lines.ts';
import type { LineStream } from './transport.ts';
import { INITIAL_EVENTS_END } from './watch-protocol.ts';

/** Reads lines beside the event loop. */
export interface LineReader<T> {
  /** undefined: it has enough to do, or has failed. Resolves with undefined when it fails; never rejects. */
  read(batch: Uint8Array): Promise<ListedLines<T> | undefined> | undefined;
  close(): void;
}

/** Opens a reader; undefined: not now. `failed` is told at most once, and only before it is closed. */
export type OpenLineReader<T> = (failed: (error: unknown) => void) => LineReader<T> | undefined;

export interface ReadBatch<T> {
  readonly bytes: Uint8Array;
  readonly listed: ListedLines<T>;
}

export interface StreamedListOptions<T> {
  readonly parse: (raw: unknown) => T;
  readonly openReader?: OpenLineReader<T> | undefined;
  /** What is known of lines is for one list. */
  readonly knownLines?: (() => KnownLines<T>) | undefined;
  readonly telemetry: Telemetry;
  readonly labels: TelemetryLabels;
  /** From how many parsed bytes on a list is long; default LONG_BYTES. */
  readonly longBytes?: number;
}

/** Initial events come at once; a server that ignores sendInitialEvents would leave us waiting for the end mark. */
const IDLE_TIMEOUT_MS = 15_000;

/** Some 5,000 pods that had to be parsed, an eighth of a second: less is read before a reader would have started. What is known
 *  again does not count, as it costs a tenth of that and is not worth sending. */
const LONG_BYTES = 8 * 1024 * 1024;

/** Taken from the stream and read by nobody yet. More is left to the server: it is our memory. */
const UNREAD_MAX = 4;

interface Waiting<T> {
  readonly bytes: Uint8Array;
  /** What comes after the end mark is no part of the list: it stays in the stream. */
  readonly mayEnd: boolean;
  /** Resolves when the reader is done with it; undefined: it has not been given to one. */
  beside: Promise<void> | undefined;
  listed: ListedLines<T> | undefined;
}

const ERROR_LENGTH_MAX = 300;
const END_MARK = Buffer.from(INITIAL_EVENTS_END);

export class StreamedList<T> {
  readonly #stream: LineStream;
  readonly #options: StreamedListOptions<T>;
  /** Some of the reader's and those behind them, which are objects already. */
  readonly #waiting: Waiting<T>[] = [];
  #parsedBytes = 0;
  #reader: LineReader<T> | undefined;
  #known: KnownLines<T> | undefined;
  #asked = false;
  #arriving: Promise<void> | undefined;
  /** How the stream ended. */
  #over: { readonly error: unknown } | undefined;

  constructor(stream: LineStream, options: StreamedListOptions<T>) {
    this.#stream = stream;
    this.#options = options;
    this.#known = options.knownLines?.();
  }

  /** The next batch, read; undefined when the server ended the stream in good order. Rejects as the stream does, once
   *  all that came before is read. */
  async next(): Promise<ReadBatch<T> | undefined> {
    for (;;) {
      const [first] = this.#waiting;
      if (first?.listed !== undefined) {
        this.#waiting.shift();
        return { bytes: first.bytes, listed: first.listed };
      }
      if (first === undefined && this.#over !== undefined) return this.#end(this.#over.error);
      const unread = this.#give();
      if (this.#over === undefined && unread.length < UNREAD_MAX && this.#waiting.at(-1)?.mayEnd !== true) {
        this.#arriving ??= this.#arrive();
      }
      const [mine] = unread;
      if (mine === undefined) {
        await Promise.race([this.#arriving, first?.beside].filter((each) => each !== undefined));
      } else {
        mine.listed = this.#readHere(mine.bytes);
        // What the reader has done is only heard of in a turn of the event loop.
        if (this.#reader !== undefined) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Whether more than what `next` gave was taken from the stream. */
  get ahead(): boolean {
    return this.#waiting.length > 0 || this.#arriving !== undefined || this.#over !== undefined;
  }

  /** Ends the reader and drops what is known; the stream is the caller's. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#asked = true;
    this.#known = undefined;
  }

  #end(error: unknown): undefined {
    if (error !== undefined) throw error;
    return undefined;
  }

  /** Never rejects: nobody may be waiting for it. */
  async #arrive(): Promise<void> {
    try {
      const batch = await this.#stream.next(IDLE_TIMEOUT_MS);
      if (batch === undefined) this.#over = { error: undefined };
      else this.#add(batch);
    } catch (error) {
      this.#over = { error };
    }
    this.#arriving = undefined;
  }

  #add(bytes: Uint8Array): void {
    const mayEnd = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(END_MARK);
    this.#waiting.push({ bytes, mayEnd, beside: undefined, listed: undefined });
  }

  /** Gives the reader what it has room for; the rest is what nobody reads. */
  #give(): readonly Waiting<T>[] {
    const unread = this.#waiting.filter(({ listed, beside }) => listed === undefined && beside === undefined);
    for (const [index, waiting] of unread.entries()) {
      const beside = this.#reader?.read(waiting.bytes);
      if (beside === undefined) return unread.slice(index);
      waiting.beside = beside.then((listed) => {
        waiting.listed = listed ?? this.#readHere(waiting.bytes);
      });
    }
    return [];
  }

  #readerFailed(error: unknown): void {
    const { telemetry, labels } = this.#options;
    const about = { ...labels, error: String(error).slice(0, ERROR_LENGTH_MAX) };
    telemetry.log('warn', 'what helps with long lists failed: this one is read without it', about);
  }

  #readHere(bytes: Uint8Array): ListedLines<T> {
    const known = this.#known;
    const missedBefore = known?.missedBytes ?? 0;
    const listed = readListedLines(bytes, { parse: this.#options.parse, known });
    this.#parsedBytes += known === undefined ? bytes.length : known.missedBytes - missedBefore;
    if (this.#parsedBytes > (this.#options.longBytes ?? LONG_BYTES) && !this.#asked) {
      this.#asked = true;
      this.#reader = this.#options.openReader?.((error) => this.#readerFailed(error));
    }
    return listed;
  }
}
