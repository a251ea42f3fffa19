// What must hold at every moment of a chaos run, over all looks at the cloud: never two ACTIVE servers of one claim, at
// once or one after the other; two that build at once only where the network delivered a create twice.
import type { Standing } from './cloud-books.ts';

export class TwinWatch {
  /** Claim → ids of its servers that were ever seen, and that were ever seen ACTIVE. */
  readonly #seen = new Map<string, Set<string>>();
  readonly #active = new Map<string, Set<string>>();
  readonly #doubled = new Set<string>();
  #last: Standing = { servers: [], ports: [] };

  look(standing: Standing): void {
    this.#last = standing;
    const alive = new Map<string, number>();
    for (const { id, claimUid, status } of standing.servers) {
      add(this.#seen, claimUid, id);
      if (status === 'ACTIVE') add(this.#active, claimUid, id);
      if (status === 'ACTIVE' || status === 'BUILD') alive.set(claimUid, (alive.get(claimUid) ?? 0) + 1);
    }
    for (const [claimUid, count] of alive) if (count > 1) this.#doubled.add(claimUid);
  }

  get last(): Standing {
    return this.#last;
  }

  /** Claims for which a server was made. */
  get created(): number {
    return this.#seen.size;
  }

  /** Claims that had two ACTIVE servers, ever. */
  get twins(): readonly string[] {
    return [...this.#active].filter(([, ids]) => ids.size > 1).map(([claimUid]) => claimUid);
  }

  /** Claims of which two servers were in BUILD or ACTIVE at once. */
  get doubled(): number {
    return this.#doubled.size;
  }

  get activeNow(): number {
    return this.#last.servers.filter(({ status, taskState }) => status === 'ACTIVE' && taskState !== 'deleting').length;
  }
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set();
  values.add(value);
  map.set(key, values);
}
