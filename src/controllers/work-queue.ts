// Runs reconciles: each key at most once at a time, no earlier than it is due, again after a failure with growing waits.
// Decides only when; what is done is `run`'s. Handlers enqueue keys and nothing else.
import type { ReconcileOutcome } from './cluster-context.ts';
import { errorFields } from './log-fields.ts';
import { isPortError } from './port-errors.ts';
import type { Clock, Random, Telemetry } from './ports.ts';

export interface WorkQueueOptions {
  run(key: string): Promise<ReconcileOutcome>;
  /** How many keys run at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Label `queue` of the metrics. */
  readonly name: string;
  /** Label `cluster` of the metrics: `<namespace>/<name>`; empty for a queue of the whole process. */
  readonly cluster?: string;
}

interface Entry {
  /** Monotonic; undefined: nothing is wanted beyond the run under way. */
  dueMs: number | undefined;
  running: boolean;
  failures: number;
  /** After a failure events may bring the key forward, but not before this: a failing run that changes its own object
   *  would otherwise spin. */
  notBeforeMs: number;
}

/** First wait after a failure: shorter and a flapping API is hammered, longer and a passing fault is felt. */
const BACKOFF_FIRST_MS = 500;
/** Longest wait after failures: a control plane that comes back after hours is noticed within two minutes. */
const BACKOFF_LONGEST_MS = 120_000;
/** A fault that only a changed spec can mend is looked at again this often, in case the cloud was changed instead. */
const TERMINAL_RETRY_MS = 600_000;
/** Twenty times the nodes of the largest pool bound; above it keys are refused, and the owner's resync brings them back. */
const KEYS_MAX = 20_000;
/** How long close() waits for runs under way; every port call inside them has a shorter timeout of its own. */
const CLOSE_WAIT_MS = 10_000;

/** A queue of keys with one worker per key. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  #runningCount = 0;
  #closed = false;
  #cancelTimer: (() => void) | undefined;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    if (!Number.isInteger(options.concurrency) || options.concurrency < 1) {
      throw new Error(
        `Cannot make work queue '${options.name}' as concurrency must be at least 1: ${options.concurrency}`,
      );
    }
    this.#options = options;
  }

  /** Keys known: waiting or running. */
  get size(): number {
    return this.#entries.size;
  }

  /** Wants `key` run no earlier than `afterMs` from now; an earlier wish for the same key stands. */
  add(key: string, afterMs = 0): void {
    if (this.#closed) return;
    const dueMs = this.#options.clock.monotonicMs() + Math.max(0, afterMs);
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.dueMs = Math.max(entry.notBeforeMs, Math.min(entry.dueMs ?? dueMs, dueMs));
    } else if (this.#entries.size < KEYS_MAX) {
      this.#entries.set(key, { dueMs, running: false, failures: 0, notBeforeMs: 0 });
    } else {
      this.#options.telemetry.log('error', 'work queue is full, key refused', { queue: this.#options.name, key });
      return;
    }
    this.#arm();
  }

  /** Takes no more keys and resolves when no run is under way, or after a bounded wait. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#runningCount > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.setTimer(CLOSE_WAIT_MS, resolve);
        this.#idle = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#entries.clear();
    this.#measure();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#measure();
    if (this.#closed || this.#runningCount >= this.#options.concurrency) return;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (!entry.running && entry.dueMs !== undefined) soonestMs = Math.min(soonestMs, entry.dueMs);
    }
    if (soonestMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(0, soonestMs - this.#options.clock.monotonicMs());
    this.#cancelTimer = this.#options.clock.setTimer(waitMs, () => {
      this.#cancelTimer = undefined;
      this.#startDue();
    });
  }

  #startDue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const due = [...this.#entries]
      .filter(([, entry]) => !entry.running && entry.dueMs !== undefined && entry.dueMs <= nowMs)
      .sort(([, left], [, right]) => (left.dueMs ?? 0) - (right.dueMs ?? 0));
    for (const [key, entry] of due) {
      if (this.#runningCount >= this.#options.concurrency) break;
      entry.dueMs = undefined;
      entry.running = true;
      this.#runningCount += 1;
      void this.#run(key, entry);
    }
    this.#arm();
  }

  async #run(key: string, entry: Entry): Promise<void> {
    let wantedAfterMs: number | undefined;
    try {
      const outcome = await this.#options.run(key);
      entry.failures = 0;
      if (outcome.kind === 'wait') wantedAfterMs = outcome.afterMs;
    } catch (error) {
      entry.failures += 1;
      entry.notBeforeMs = this.#options.clock.monotonicMs() + BACKOFF_FIRST_MS / 2;
      if (entry.dueMs !== undefined) entry.dueMs = Math.max(entry.dueMs, entry.notBeforeMs);
      wantedAfterMs = this.#retryAfterMs(error, entry.failures);
      this.#options.telemetry.count('sluice_work_queue_retries_total', this.#labels());
      this.#options.telemetry.log('warn', 'reconcile failed, will be repeated', {
        queue: this.#options.name,
        cluster: this.#options.cluster ?? '',
        key,
        failures: entry.failures,
        afterMs: Math.round(wantedAfterMs),
        ...errorFields(error),
      });
    }
    entry.running = false;
    this.#runningCount -= 1;
    if (wantedAfterMs !== undefined && !this.#closed) this.add(key, wantedAfterMs);
    if (entry.dueMs === undefined) this.#entries.delete(key);
    if (this.#closed && this.#runningCount === 0) this.#idle?.();
    this.#arm();
  }

  #retryAfterMs(error: unknown, failures: number): number {
    if (isPortError(error) && error.retry.kind === 'after') return error.retry.ms;
    if (isPortError(error) && error.retry.kind === 'terminal') return TERMINAL_RETRY_MS;
    return backoffMs(failures, this.#options.random);
  }

  #labels(): Readonly<Record<string, string>> {
    return { cluster: this.#options.cluster ?? '', queue: this.#options.name };
  }

  #measure(): void {
    this.#options.telemetry.gauge('sluice_work_queue_depth', this.#labels(), this.#entries.size);
  }
}

/** Wait after the n-th failure in a row, in ms: doubling from half a second to two minutes, with half of it jitter. */
export function backoffMs(failures: number, random: Random): number {
  const fullMs = Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return fullMs / 2 + (fullMs / 2) * random.fraction();
}
