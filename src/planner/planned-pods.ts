// For whom a node is made, kept on its claim: how many pods of which shape. Each plan puts such pods there first. Without
// it every pass would pack the nodes that are coming up anew, in another order than the plan that asked for them, find some
// pods left over and buy more nodes for them (on a mix of 20,000 pods 601 instead of 422).
import { type NodeClaim, type NodeClaimSpec, PLANNED_KINDS_MAX } from '../api/node-claim.ts';
import type { SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { keyBeforeBinding } from '../cluster/pod-shape-interner.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PodRange } from './plan.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';
import { hash64 } from './template-hash.ts';

type PlannedPods = NonNullable<NodeClaimSpec['plannedPods']>;

/** How long after a node became Ready its pods may still be on their way: the scheduler looks at pods that it could not
 *  place every five minutes at the latest (kube-scheduler, podMaxInUnschedulablePodsDuration). */
const ARRIVAL_MS = 10 * 60_000;

/** Looks of a pod at a node, over one plan: a second or so. Pods that let each other in need a look for each of them. */
export const LOOKS_MAX = 1_000_000;

const digests = new WeakMap<PodShape, string>();

/** 16 hex digits, equal for equal pods, waiting or bound, in every process of one version. */
export function digestOf(shape: PodShape): string {
  const known = digests.get(shape);
  if (known !== undefined) return known;
  const digest = hash64(keyBeforeBinding(shape));
  digests.set(shape, digest);
  return digest;
}

/** What each of `claims` equal claims for these pods says of them: the kinds with most pods where they are more than a claim
 *  can hold. */
export function plannedPodsOf(ranges: readonly PodRange[], claims: number): PlannedPods {
  const all: { readonly shape: string; readonly priority: number; count: number }[] = [];
  for (const { pods, from, to } of ranges) {
    const pod = pods[from];
    if (pod === undefined || to === from) continue;
    const { priority } = pod;
    const shape = digestOf(pod.shape);
    // A node has few kinds: looking through them costs less than a key for each.
    const known = all.find((kind) => kind.shape === shape && kind.priority === priority);
    if (known === undefined) all.push({ shape, priority, count: (to - from) / claims });
    else known.count += (to - from) / claims;
  }
  const kept =
    all.length <= PLANNED_KINDS_MAX ? all : all.sort((a, b) => b.count - a.count).slice(0, PLANNED_KINDS_MAX);
  return kept.map(({ shape, priority, count }) => ({ shape, ...(priority === 0 ? {} : { priority }), count }));
}

/** Equal pods that a node was made for. */
export interface Awaited {
  /** Those that wait, and those that run on nodes that go. */
  readonly groups: readonly PodGroup[];
  readonly priority: number;
  /** The node's. */
  readonly index: number;
  left: number;
}

/** The nodes that were made for some of `groups` and do not have them yet, the oldest claim first. `named`: groups that
 *  are on their way to the node whose name they carry. */
export function awaitedPods(
  draft: PlanDraft,
  groups: readonly PodGroup[],
  named: readonly PodGroup[] = [],
): readonly Awaited[] {
  if (groups.length === 0) return [];
  const nodes = draft.snapshot.nodes.filter((node) => awaitsPods(node, draft.nowMs) && draft.fork.isOpen(node.index));
  if (nodes.length === 0) return [];
  const byKind = new Map<string, PodGroup[]>();
  for (const group of groups) {
    const key = `${group.priority} ${digestOf(group.shape)}`;
    const known = byKind.get(key);
    if (known === undefined) byKind.set(key, [group]);
    else known.push(group);
  }
  const onTheirWay = new Map<string, PodObject[]>();
  for (const { nominatedNodeName, pods, placed } of named) {
    onTheirWay.set(nominatedNodeName, [...(onTheirWay.get(nominatedNodeName) ?? []), ...pods.slice(0, placed)]);
  }
  return nodes.sort(olderClaimFirst).flatMap((node) => {
    const there = kindsOf([...node.pods, ...(onTheirWay.get(node.name) ?? [])]);
    return (node.claim?.spec.plannedPods ?? []).flatMap(({ shape, priority = 0, count }) => {
      const kind = `${priority} ${shape}`;
      const alike = byKind.get(kind);
      const left = count - (there.get(kind) ?? 0);
      return alike === undefined || left <= 0 ? [] : [{ groups: alike, priority, index: node.index, left }];
    });
  });
}

/** Places what is awaited where it still fits, and again as long as one pod lets in another (affinity, spread). `give`
 *  hears of each run of pods on one node and raises the group's `placed`. */
export function placeAwaited(
  draft: PlanDraft,
  awaited: readonly Awaited[],
  options: {
    /** Counted down. */
    readonly looks: { left: number };
    readonly give: (group: PodGroup, at: { readonly index: number; readonly count: number }) => void;
  },
): void {
  const { looks, give } = options;
  let open = awaited;
  for (let placedAny = true; placedAny && open.length > 0; ) {
    looks.left -= open.length;
    if (looks.left < 0) {
      draft.cutShort.add(`pods were kept for the nodes made for them up to ${LOOKS_MAX} looks at a node`);
      return;
    }
    placedAny = false;
    for (const one of open) {
      for (const group of one.groups) {
        const pod = nextPod(group);
        const most = Math.min(one.left, group.pods.length - group.placed);
        const count = pod === undefined || most === 0 ? 0 : draft.fork.fitsCount(pod, one.index, { most });
        if (count === 0) continue;
        draft.fork.placeMany(group.pods, one.index, { from: group.placed, until: group.placed + count });
        give(group, { index: one.index, count });
        one.left -= count;
        placedAny = true;
      }
    }
    open = open.filter(
      ({ groups, left }) => left > 0 && groups.some((group) => group.entangled && nextPod(group) !== undefined),
    );
  }
}

function awaitsPods({ claim, draining, upcoming }: SnapshotNode, nowMs: number): boolean {
  if (claim?.spec.plannedPods === undefined || draining) return false;
  return upcoming || (claim.status?.phase === 'Ready' && nowMs - readyMsOf(claim) < ARRIVAL_MS);
}

const readyMs = new WeakMap<NodeClaim, number>();

/** When its node became Ready; worked out once per claim, as most of a cluster's are the same in every plan. */
function readyMsOf(claim: NodeClaim): number {
  let known = readyMs.get(claim);
  if (known === undefined) readyMs.set(claim, (known = Date.parse(claim.status?.readyAt ?? '')));
  return known;
}

function kindsOf(pods: readonly PodObject[]): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>();
  for (const { priority, shape } of pods) {
    const kind = `${priority} ${digestOf(shape)}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}

function olderClaimFirst(left: SnapshotNode, right: SnapshotNode): number {
  const [one, other] = [left, right].map(({ claim }) => claim?.metadata.creationTimestamp ?? '');
  return (one ?? '') < (other ?? '') ? -1 : (one ?? '') > (other ?? '') ? 1 : left.index - right.index;
}
