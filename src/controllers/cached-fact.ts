// One fact from outside, kept for a while. A refresh that is due by the clock runs beside the reader, who gets the value
// at hand; only a reader without a usable value, or after the world is known to have moved, waits for it.
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
  #fault: PortError | undefined;
  /** Thrown at the next read: a refresh beside the reader has nobody to throw to. */
  #bug: unknown;
  #failures = 0;
  #nextMs = Number.NEGATIVE_INFINITY;
  #moved = false;
  #refreshing: Promise<void> | undefined;
  /** Counts forget(): a refresh of what was forgotten brings nothing. */
  #epoch = 0;

  constructor(options: CachedFactOptions<T>) {
    this.#options = options;
  }

  /** The value. Rejects with the last PortError when there is none that is young enough. */
  async read(): Promise<T> {
    if (this.#options.clock.monotonicMs() >= this.#nextMs) this.#refreshing ??= this.#refresh();
    if (this.#refreshing !== undefined && (this.#usable() === undefined || this.#moved)) await this.#refreshing;
    if (this.#bug !== undefined) {
      const bug = this.#bug;
      this.#bug = undefined;
      throw bug;
    }
    const held = this.#usable();
    if (held !== undefined) return held.value;
    if (this.#fault === undefined) throw new Error(`${this.#options.name}: a fact is neither held nor refused`);
    throw this.#fault;
  }

  /** The world moved: the next reader waits for a refresh, unless it was read less than `gapMs` ago or is failing. */
  stale(gapMs: number): void {
    if (this.#held === undefined || this.#fault !== undefined) return;
    this.#nextMs = Math.min(this.#nextMs, this.#held.readAtMs + gapMs);
    this.#moved = this.#options.clock.monotonicMs() >= this.#nextMs;
  }

  /** It is another fact now: what was held does not count any more. */
  forget(): void {
    this.#held = undefined;
    this.#fault = undefined;
    this.#failures = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#refreshing = undefined;
    this.#epoch += 1;
  }

  /** Why the last refresh failed; undefined: it did not. */
  fault(): PortError | undefined {
    return this.#fault;
  }

  #usable(): { readonly value: T; readonly readAtMs: number } | undefined {
    const { clock, ageMaxMs } = this.#options;
    return this.#held !== undefined && clock.monotonicMs() - this.#held.readAtMs <= ageMaxMs ? this.#held : undefined;
  }

  async #refresh(): Promise<void> {
    const { clock, random, intervalMs } = this.#options;
    const epoch = this.#epoch;
    const readAtMs = clock.monotonicMs();
    try {
      const value = await this.#options.load();
      if (epoch !== this.#epoch) return;
      this.#held = { value, readAtMs };
      this.#fault = undefined;
      this.#failures = 0;
      this.#nextMs = readAtMs + intervalMs;
    } catch (error) {
      if (epoch !== this.#epoch) return;
      this.#failures += 1;
      if (isPortError(error)) this.#fault = error;
      else this.#bug = error;
      const told = isPortError(error) && error.retry.kind === 'after' ? error.retry.ms : undefined;
      // Who says when is heard: a refused credential is not tried twice a minute for a fact that is read that often.
      this.#nextMs = clock.monotonicMs() + (told ?? Math.min(backoffMs(this.#failures, random), intervalMs));
    }
    this.#moved = false;
    this.#refreshing = undefined;
  }
}
