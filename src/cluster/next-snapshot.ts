// The snapshot of a cluster that was looked at before: what changed is what the lists of pods know of each other, or is found
// by comparing them, whose entries are the same objects as long as nothing changed.
import { buildSnapshot, type ClusterSnapshot } from './build-snapshot.ts';
import type { ClusterObjects, PodObject } from './cluster-objects.ts';
import { listChanges } from './list-changes.ts';
import type { Listed } from './listed.ts';
import { type PodChange, updateSnapshot } from './update-snapshot.ts';

/** With more changes than one in so many pods, all is built anew: that costs about as much. */
const PODS_PER_CHANGE = 8;

/** As buildSnapshot(objects, version), but for the numbering of shapes, and cheaper when little changed since `previous`. */
export function nextSnapshot(
  previous: ClusterSnapshot | undefined,
  objects: ClusterObjects,
  version: number,
): ClusterSnapshot {
  if (previous === undefined) return buildSnapshot(objects, version);
  const podChanges = changesBetween(previous.objects.pods, objects.pods);
  if (podChanges === undefined) return buildSnapshot(objects, version);
  return updateSnapshot(previous, { objects, version, podChanges });
}

/** What makes `now` of `old`; undefined: too much. */
export function changesBetween(old: Listed<PodObject>, now: Listed<PodObject>): readonly PodChange[] | undefined {
  const most = old.length / PODS_PER_CHANGE;
  const told = now.changesSince?.(old);
  if (told !== undefined) return told.length > most ? undefined : told;
  const isSame = (left: PodObject, right: PodObject): boolean => left.uid === right.uid;
  return listChanges(Array.from(old), Array.from(now), { most, isSame });
}
