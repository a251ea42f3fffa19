// Whether the path to a workload cluster's control plane is well: it answers a cheap question and its watches are alive.
// Decides no more than that; what follows from a sick path is the guard's.
import { isPortError } from './port-errors.ts';
import type { Clock, WorkloadPlane } from './ports.ts';

/** One lost answer is noise; three at ten seconds apart are an outage that evictions and deletions must not run into. */
const FAILURES_BEFORE_SICK = 3;
/** Bookmarks come about once a minute: a store silent for three minutes shows the past. */
export const STORE_SILENT_MS = 180_000;
/** How often the session asks. */
export const PROBE_INTERVAL_MS = 10_000;

/** Remembers the last answers of one control plane. */
export class PathProbe {
  readonly #workload: WorkloadPlane;
  readonly #clock: Clock;
  #failures = 0;
  #lastError = '';
  #version: string | undefined;

  constructor(workload: WorkloadPlane, clock: Clock) {
    this.#workload = workload;
    this.#clock = clock;
  }

  /** Asks once. Never rejects for an operating failure: that is what it measures. */
  async ask(): Promise<void> {
    try {
      this.#version = await this.#workload.serverVersion();
      this.#failures = 0;
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#failures += 1;
      this.#lastError = error.message;
    }
  }

  /** Version text of the last good answer. */
  version(): string | undefined {
    return this.#version;
  }

  /** Why the path counts as sick; undefined: it is well. */
  sick(): string | undefined {
    if (this.#failures >= FAILURES_BEFORE_SICK) {
      return `The API server of the workload cluster does not answer: ${this.#lastError}`;
    }
    const nowMs = this.#clock.monotonicMs();
    for (const [name, store] of Object.entries(this.#workload.stores)) {
      const silentMs = nowMs - store.heardMs;
      if (silentMs <= STORE_SILENT_MS) continue;
      const minutes = STORE_SILENT_MS / 60_000;
      // Never listed at all: a missing right for one kind is silent for ever, and nothing is decided without it.
      return store.synced
        ? `Nothing was heard of ${name} in the workload cluster for over ${minutes} minutes.`
        : `The ${name} of the workload cluster could not be listed for over ${minutes} minutes: look at the rights of the kubeconfig's user and at the log.`;
    }
    return undefined;
  }
}
