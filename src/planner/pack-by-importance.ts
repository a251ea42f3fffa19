// New nodes for all pods that ask, and when limits (maxNodes, quota, ceilings) cut some of them off: the more important pods
// first. The packing itself asks for the most pods, and would leave the big old ones waiting as long as small new ones
// keep coming. So a plan that a limit cuts off is taken back and made anew, priority by priority, and the oldest pods of
// a priority first, as they are in the scheduler's queue; younger ones get the rest, also before an older one that fits nowhere.
import { mayOpenLater } from '../simulation/place-groups.ts';
import { takesPods } from './pack-new-nodes.ts';
import { draftOffers, forkAll, type NewNode, type PlanDraft } from './plan-draft.ts';
import type { PodRange } from './plan.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';
import { packSettled } from './settle-spread.ts';

/** Ages of one priority that are told apart: each is packed by itself, which costs time and a little room. */
const AGES_MAX = 8;

/** Adds nodes for `groups`, which ask for places; `all` are the plan's groups. */
export function packByImportance(draft: PlanDraft, groups: readonly PodGroup[], all: readonly PodGroup[]): void {
  const takeBack = checkpoint(draft, groups);
  const nodes = draft.newNodes.length;
  packSettled(draft, groups, all);
  if (draft.newNodes.length === nodes || !isCutOff(draft, groups)) return;
  takeBack();
  for (const part of partsOf(groups)) packPart(draft, part, all);
}

/** Pods have no place, and some flavor could not be added for them. */
function isCutOff(draft: PlanDraft, groups: readonly PodGroup[]): boolean {
  if (groups.every((group) => nextPod(group) === undefined)) return false;
  return draft.pools
    .filter(takesPods)
    .some((pool) =>
      draftOffers(draft, pool).offers.some(({ template }) => draft.budget.refusal(pool, template.flavor) !== undefined),
    );
}

/** Pods that are served together: of each group those up to, but not, `until`. */
type Part = readonly { readonly group: PodGroup; readonly until: number }[];

/** By priority, then by age where no pod's place depends on where others are: those are settled all together. */
function partsOf(groups: readonly PodGroup[]): readonly Part[] {
  const priorities = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => b - a);
  return priorities.flatMap((priority): readonly Part[] => {
    const band = groups.filter((group) => group.priority === priority);
    const whole = band.map((group) => ({ group, until: group.pods.length }));
    if (band.some(({ shape }) => mayOpenLater(shape))) return [whole];
    return agesOf(band).map((youngestMs) => band.map((group) => ({ group, until: countUpTo(group, youngestMs) })));
  });
}

/** Times of creation that part the pods into a few sets of about equal size, oldest first. */
function agesOf(band: readonly PodGroup[]): readonly number[] {
  const created = Float64Array.from(band.flatMap(({ pods, placed }) => pods.slice(placed).map((pod) => pod.createdMs)));
  created.sort();
  const ages = new Set<number>();
  for (let part = 1; part <= AGES_MAX; part += 1) {
    ages.add(created[Math.ceil((part * created.length) / AGES_MAX) - 1] ?? 0);
  }
  return [...ages];
}

/** Pods of the group, oldest first, that were created by then; those that have their place are among them. */
function countUpTo({ pods, placed }: PodGroup, createdMs: number): number {
  let until = placed;
  while (until < pods.length && (pods[until]?.createdMs ?? 0) <= createdMs) until += 1;
  return until;
}

function packPart(draft: PlanDraft, part: Part, all: readonly PodGroup[]): void {
  const shortened = new Map<PodGroup, PodGroup>();
  const listOf = new Map<PodRange['pods'], PodRange['pods']>();
  for (const { group, until } of part) {
    if (group.placed >= until) continue;
    const copy = { ...group, pods: until === group.pods.length ? group.pods : group.pods.slice(0, until) };
    shortened.set(group, copy);
    if (copy.pods !== group.pods) listOf.set(copy.pods, group.pods);
  }
  const runs = draft.podRuns.length;
  // Nodes of parts before are there when pods settle.
  forkAll(draft);
  packSettled(
    draft,
    [...shortened.values()],
    all.map((group) => shortened.get(group) ?? group),
  );
  for (const [group, copy] of shortened) group.placed = copy.placed;
  if (listOf.size === 0) return;
  // A plan speaks of the snapshot's own lists.
  const renamed = <Range extends PodRange>(range: Range): Range => {
    const pods = listOf.get(range.pods);
    return pods === undefined ? range : { ...range, pods };
  };
  draft.podRuns.splice(runs, Infinity, ...draft.podRuns.slice(runs).map(renamed));
  for (const { pods } of draft.newNodes) pods.splice(0, pods.length, ...pods.map(renamed));
}

/** Returns what takes the draft back to how it is now, names and notes of what was cut short aside. */
function checkpoint(draft: PlanDraft, groups: readonly PodGroup[]): () => void {
  const mark = draft.fork.mark();
  const releaseBudget = draft.budget.checkpoint();
  const placed = groups.map((group) => group.placed);
  const ranges = draft.newNodes.map(({ pods }) => pods.length);
  const lengths = { runs: draft.podRuns.length, solved: draft.solved.length };
  const forked: readonly NewNode[] = [...draft.forkedNodes];
  const unforked: readonly NewNode[] = [...draft.unforkedNodes];
  const counts = new Map(draft.newNodeCounts);
  return () => {
    draft.fork.rollback(mark);
    releaseBudget();
    groups.forEach((group, at) => {
      group.placed = placed[at] ?? 0;
    });
    draft.newNodes.length = ranges.length;
    draft.newNodes.forEach(({ pods }, at) => {
      pods.length = ranges[at] ?? 0;
    });
    draft.podRuns.length = lengths.runs;
    draft.solved.length = lengths.solved;
    draft.forkedNodes.splice(0, Infinity, ...forked);
    draft.unforkedNodes.splice(0, Infinity, ...unforked);
    draft.newNodeCounts.clear();
    for (const [pool, count] of counts) draft.newNodeCounts.set(pool, count);
  };
}
