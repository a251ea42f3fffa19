// Pods of which only so many may share a node: each exclusion, and each row with a limit of its own. A set that needs as
// many nodes as everything else together must have one of its pods on every node.
import type { PackingModel } from '../bounds/packing-model.ts';
import { NO_LIMIT } from '../bounds/packing-problem.ts';

export interface LimitedSet {
  readonly rows: readonly number[];
  /** Most pods of the set on one node. */
  readonly max: number;
  left: number;
}

export class LimitedRows {
  readonly sets: readonly LimitedSet[];
  readonly #setOf = new Map<number, LimitedSet>();
  #nodes = 0;

  /** `left`: pods to place, per row. */
  constructor(model: PackingModel, left: Int32Array) {
    const byKey = new Map<number, LimitedSet & { readonly rows: number[] }>();
    for (let row = 0; row < model.rows; row++) {
      const exclusion = model.rowExclusion[row] ?? -1;
      const max = exclusion >= 0 ? (model.exclusionMax[exclusion] ?? 1) : (model.perNodeMax[row] ?? NO_LIMIT);
      if (max >= NO_LIMIT) continue;
      const key = exclusion >= 0 ? exclusion : -1 - row;
      const set = byKey.get(key) ?? { rows: [], max, left: 0 };
      byKey.set(key, set);
      set.rows.push(row);
      set.left += left[row] ?? 0;
      this.#setOf.set(row, set);
    }
    this.sets = [...byKey.values()];
    this.renew();
  }

  /** Nodes that the largest set needs, as of the last `renew`. */
  get nodes(): number {
    return this.#nodes;
  }

  take(row: number, pods: number): void {
    const set = this.#setOf.get(row);
    if (set !== undefined) set.left -= pods;
  }

  renew(): void {
    this.#nodes = this.sets.reduce((most, { left, max }) => Math.max(most, left / max), 0);
  }
}
