// Keeps one part of a store equal to one collection of an API server, for ever: an explicit state machine, one step per
// turn. It knows nothing of kinds; `parse` cuts objects down. It never ends by itself: whatever the server does, it
// backs off and tries again. Times are the injected clock's.
//
//   empty ─┬─▶ streaming ──▶ watching ◀─▶ resuming      streaming: list and watch in one request (WatchList)
//          └─▶ listing ─────────────────▶ resuming      listing: pages of 500, where the server has no WatchList
//   any ──▶ backoff ──▶ the state it names              410 and too many failures lead back to empty
//   any ──▶ doubted ──▶ absent for a while, or empty    404 of a kind that not every server has
//
// Longer than 250 lines, because a state machine is read in one place.
import type { Clock, Random, Telemetry } from '../controllers/ports.ts';
import { PortError } from '../controllers/port-errors.ts';
import { ApiError, watchError } from './api-error.ts';
import { linesOf } from './line-batches.ts';
import { type Change, type KnownLines, keyInList, readObject } from './listed-lines.ts';
import { Doubtful, type StorePart } from './object-store.ts';
import { type OpenLineReader, StreamedList } from './streamed-list.ts';
import type { LineStream, Transport } from './transport.ts';
import { backoffMs, relistMs } from './watch-backoff.ts';
import { parseListPage, parseWatchLine } from './watch-protocol.ts';

export interface ListWatchOptions<T> {
  readonly transport: Transport;
  /** Collection, e.g. `/api/v1/pods`. */
  readonly path: string;
  /** Metric labels: whose and what, e.g. cluster "t1/prod", resource "pods". */
  readonly labels: { readonly cluster: string; readonly resource: string };
  /** Throws for an object that does not fit; it is counted, and doubtful in the store. */
  readonly parse: (raw: unknown) => T;
  /** Asked after a 404 whether the server has the kind at all; rejects with a PortError in doubt. When it has not, the
   *  part is complete and empty. Absent: every server has it, so that a 404 is a failure like any other. */
  readonly isServed?: () => Promise<boolean>;
  /** Opens what helps with a long list. */
  readonly openReader?: OpenLineReader<T> | undefined;
  /** Knows lines of one list again. */
  readonly knownLines?: (() => KnownLines<T>) | undefined;
  readonly part: StorePart<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/** client-go's page: the server's cost per page is flat below it, and a page of pods parses in some 15 ms. */
const PAGE_LIMIT = 500;
/** A page above the body limit is asked for again in smaller pieces; at 1 only a single object could be too big. */
const PAGE_SHRINK = 10;
/** The server bookmarks about once a minute: two were missed. */
const IDLE_TIMEOUT_MS = 130_000;
/** The server ends a watch after this, jittered upwards by as much, so that replicas behind a balancer even out. */
const WATCH_SECONDS_MIN = 300;
/** A version that never works again (etcd was restored) must not be tried for ever. */
const RESUMES_MAX = 5;
/** A kind that the server does not have comes with an upgrade, which is seldom; but it must be heard of more often than a
 *  store counts as silent (three minutes). */
const ABSENT_LOOK_EVERY_MS = 120_000;
/** A watch that ends sooner counts as failed: a server that closes at once would have us spin. */
const WATCH_SHORT_MS = 1_000;
/** A tenant can make any number of unparsable objects; the counter has them all, the log a few per list. */
const UNPARSABLE_LOGGED_MAX = 10;
const KEY_LENGTH_MAX = 300;

type RelistReason = 'first' | 'expired' | 'failed';

type State<T> =
  | { readonly kind: 'empty'; readonly reason: RelistReason }
  | {
      readonly kind: 'listing';
      readonly reason: RelistReason;
      readonly continueToken: string;
      readonly limit: number;
      readonly objects: Map<string, T | Doubtful>;
    }
  | {
      readonly kind: 'streaming';
      readonly reason: RelistReason;
      readonly stream: LineStream;
      readonly list: StreamedList<T>;
      readonly objects: Map<string, T | Doubtful>;
    }
  | { readonly kind: 'resuming'; readonly resourceVersion: string }
  | {
      readonly kind: 'watching';
      readonly stream: LineStream;
      readonly resourceVersion: string;
      readonly openedMs: number;
    }
  | { readonly kind: 'doubted'; readonly absent: boolean }
  | { readonly kind: 'backoff'; readonly afterMs: number; readonly next: State<T> };

export class ListWatch<T> {
  readonly #options: ListWatchOptions<T>;
  #state: State<T> = { kind: 'empty', reason: 'first' };
  /** Failures in a row; nothing but a good answer sets it back. */
  #failures = 0;
  #watchList = true;
  #listedMs = Number.NEGATIVE_INFINITY;
  #unparsableLogged = 0;
  #closing = false;
  #wake: (() => void) | undefined;
  #stream: LineStream | undefined;
  #list: StreamedList<T> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ListWatchOptions<T>) {
    this.#options = options;
  }

