// When a loop runs: after changes have been quiet for a moment, not later than a longer moment, and at least now and then.
// Runs never overlap; a change during a run causes one more. Errors of the run are the run's own business.
import type { Clock } from './ports.ts';

export interface ChangeTriggerOptions {
  /** Must not reject. Gives the ms after which it wants to run again; beyond idleMs: it has no wish. */
  run(): Promise<number>;
  readonly clock: Clock;
  /** A change waits until none has come for this long: a Deployment's pods arrive within it. */
  readonly quietMs: number;
  /** No change waits longer than this. */
  readonly longestMs: number;
  /** Without any change and any wish it still runs this often. */
  readonly idleMs: number;
}

/** Debounces changes into runs that never overlap. */
export class ChangeTrigger {
  readonly #options: ChangeTriggerOptions;
  #cancelTimer: (() => void) | undefined;
  /** Monotonic time of the first change that no run has covered yet. */
  #firstChangeMs: number | undefined;
  #running: Promise<void> | undefined;
  #runningSinceMs: number | undefined;
  #closed = false;

  constructor(options: ChangeTriggerOptions) {
    this.#options = options;
  }

  /** Runs at once, then by the rules above. */
  start(): void {
    this.#arm(0);
  }

  /** Something that matters changed. */
  changed(): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#firstChangeMs ??= nowMs;
    if (this.#running !== undefined) return;
    const latestMs = this.#firstChangeMs + this.#options.longestMs;
    this.#arm(Math.max(0, Math.min(this.#options.quietMs, latestMs - nowMs)));
  }

  /** How long the present run has taken, in ms; 0 when none is under way. */
  runningForMs(): number {
    return this.#runningSinceMs === undefined ? 0 : this.#options.clock.monotonicMs() - this.#runningSinceMs;
  }

  /** Starts no more runs; resolves when the present one is over. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#running;
  }

  #arm(afterMs: number): void {
    if (this.#closed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimer(afterMs, () => {
      this.#cancelTimer = undefined;
      this.#running = this.#runOnce();
    });
  }

  async #runOnce(): Promise<void> {
    this.#firstChangeMs = undefined;
    this.#runningSinceMs = this.#options.clock.monotonicMs();
    const { idleMs, quietMs } = this.#options;
    const wishMs = await this.#options.run();
    this.#running = undefined;
    this.#runningSinceMs = undefined;
    this.#arm(this.#firstChangeMs === undefined ? Math.min(idleMs, Math.max(quietMs, wishMs)) : quietMs);
  }
}
