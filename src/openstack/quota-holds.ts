// What the clusters of this process have promised themselves of one project's quota and Nova does not count yet: claims
// that are about to ask for a server, and servers younger than the last reading. In memory, so that a look and a promise
// are one moment; another process's promises show only once Nova counts them.
import type { Clock, QuotaHolds, QuotaUse } from '../controllers/ports.ts';

const NOTHING: QuotaUse = { servers: 0, ports: 0, cores: 0, memoryMiB: 0 };

export class ProjectHolds {
  readonly #held = new Map<object, QuotaUse>();
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #movedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** One cluster's place in the book; `close` gives up what it holds. */
  open(): QuotaHolds & { close(): void } {
    const key = {};
    return {
      set: (use) => void this.#held.set(key, use),
      others: () => {
        let sum = NOTHING;
        for (const [holder, use] of this.#held) if (holder !== key) sum = plus(sum, use);
        return sum;
      },
      moved: () => {
        this.#movedMs = this.#clock.monotonicMs();
      },
      movedMs: () => this.#movedMs,
      close: () => void this.#held.delete(key),
    };
  }
}

function plus(left: QuotaUse, right: QuotaUse): QuotaUse {
  return {
    servers: left.servers + right.servers,
    ports: left.ports + right.ports,
    cores: left.cores + right.cores,
    memoryMiB: left.memoryMiB + right.memoryMiB,
  };
}