  /** Begins; may be called once. */
  start(): void {
    if (this.#running !== undefined) throw new Error('A list-watch must be started once');
    this.#running = this.#run();
  }

  /** Ends the open request and resolves when nothing is written to the store any more. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    this.#closeStream();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const state: State<T> = this.#state;
      let next: State<T>;
      try {
        next = await this.#step(state);
      } catch (error) {
        // Adapters below reject with PortError alone; anything else is a mistake of ours and ends the process.
        if (!(error instanceof PortError)) throw error;
        next = this.#afterFailure(state, error);
      }
      this.#state = next;
    }
    this.#closeStream();
  }

  async #step(state: State<T>): Promise<State<T>> {
    switch (state.kind) {
      case 'empty':
        return await this.#begin(state.reason);
      case 'listing':
        return await this.#listPage(state);
      case 'streaming':
        return await this.#readInitial(state);
      case 'resuming':
        return await this.#resume(state.resourceVersion);
      case 'watching':
        return await this.#readEvents(state);
      case 'doubted':
        return await this.#askWhetherServed(state);
      case 'backoff':
        break;
    }
    await this.#sleep(state.afterMs);
    return state.next;
  }

  async #begin(reason: RelistReason): Promise<State<T>> {
    this.#unparsableLogged = 0;
    if (!this.#watchList) {
      return { kind: 'listing', reason, continueToken: '', limit: PAGE_LIMIT, objects: new Map() };
    }
    const stream = await this.#open({ sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
    const list = new StreamedList(stream, this.#options);
    this.#list = list;
    return { kind: 'streaming', reason, stream, list, objects: new Map() };
  }

  async #listPage(state: Extract<State<T>, { kind: 'listing' }>): Promise<State<T>> {
    const { transport, path, part, clock } = this.#options;
    const body = await transport.request({
      method: 'GET',
      path,
      query: { limit: String(state.limit), ...(state.continueToken === '' ? {} : { continue: state.continueToken }) },
    });
    const page = parseListPage(body);
    if (page === undefined) throw broken(`Cannot list ${path} as the answer must be a list`);
    part.heard(clock.monotonicMs());
    for (const raw of page.items) {
      const key = keyInList(raw);
      state.objects.set(key, this.#noted(key, readObject(raw, this.#options.parse)));
    }
    if (page.continueToken !== '') return { ...state, continueToken: page.continueToken };
    this.#swap(state.objects, state.reason);
    return { kind: 'resuming', resourceVersion: page.resourceVersion };
  }

  async #readInitial(state: Extract<State<T>, { kind: 'streaming' }>): Promise<State<T>> {
    const { part, clock, path } = this.#options;
    const batch = await state.list.next();
    if (batch === undefined) throw broken(`Cannot list ${path} as the stream ended too soon`);
    part.heard(clock.monotonicMs());
    const { changes, end } = batch.listed;
    for (const [key, object] of changes) {
      if (object === undefined) state.objects.delete(key);
      else state.objects.set(key, this.#noted(key, object));
    }
    if (end === undefined) return state;
    if (end.event.kind !== 'bookmark') throw watchError(end.event, path);
    // The reader does not take more before it knows whether the list is complete, unless the mark was disguised.
    if (state.list.ahead) throw broken(`Cannot list ${path} as its end must be marked in plain text`);
    state.list.close();
    this.#swap(state.objects, state.reason);
    const { stream } = state;
    const watching = { kind: 'watching', stream, openedMs: clock.monotonicMs() } as const;
    const { resourceVersion } = end.event;
    return this.#applyLines({ ...watching, resourceVersion }, linesOf(batch.bytes).slice(end.line + 1));
  }

  async #resume(resourceVersion: string): Promise<State<T>> {
    const stream = await this.#open({ resourceVersion });
    return { kind: 'watching', stream, resourceVersion, openedMs: this.#options.clock.monotonicMs() };
  }

  async #readEvents(state: Extract<State<T>, { kind: 'watching' }>): Promise<State<T>> {
    const { clock, part, path } = this.#options;
    const lines = await state.stream.next(IDLE_TIMEOUT_MS);
    if (lines !== undefined) {
      part.heard(clock.monotonicMs());
      return this.#applyLines(state, linesOf(lines));
    }
    if (clock.monotonicMs() - state.openedMs < WATCH_SHORT_MS) {
      throw broken(`Cannot watch ${path} as the server ends it at once`);
    }
    this.#failures = 0;
    return { kind: 'resuming', resourceVersion: state.resourceVersion };
  }

  /** A kind that is not there is told apart from one that is empty: here its store is complete without a list. */
  async #askWhetherServed(state: Extract<State<T>, { kind: 'doubted' }>): Promise<State<T>> {
    const { isServed, path, part, clock, telemetry, labels } = this.#options;
    if (isServed === undefined || (await isServed())) {
      if (state.absent) return { kind: 'empty', reason: 'first' };
      throw broken(`Cannot list ${path}: HTTP 404, although discovery names it`);
    }
    this.#failures = 0;
    part.heard(clock.monotonicMs());
    if (!state.absent) {
      part.replace(new Map());
      telemetry.log('info', 'kind is not served by this cluster, so it counts as having none', labels);
    }
    return { kind: 'backoff', afterMs: ABSENT_LOOK_EVERY_MS, next: { kind: 'doubted', absent: true } };
  }

