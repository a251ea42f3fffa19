// Many questions about one project answered by one listing. A question is never answered by a listing that began before it
// was asked, unless it allows that age; those who ask while one is under way share the next one. Few questions are asked
// one by one, when that is fewer requests than the listing has pages. Times in ms, monotonic.
import type { ClientClock } from './client/request-budget.ts';
import { notSent } from './client/request-outcome.ts';

export interface Listing<Item> {
  readonly items: readonly Item[];
  /** Everything there is; else only what changed lately, and absence says nothing. */
  readonly full: boolean;
  readonly startedMs: number;
}

/** One session, through which a listing can be taken. */
export interface ListingMember<Item> {
  /** Aborts when the session ends. */
  readonly signal: AbortSignal;
  /** How many of its requests wait already. */
  load(): number;
  list(full: boolean): Promise<readonly Item[]>;
}

export interface Question<Item, Answer> {
  readonly member: ListingMember<Item>;
  /** Needs everything there is. */
  readonly full: boolean;
  /** The listing is worth its one page even for this question alone, as others will be answered by it for a while. */
  readonly shares: boolean;
  /** The question by itself, for when the listing does not tell or costs more. */
  alone(): Promise<Answer>;
  /** undefined: the listing does not tell; then it is asked alone. */
  pick(listing: Listing<Item>): Answer | undefined;
}

interface Pending<Item> {
  readonly member: ListingMember<Item>;
  readonly full: boolean;
  readonly shares: boolean;
  /** Settles the question, and does not reject; undefined: only a listing can. */
  readonly alone: (() => Promise<void>) | undefined;
  answer(listing: Listing<Item>): Promise<void>;
  fail(error: unknown): void;
}

/** A listing of 250 servers takes a busy Nova about 2 s. One that hangs must not hold up those who ask meanwhile: after this
 *  the next one begins beside it. */
const HOLD_MS_MAX = 5000;

export class SharedListing<Item> {
  readonly #clock: ClientClock;
  readonly #itemsPerPage: number;
  #pending: Pending<Item>[] = [];
  #underWay: { readonly full: boolean; readonly startedMs: number; readonly done: Promise<void> } | undefined;
  #scheduled = false;
  #last: Listing<Item> | undefined;
  #lastFull: Listing<Item> | undefined;

  constructor(deps: { readonly clock: ClientClock; readonly itemsPerPage: number }) {
    this.#clock = deps.clock;
    this.#itemsPerPage = deps.itemsPerPage;
  }

  /** The newest listing that began less than `ageMaxMs` ago, full or not; undefined: there is none. */
  recent(ageMaxMs: number): Listing<Item> | undefined {
    const last = this.#last;
    return last !== undefined && this.#clock.monotonicMs() - last.startedMs < ageMaxMs ? last : undefined;
  }

  /** The same of the full ones. */
  recentFull(ageMaxMs: number): Listing<Item> | undefined {
    return this.#newerFull(this.#clock.monotonicMs() - ageMaxMs);
  }

  /** Pages of the last full listing; 1 before the first. */
  pages(): number {
    return Math.max(1, Math.ceil((this.#lastFull?.items.length ?? 0) / this.#itemsPerPage));
  }

  /** Everything there is, by a listing that began at most `ageMaxMs` ago. */
  async full(member: ListingMember<Item>, ageMaxMs: number): Promise<Listing<Item>> {
    const earliestMs = this.#clock.monotonicMs() - ageMaxMs;
    const running = this.#underWay;
    if (running?.full === true && running.startedMs > earliestMs && this.#newerFull(earliestMs) === undefined) {
      await running.done; // it may have failed: then it is asked anew below
    }
    const last = this.#newerFull(earliestMs);
    if (last !== undefined) return last;
    return this.#ask({ member, full: true, shares: true, pick: (listing) => listing, alone: undefined });
  }

  /** After, not at: what happened in the same moment may not be in it. */
  #newerFull(earliestMs: number): Listing<Item> | undefined {
    return this.#lastFull !== undefined && this.#lastFull.startedMs > earliestMs ? this.#lastFull : undefined;
  }

  /** The answer as of this call or later. */
  ask<Answer>(question: Question<Item, Answer>): Promise<Answer> {
    return this.#ask(question);
  }

  #ask<Answer>(
    question: Omit<Question<Item, Answer>, 'alone'> & { readonly alone: (() => Promise<Answer>) | undefined },
  ): Promise<Answer> {
    const { member, full, shares, pick } = question;
    if (member.signal.aborted) return Promise.reject(notSent('compute and network', 'the session is closed'));
    return new Promise<Answer>((resolve, reject) => {
      const { alone } = question;
      const askAlone = alone === undefined ? undefined : () => alone().then(resolve, reject);
      this.#pending.push({
        member,
        full,
        shares,
        alone: askAlone,
        answer: async (listing) => {
          const answer = pick(listing);
          if (answer !== undefined) resolve(answer);
          else if (askAlone !== undefined) await askAlone();
        },
        fail: reject,
      });
      this.#schedule();
    });
  }

  /** At the end of this turn of the event loop's microtasks: who asks beside us is of the same batch. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay !== undefined || this.#pending.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const batch = this.#pending;
      this.#pending = [];
      const full = batch.some((question) => question.full);
      const startedMs = this.#clock.monotonicMs();
      const done = this.#atMost(HOLD_MS_MAX, this.#answerAll(batch, full)).then(() => {
        this.#underWay = undefined;
        this.#schedule();
      });
      this.#underWay = { full, startedMs, done };
    });
  }

  /** Resolves when `work` has ended, or earlier; it does not reject. */
  #atMost(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(ms, resolve);
      void work.finally(() => {
        cancel();
        resolve();
      });
    });
  }

  async #answerAll(batch: readonly Pending<Item>[], full: boolean): Promise<void> {
    const requests = full ? this.pages() : 1;
    const alone = batch.flatMap((question) => question.alone ?? []);
    const shares = requests === 1 && batch.some((question) => question.shares);
    if (alone.length === batch.length && batch.length <= requests && !shares) {
      await Promise.all(alone.map((ask) => ask()));
      return;
    }
    let waiting = batch;
    while (waiting.length > 0) {
      const member = leastLoaded(waiting);
      try {
        const listing = await this.#list(member, full);
        // Those that the listing does not answer ask alone, beside the next listing.
        for (const question of waiting) void question.answer(listing);
        return;
      } catch (error) {
        // The session through which it was asked may have ended; that is nobody else's failure.
        const failed = member.signal.aborted ? waiting.filter((question) => question.member === member) : waiting;
        for (const question of failed) question.fail(error);
        waiting = waiting.filter((question) => !failed.includes(question));
      }
    }
  }

  async #list(member: ListingMember<Item>, full: boolean): Promise<Listing<Item>> {
    const startedMs = this.#clock.monotonicMs();
    const listing = { items: await member.list(full), full, startedMs };
    if (startedMs >= (this.#last?.startedMs ?? startedMs)) this.#last = listing;
    if (full && startedMs >= (this.#lastFull?.startedMs ?? startedMs)) this.#lastFull = listing;
    return listing;
  }
}

/** A listing goes through the session that has the least to do, so that a noisy cluster does not delay its neighbours. */
function leastLoaded<Item>(questions: readonly Pending<Item>[]): ListingMember<Item> {
  let best: ListingMember<Item> | undefined;
  for (const { member } of questions) {
    if (best === undefined || (!member.signal.aborted && member.load() < best.load())) best = member;
  }
  if (best === undefined) throw new Error('a listing without a question');
  return best;
}
