// Whether one service of one project is worth a request now. After failures in a row nothing is sent for a growing time,
// then one request goes ahead and its answer decides. cockatiel's circuit breaker was not taken: it reads the wall clock,
// which jumps, and cannot be told that a request of ours was cancelled and says nothing.

/** `answered`: the service said something, be it a refusal. `failed`: 5xx, or no answer. `unclear`: says nothing of it. */
export type ServiceOutcome = 'answered' | 'failed' | 'unclear';

export type Admission =
  | { readonly kind: 'send' }
  /** The one request that finds out whether the service is back. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'refuse'; readonly afterMs: number };

/** A read is tried three times, so this is three calls of ours and one more: a restart of one API worker costs less. */
const FAILURES_MAX = 10;
const OPEN_MS_FIRST = 5000;
/** A service that came back is noticed within a minute. */
const OPEN_MS_LONGEST = 60_000;
/** While the probe is under way. */
const PROBE_POLL_MS = 1000;

export class ServiceBreaker {
  #failures = 0;
  /** How often in a row it was opened; 0 = closed. */
  #opened = 0;
  #openUntilMs = 0;
  #probing = false;

  get open(): boolean {
    return this.#opened > 0;
  }

  get failures(): number {
    return this.#failures;
  }

  /** May a request start now? A `probe` must be recorded as such. */
  admit(nowMs: number): Admission {
    if (!this.open) return { kind: 'send' };
    if (nowMs < this.#openUntilMs) return { kind: 'refuse', afterMs: this.#openUntilMs - nowMs };
    if (this.#probing) return { kind: 'refuse', afterMs: PROBE_POLL_MS };
    this.#probing = true;
    return { kind: 'probe' };
  }

  /** As `admit`, without taking the probe. */
  refusesMs(nowMs: number): number {
    if (!this.open) return 0;
    if (nowMs < this.#openUntilMs) return this.#openUntilMs - nowMs;
    return this.#probing ? PROBE_POLL_MS : 0;
  }

  record(outcome: ServiceOutcome, request: { readonly probe: boolean; readonly nowMs: number }): void {
    if (request.probe) this.#probing = false;
    if (outcome === 'answered') {
      this.#failures = 0;
      this.#opened = 0;
      return;
    }
    if (outcome === 'unclear') return;
    this.#failures += 1;
    // Requests that were under way when it opened say nothing about the time after it.
    const opens = request.probe || (!this.open && this.#failures >= FAILURES_MAX);
    if (!opens) return;
    this.#openUntilMs = request.nowMs + Math.min(OPEN_MS_LONGEST, OPEN_MS_FIRST * 2 ** Math.min(this.#opened, 20));
    this.#opened += 1;
  }
}
