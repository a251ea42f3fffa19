// Shapes found by their words. Grows only: a shape that no pod has any longer costs its entry until the directory is dropped.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import { type Tokens, tokensOf } from './shape-tokens.ts';

export class ShapeDirectory {
  readonly #shapes = new Set<PodShape>();
  readonly #byToken = new Map<string, PodShape[]>();

  get size(): number {
    return this.#shapes.size;
  }

  add(shape: PodShape): void {
    if (this.#shapes.has(shape)) return;
    this.#shapes.add(shape);
    for (const token of tokensOf(shape)) {
      const others = this.#byToken.get(token);
      if (others === undefined) this.#byToken.set(token, [shape]);
      else others.push(shape);
    }
  }

  /** Shapes with one of the words, each once; all of them for undefined. */
  withAny(tokens: Tokens): Iterable<PodShape> {
    if (tokens === undefined) return this.#shapes;
    if (tokens.length === 1) return this.#byToken.get(tokens[0] ?? '') ?? [];
    const found = new Set<PodShape>();
    for (const token of tokens) for (const shape of this.#byToken.get(token) ?? []) found.add(shape);
    return found;
  }
}

interface Kept {
  readonly directory: ShapeDirectory;
  /** Shape numbers that are in it. */
  known: number;
}

const kept = new WeakMap<ClusterSnapshot['lineage'], Kept>();

/** The shapes of the pods on a snapshot's nodes, and maybe of others that were there; made once for all forks, and added to
 *  for snapshots that were updated from each other. */
export function shapesOf(snapshot: ClusterSnapshot): ShapeDirectory {
  const { lineage, shapes } = snapshot;
  let entry = kept.get(lineage);
  if (entry === undefined) kept.set(lineage, (entry = { directory: new ShapeDirectory(), known: 0 }));
  for (; entry.known < shapes.length; entry.known += 1) {
    const shape = shapes[entry.known];
    if (shape !== undefined) entry.directory.add(shape);
  }
  return entry.directory;
}
