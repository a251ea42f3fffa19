// One fact from outside, kept for a while: refreshed after an interval, used while it is not too old, retried with
// growing waits when it cannot be had.
import { isPortError, type PortError } from './port-errors.ts';
import type { Clock, Random } from './ports.ts';
import { backoffMs } from './work-queue.ts';

export interface CachedFactOptions<T> {
  /** For messages. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly intervalMs: number;
  /** Older values are not given out any more. */
  readonly ageMaxMs: number;
  /** Rejects with a PortError. */
  load(): Promise<T>;
}

/** A value with an age. */
export class CachedFact<T> {
  readonly #options: CachedFactOptions<T>;
  #held: { readonly value: T; readonly readAtMs: number } | undefined;
  #error: PortError | undefined;
  #failures = 0;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(options: CachedFactOptions<T>) {
    this.#options = options;
  }

  /** The value, refreshed when due. Rejects with the last PortError when there is none that is young enough. */
  async read(): Promise<T> {
    const { clock, random, intervalMs, ageMaxMs } = this.#options;
    if (clock.monotonicMs() >= this.#nextMs) {
      const startedMs = clock.monotonicMs();
      try {
        this.#held = { value: await this.#options.load(), readAtMs: startedMs };
        this.#error = undefined;
        this.#failures = 0;
        this.#nextMs = startedMs + intervalMs;
      } catch (error) {
        if (!isPortError(error)) throw error;
        this.#error = error;
        this.#failures += 1;
        const waitMs = error.retry.kind === 'after' ? error.retry.ms : backoffMs(this.#failures, random);
        this.#nextMs = clock.monotonicMs() + Math.min(waitMs, intervalMs);
      }
    }
    if (this.#held !== undefined && clock.monotonicMs() - this.#held.readAtMs <= ageMaxMs) return this.#held.value;
    if (this.#error === undefined) throw new Error(`${this.#options.name}: a fact is neither held nor refused`);
    throw this.#error;
  }

  /** The world moved: refresh at the next read, unless it was read less than `gapMs` ago or is being retried. */
  stale(gapMs: number): void {
    if (this.#held === undefined || this.#error !== undefined) return;
    this.#nextMs = Math.min(this.#nextMs, this.#held.readAtMs + gapMs);
  }

  /** It is another fact now: what was held does not count any more. */
  forget(): void {
    this.#held = undefined;
    this.#error = undefined;
    this.#failures = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /** Monotonic time of the value's reading; undefined: there is none. */
  readAtMs(): number | undefined {
    return this.#held?.readAtMs;
  }

  /** Why the last refresh failed; undefined: it did not. */
  problem(): string | undefined {
    return this.#error === undefined ? undefined : `${this.#options.name}: ${this.#error.message}`;
  }
}