  /** Events up to the first one that breaks the watch are applied together. */
  #applyLines(state: Extract<State<T>, { kind: 'watching' }>, lines: readonly string[]): State<T> {
    const { part, telemetry, labels, path } = this.#options;
    const changes: Change<T>[] = [];
    let resourceVersion = state.resourceVersion;
    let broke: ApiError | undefined;
    for (const line of lines) {
      const event = parseWatchLine(line);
      if (event.kind === 'error' || event.kind === 'malformed') {
        broke = watchError(event, path);
        break;
      }
      resourceVersion = event.resourceVersion;
      if (event.kind === 'changed') {
        changes.push([event.key, this.#noted(event.key, readObject(event.raw, this.#options.parse))]);
      }
      if (event.kind === 'deleted') changes.push([event.key, undefined]);
    }
    if (broke === undefined && lines.length > 0) this.#failures = 0;
    if (changes.length > 0) {
      part.apply(changes);
      telemetry.count('sluice_watch_events_total', labels, changes.length);
    }
    const next = { ...state, resourceVersion };
    return broke === undefined ? next : this.#afterFailure(next, broke);
  }

  async #open(query: Readonly<Record<string, string>>): Promise<LineStream> {
    const { transport, path, random, part, clock } = this.#options;
    const timeoutSeconds = Math.round(WATCH_SECONDS_MIN * (1 + random.fraction()));
    this.#closeStream();
    this.#stream = await transport.openStream({
      method: 'GET',
      path,
      query: { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds), ...query },
    });
    part.heard(clock.monotonicMs());
    return this.#stream;
  }

  #swap(objects: ReadonlyMap<string, T | Doubtful>, reason: RelistReason): void {
    const { part, telemetry, labels, clock } = this.#options;
    this.#failures = 0;
    this.#listedMs = clock.monotonicMs();
    part.replace(objects);
    telemetry.count('sluice_watch_relists_total', { ...labels, reason });
  }

  /** Where to go on after `error` in `state`, and when. */
  #afterFailure(state: State<T>, error: PortError): State<T> {
    this.#closeStream();
    const fault = error instanceof ApiError ? error : undefined;
    this.#failures += 1;
    if (error.code === 'forbidden') this.#options.part.forbidden();
    if (!this.#closing) this.#logFailure(error);
    const missing = fault?.httpStatus === 404 && this.#options.isServed !== undefined;
    if (missing && state.kind !== 'doubted') return { kind: 'doubted', absent: false };
    const next = this.#nextAfter(state, fault);
    // The server is well, only our version is old: no reason to wait as after a failure.
    const outdated = fault?.httpStatus === 410 && (state.kind === 'watching' || state.kind === 'resuming');
    const { clock, random } = this.#options;
    const afterMs = outdated
      ? relistMs(clock.monotonicMs() - this.#listedMs, random)
      : backoffMs(this.#failures, error, random);
    return { kind: 'backoff', afterMs, next };
  }

  #nextAfter(state: State<T>, fault: ApiError | undefined): State<T> {
    const expired = fault?.httpStatus === 410;
    switch (state.kind) {
      case 'empty':
      case 'streaming': {
        // Too old for WatchList (400, 422), or it took the parameter for nothing (no end mark), or one line is too
        // long for the stream but may fit a page: pages always work.
        const mute = state.kind === 'streaming' && (fault?.fault === 'timeout' || fault?.fault === 'tooLarge');
        const refused = fault?.httpStatus === 400 || fault?.httpStatus === 422;
        if (mute || refused || this.#failures > RESUMES_MAX) this.#watchList = false;
        return { kind: 'empty', reason: state.reason };
      }
      case 'listing':
        if (fault?.fault === 'tooLarge' && state.limit > 1) {
          return { ...state, limit: Math.max(1, Math.floor(state.limit / PAGE_SHRINK)) };
        }
        // What was read stands: the next page has its token. Expired tokens and repeated failures begin again.
        return expired || this.#failures > RESUMES_MAX ? { kind: 'empty', reason: state.reason } : state;
      case 'resuming':
      case 'watching':
        if (fault?.fault === 'tooLarge') this.#watchList = false;
        if (expired) return { kind: 'empty', reason: 'expired' };
        return fault?.fault === 'tooLarge' || this.#failures > RESUMES_MAX
          ? { kind: 'empty', reason: 'failed' }
          : { kind: 'resuming', resourceVersion: state.resourceVersion };
      case 'doubted':
        return { kind: 'empty', reason: 'failed' };
      case 'backoff':
        break;
    }
    return state.next;
  }

  async #sleep(afterMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(afterMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** The object; what could not be read is counted, unless a list shows the same version again. */
  #noted(key: string, object: T | Doubtful): T | Doubtful {
    if (!(object instanceof Doubtful)) return object;
    if (this.#options.part.doubt(key)?.resourceVersion !== object.resourceVersion) this.#unparsable(key, object.why);
    return object;
  }

  #unparsable(key: string, message: string): void {
    const { telemetry, labels } = this.#options;
    telemetry.count('sluice_unparsable_objects_total', labels);
    this.#unparsableLogged += 1;
    if (this.#unparsableLogged > UNPARSABLE_LOGGED_MAX) return;
    telemetry.log('warn', 'object cannot be parsed: its last good version stands, if there is one', {
      ...labels,
      key: key.slice(0, KEY_LENGTH_MAX),
      error: message,
    });
  }

  #closeStream(): void {
    this.#stream?.close();
    this.#list?.close();
  }

  #logFailure(error: PortError): void {
    const { telemetry, labels } = this.#options;
    // One broken watch is everyday life; a second failure in a row is for people, who need not read each one after it.
    const telling = this.#failures > 1 && Number.isInteger(Math.log2(this.#failures));
    telemetry.log(telling ? 'warn' : 'debug', 'list-watch interrupted', {
      ...labels,
      failures: this.#failures,
      code: error.code,
      error: error.message,
      ...(error.code === 'notFound' ? { hint: 'is its CustomResourceDefinition installed? See `sluice crds`' } : {}),
    });
  }
}

function broken(message: string): ApiError {
  return new ApiError('unavailable', message, { fault: 'broken' });
}
