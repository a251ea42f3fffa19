// Where the pods of each shape are on a fork: those of the snapshot, and what was placed since. What new counters are
// filled from; costs the pods of one shape, never all.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { entriesOfShape } from '../cluster/shape-entries.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { PodsOnNode } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';

export class RunningPods {
  readonly #snapshot: ClusterSnapshot;
  /** Nodes that were taken away, with the pods that were on them. */
  readonly #gone: ReadonlySet<number>;
  /** Placed since the beginning, by shape, oldest first. */
  readonly #placed = new Map<PodShape, PodsOnNode[]>();

  constructor(snapshot: ClusterSnapshot, gone: ReadonlySet<number>) {
    this.#snapshot = snapshot;
    this.#gone = gone;
  }

  push(shape: PodShape, pods: PodsOnNode): void {
    const others = this.#placed.get(shape);
    if (others === undefined) this.#placed.set(shape, [pods]);
    else others.push(pods);
  }

  /** Takes back the last push of the shape. */
  pop(shape: PodShape): void {
    this.#placed.get(shape)?.pop();
  }

  /** Counts the pods of the shape on nodes that are there; returns how many entries were looked at. */
  fill(counter: DomainCounter, shape: PodShape): number {
    const { shapeNumbers, columns } = this.#snapshot;
    const entries = entriesOfShape(columns, shapeNumbers.get(shape) ?? -1);
    const nothingGone = this.#gone.size === 0;
    let looks = 0;
    for (const chunk of entries) {
      looks += chunk.length;
      for (const entry of chunk) {
        const node = columns.indexOfSlot[entry >> 1] ?? -1;
        if (nothingGone || !this.#gone.has(node)) counter.count(node, (entry & 1) === 1, 1);
      }
    }
    const placed = this.#placed.get(shape) ?? [];
    for (const { node, terminating, by } of placed) if (!this.#gone.has(node)) counter.count(node, terminating, by);
    return looks + placed.length;
  }
}
