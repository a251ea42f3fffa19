// Numbers of pod shapes from one snapshot to the next: a shape keeps its number for as long as snapshots are made from each
// other, and those that are gone are let go of now and then.
import type { ClusterSnapshot } from './build-snapshot.ts';
import type { PodShape } from './cluster-objects.ts';
import { type Entries, entriesOfShape, withEntries } from './shape-entries.ts';
import { renumbered } from './snapshot-columns.ts';
import type { PodsMoved } from './update-columns.ts';

/** Shapes without pods keep their numbers, and their memory, until they are so many and this share of all; then the others are
 *  numbered anew, which costs some milliseconds where there are 30,000. */
const DEAD_SHAPES_MAX = 4096;
const DEAD_SHARE_MAX = 1 / 4;

/** The same snapshot; once there are many shapes without pods, with the others numbered as in a fresh lineage. */
export function withoutDeadShapes(snapshot: ClusterSnapshot): ClusterSnapshot {
  const { columns, shapeCount } = snapshot;
  const { deadShapes } = columns;
  if (deadShapes <= DEAD_SHAPES_MAX || deadShapes <= shapeCount * DEAD_SHARE_MAX) return snapshot;
  const shapes: PodShape[] = [];
  const running = new Map<number, Entries>();
  for (const [number, shape] of snapshot.shapes.slice(0, shapeCount).entries()) {
    const entries = entriesOfShape(columns, number);
    if (entries.length === 0) continue;
    running.set(shapes.length, entries);
    shapes.push(shape);
  }
  const lineage = partedLineage(shapes);
  return {
    ...snapshot,
    shapes,
    shapeCount: shapes.length,
    shapeNumbers: lineage.numbers,
    lineage,
    columns: renumbered(columns, withEntries([], running)),
  };
}

type Numbering = Pick<ClusterSnapshot, 'shapes' | 'shapeCount' | 'shapeNumbers' | 'lineage'>;

/** New shapes get the next numbers. One list and one map serve all snapshots of a lineage: what later ones add to them
 *  means nothing to earlier ones, as its numbers are beyond theirs. */
export function numberShapes(previous: ClusterSnapshot, moved: readonly PodsMoved[]): Numbering {
  const { shapes, shapeCount, shapeNumbers, lineage } = previous;
  const fresh = new Set<PodShape>();
  for (const { after } of moved) {
    for (const { shape } of after) if ((shapeNumbers.get(shape) ?? shapeCount) >= shapeCount) fresh.add(shape);
  }
  if (fresh.size === 0) return { shapes, shapeCount, shapeNumbers, lineage };
  // Another snapshot may have been made from the same one, and have given these numbers to its own shapes.
  const own = lineage.shapes.length === shapeCount ? lineage : partedLineage(shapes.slice(0, shapeCount));
  for (const shape of fresh) {
    own.numbers.set(shape, own.shapes.length);
    own.shapes.push(shape);
  }
  return { shapes: own.shapes, shapeCount: own.shapes.length, shapeNumbers: own.numbers, lineage: own };
}

function partedLineage(shapes: PodShape[]): ClusterSnapshot['lineage'] {
  return { shapes, numbers: new Map(shapes.map((shape, number) => [shape, number])) };
}
