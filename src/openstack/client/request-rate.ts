// How many requests a second one project is asked: a token bucket whose rate is halved when the cloud says that it is too
// much and comes back little by little, and a pause until the time that the cloud named. Decides nothing about whose turn
// it is. Times in ms, by the caller's monotonic clock.

/** The part of a clock that this client needs; timers are cancelled by the returned function. */
export interface ClientClock {
  monotonicMs(): number;
  setTimer(afterMs: number, run: () => void): () => void;
}

/** One Retry-After may not stop a project for longer: clouds ask for seconds, and an answer that asks for an hour is a
 *  mistake or somebody's malice; after it the next 429 stops us again. */
export const PAUSE_MS_MAX = 300_000;
/** A 429 that names no time. */
const PAUSE_MS_UNNAMED = 1000;
/** The rate that is left after many 429 in a row: a request every two seconds still finds out that it is over. */
const RATE_PER_SECOND_MIN = 0.5;
/** From nothing back to the full rate; from half of it, half of that. */
const RECOVERY_MS = 60_000;

export class RequestRate {
  readonly #clock: ClientClock;
  readonly #full: number;
  readonly #burst: number;
  #tokens: number;
  #filledMs: number;
  #cutRate: number;
  /** When the rate was cut last, and since when it recovers; in the future during a pause. */
  #cutMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: ClientClock, limits: { readonly perSecond: number; readonly burst: number }) {
    this.#clock = clock;
    this.#full = limits.perSecond;
    this.#burst = limits.burst;
    this.#tokens = limits.burst;
    this.#cutRate = limits.perSecond;
    this.#filledMs = clock.monotonicMs();
  }

  /** Takes one token; false: there is none now. */
  take(): boolean {
    if (this.pausedMs() > 0) return false;
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Until the next token, at the present rate. */
  waitMs(): number {
    const pausedMs = this.pausedMs();
    if (pausedMs > 0) return pausedMs;
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.perSecond());
  }

  /** How much longer nothing may be sent. */
  pausedMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#clock.monotonicMs());
  }

  perSecond(): number {
    const recoveringMs = Math.max(0, this.#clock.monotonicMs() - this.#cutMs);
    return Math.min(this.#full, this.#cutRate + (this.#full * recoveringMs) / RECOVERY_MS);
  }

  /** The cloud answered 429 to a request that was sent at `sentMs`. Answers to requests from before the last cut say
   *  nothing new about the rate, only about the pause. */
  throttled(retryAfterMs: number | undefined, sentMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const pauseMs = Math.min(retryAfterMs ?? PAUSE_MS_UNNAMED, PAUSE_MS_MAX);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + pauseMs);
    if (sentMs > this.#cutMs) this.#cutRate = Math.max(RATE_PER_SECOND_MIN, this.perSecond() / 2);
    // No burst when the pause is over, and recovery begins then.
    this.#tokens = Math.min(this.#tokens, 0);
    this.#cutMs = this.#pausedUntilMs;
    this.#filledMs = this.#pausedUntilMs;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs <= this.#filledMs) return;
    const gained = ((nowMs - this.#filledMs) * this.perSecond()) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledMs = nowMs;
  }
}
