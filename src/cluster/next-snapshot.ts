// The snapshot of a cluster that was looked at before: what changed is what the lists of pods know of each other, or is found
// by comparing them, whose entries are the same objects as long as nothing changed.
import { buildSnapshot, type ClusterSnapshot } from './build-snapshot.ts';
import type { ClusterObjects, PodObject } from './cluster-objects.ts';
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

/** What makes `after` of `before`; undefined: too much. Lists of a store keep their order: what changed stays in its place, what
 *  is new comes last. Any other order is read as pods that went and came, which is as true. */
export function changesBetween(old: Listed<PodObject>, now: Listed<PodObject>): readonly PodChange[] | undefined {
  const most = old.length / PODS_PER_CHANGE;
  const told = now.changesSince?.(old);
  if (told !== undefined) return told.length > most ? undefined : told;
  return compared({ before: Array.from(old), after: Array.from(now), most });
}

function compared(lists: {
  readonly before: readonly PodObject[];
  readonly after: readonly PodObject[];
  readonly most: number;
}): readonly PodChange[] | undefined {
  const { before, after, most } = lists;
  const changes: PodChange[] = [];
  let from = 0;
  let to = 0;
  while (from < before.length || to < after.length) {
    const [old, now] = [before[from], after[to]];
    if (old === now) {
      from += 1;
      to += 1;
      continue;
    }
    if (changes.length >= most) return undefined;
    const replaced =
      old !== undefined && now !== undefined && (old.uid === now.uid || before[from + 1] === after[to + 1]);
    // In the place of one that went stands the next one, or nothing.
    const went =
      old !== undefined && (replaced || before[from + 1] === now || to >= after.length || after[to + 1] !== old);
    const came = now !== undefined && (replaced || !went);
    changes.push({ before: went ? old : undefined, after: came ? now : undefined });
    if (went) from += 1;
    if (came) to += 1;
  }
  return changes;
}
