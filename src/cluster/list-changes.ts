// What makes one list of another, found by comparing entries as objects. Lists of a store keep their order: what changed stays
// in its place, what is new comes last or where another one went. Any other order is read as objects that went and came,
// which is as true.
import type { ListChange } from './listed.ts';

/** The changes; undefined: more than `most`. `isSame`: the two are one object at two times. */
export function listChanges<T>(
  before: readonly T[],
  after: readonly T[],
  by: { readonly most: number; readonly isSame: (left: T, right: T) => boolean },
): readonly ListChange<T>[] | undefined {
  const changes: ListChange<T>[] = [];
  let from = 0;
  let to = 0;
  while (from < before.length || to < after.length) {
    const [old, now] = [before[from], after[to]];
    if (old === now) {
      from += 1;
      to += 1;
      continue;
    }
    if (changes.length >= by.most) return undefined;
    const replaced =
      old !== undefined && now !== undefined && (by.isSame(old, now) || before[from + 1] === after[to + 1]);
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
