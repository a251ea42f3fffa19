// Where there is storage left, for drivers that track it (CSIStorageCapacity). A driver for local disks has one object a
// node and class, so they are found by the label that they ask for instead of one after the other.
import type { CsiStorageCapacityObject } from '../cluster/cluster-objects.ts';
import { selectorFault } from '../cluster/label-names.ts';
import { selectorMatches } from '../cluster/label-selector.ts';

type Labels = ReadonlyMap<string, string>;

/** The biggest volume of a storage class that can be made from a node with these labels; undefined: none. */
export interface StorageCapacities {
  bytesLeft(storageClass: string, labels: Labels): number | undefined;
}

/** Capacities of one class: label key → value → those that ask for it first; the rest ask for something else. */
interface OfClass {
  readonly byLabel: Map<string, Map<string, CsiStorageCapacityObject[]>>;
  readonly rest: CsiStorageCapacityObject[];
}

/** Indexes them. Without a size, a topology or with a selector that cannot be read they say nothing, as in the scheduler. */
export function storageCapacities(capacities: readonly CsiStorageCapacityObject[]): StorageCapacities {
  const classes = new Map<string, OfClass>();
  for (const capacity of capacities) {
    const { storageClass, topology, volumeBytesMax } = capacity;
    if (topology === undefined || volumeBytesMax === undefined || selectorFault(topology) !== undefined) continue;
    const known = classes.get(storageClass);
    const ofClass = known ?? { byLabel: new Map(), rest: [] };
    if (known === undefined) classes.set(storageClass, ofClass);
    listFor(ofClass, capacity).push(capacity);
  }
  return {
    bytesLeft: (storageClass, labels) => {
      const ofClass = classes.get(storageClass);
      return ofClass === undefined ? undefined : mostOf(candidates(ofClass, labels), labels);
    },
  };
}

function listFor(ofClass: OfClass, { topology }: CsiStorageCapacityObject): CsiStorageCapacityObject[] {
  const first = topology?.requirements[0];
  const value = first?.values[0];
  if (first?.operator !== 'In' || first.values.length !== 1 || value === undefined) return ofClass.rest;
  const byValue = ofClass.byLabel.get(first.key) ?? new Map<string, CsiStorageCapacityObject[]>();
  ofClass.byLabel.set(first.key, byValue);
  const list = byValue.get(value) ?? [];
  byValue.set(value, list);
  return list;
}

function* candidates({ byLabel, rest }: OfClass, labels: Labels): Generator<CsiStorageCapacityObject> {
  yield* rest;
  for (const [key, byValue] of byLabel) yield* byValue.get(labels.get(key) ?? '') ?? [];
}

function mostOf(capacities: Iterable<CsiStorageCapacityObject>, labels: Labels): number | undefined {
  let most: number | undefined;
  for (const { topology, volumeBytesMax } of capacities) {
    if (volumeBytesMax === undefined || !selectorMatches(topology, labels)) continue;
    most = Math.max(most ?? volumeBytesMax, volumeBytesMax);
  }
  return most;
}
