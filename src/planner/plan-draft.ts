// What the phases of make-plan work on: the snapshot, one forked copy of it, and what has been decided so far.
// The only mutable thing of this room; it lives for one call of makePlan. Above 250 lines because every phase speaks in its
// words: what it holds and the ways to change it belong together.
import type { Reason } from '../api/conditions.ts';
import type { NodeClaim, RemovalReason } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../cluster/cluster-objects.ts';
import { arrayOf } from '../cluster/listed.ts';
import { DRAINING, nodesInState } from '../cluster/snapshot-columns.ts';
import { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { isMovable } from './claim-facts.ts';
import { openNodeBudget, type NodeBudget } from './node-budget.ts';
import type { Refused } from './node-limits.ts';
import { type ClaimNames, nameAt, openNameSource, type NameSource } from './node-names.ts';
import type { ImprovedPatterns, PatternsSolved } from './patterns/improved-patterns.ts';
import {
  podsIn,
  shareOf,
  type Blocked,
  type FirstRound,
  type NodeVerdict,
  type PlanStep,
  type PodPlace,
  type PodRange,
  type PodRun,
} from './plan.ts';
import type { PodGroup } from './pod-groups.ts';
import { offersOf, type Offer, type PoolOffers } from './pool-offers.ts';
import { listPools, type PoolState, standingAmong } from './pool-state.ts';

/** Pools are made by tenants, up to 512 flavors and zones each: one plan looks at so many in all. Each costs a look at
 *  every node when it is built and a trial per kind of pod afterwards. */
const OFFERS_MAX = 2000;
/** Removals of nodes whose pods had other places. */
const PLACES_WERE_FOUND: ReadonlySet<RemovalReason | undefined> = new Set(['ScaleDown', 'Consolidated']);
const NO_REFUSALS: PodPlace['refusals'] = [];
const TOO_MANY: Refused = {
  reason: 'CeilingReached',
  message: `the cluster's NodePools name more than ${OFFERS_MAX} flavors and zones together; use fewer of them`,
};

/** A node that the plan creates, or several equal ones: the latter only as long as nobody has asked the fork about them. */
export interface NewNode {
  readonly pool: PoolState;
  readonly offer: Offer;
  /** One per node. */
  readonly names: ClaimNames;
  readonly reason: string;
  /** Pods that the plan puts there, of each range an equal share on each node; grows while packing. */
  readonly pods: PodRange[];
  /** For no pod in particular: see amend-first-round.ts. */
  readonly amended?: true;
  /** Claims in whose place it is made. */
  readonly replaces?: readonly string[];
}

export interface PlanDraft {
  readonly snapshot: ClusterSnapshot;
  readonly objects: ClusterObjects;
  readonly nowMs: number;
  /** By name. */
  readonly pools: readonly PoolState[];
  readonly poolsByName: ReadonlyMap<string, PoolState>;
  readonly fork: ForkedSnapshot;
  readonly budget: NodeBudget;
  readonly names: NameSource;
  readonly removals: Map<string, PlanStep & { readonly kind: 'removeClaim' }>;
  readonly newNodes: NewNode[];
  readonly newNodeCounts: Map<PoolState, number>;
  /** Those of them that are in the fork, in the order of their indices, which follow the snapshot's. */
  readonly forkedNodes: NewNode[];
  /** New nodes whose pods were packed by size alone. They enter the fork when somebody has to ask it about them. */
  readonly unforkedNodes: NewNode[];
  readonly timers: (PlanStep & { readonly kind: 'setTimer' })[];
  readonly blocked: Map<string, Blocked>;
  /** Movable pods of nodes that are being emptied: they need room elsewhere. */
  readonly displaced: PodObject[];
  /** Those of nodes that were found unneeded, because these pods had other places: they take room and get no new node.
   *  Should a place be gone when they are evicted, they ask as pending pods. Else a removal could undo itself. */
  readonly rehoused: PodObject[];
  readonly podRuns: PodRun[];
  /** By claim, once all nodes were judged. May be the last plan's list: it is replaced, never changed. */
  nodeVerdicts: readonly NodeVerdict[];
  /** Verdicts as they are found. */
  readonly judged: NodeVerdict[];
  /** Claims of a replacement that is under way: why each is not thought of for removal. */
  readonly held: Map<string, string>;
  /** What becomes of nodes that cheaper ones could replace; undefined: no pool wants it. */
  consolidation?: string | undefined;
  readonly cutShort: Set<string>;
  /** Instants at which a timer falls due. */
  readonly dueMs: number[];
  /** Pools whose growth to desiredNodes a limit stopped: their wish stays written. */
  readonly growthBlocked: Set<string>;
  readonly offers: Map<string, PoolOffers>;
  /** Better answers than a plan has time to look for. */
  readonly improved: ImprovedPatterns | undefined;
  /** The packing problems of this plan, with the answers that it goes by. */
  readonly solved: PatternsSolved[];
  /** What the scheduler makes of the new nodes, once it was simulated. */
  firstRound?: FirstRound | undefined;
}

/** An empty plan over `snapshot`, with the pods of nodes that already drain taken off them. */
export function openDraft(
  snapshot: ClusterSnapshot,
  options: { readonly nameSeed: string; readonly improved?: ImprovedPatterns },
): PlanDraft {
  const { objects } = snapshot;
  const pools = listPools(objects);
  const draft: PlanDraft = {
    snapshot,
    objects,
    nowMs: objects.observedAtMs,
    pools,
    poolsByName: new Map(pools.map((pool) => [pool.name, pool])),
    fork: new ForkedSnapshot(snapshot),
    budget: openNodeBudget(objects),
    names: openNameSource({
      seed: options.nameSeed,
      taken: () => [
        ...objects.claims.map((claim) => claim.metadata.name),
        ...arrayOf(objects.nodes).map((node) => node.name),
      ],
    }),
    removals: new Map(),
    newNodes: [],
    newNodeCounts: new Map(),
    forkedNodes: [],
    unforkedNodes: [],
    timers: [],
    blocked: new Map(),
    displaced: [],
    rehoused: [],
    podRuns: [],
    nodeVerdicts: [],
    judged: [],
    held: new Map(),
    cutShort: new Set(),
    dueMs: [],
    growthBlocked: new Set(),
    offers: new Map(),
    improved: options.improved,
    solved: [],
  };
  for (const index of nodesInState(snapshot.columns, DRAINING)) {
    const node = snapshot.nodes[index];
    if (node === undefined) continue;
    // While frozen a node that looks lost may come back with its pods: no new node for them either.
    const stays = PLACES_WERE_FOUND.has(node.claim?.status?.removal?.reason) || objects.frozen !== undefined;
    // Off the fork, so that a pod's old copy there does not count against its new place.
    const pods = draft.fork.removeNode(node.index).filter(isMovable);
    (stays ? draft.rehoused : draft.displaced).push(...pods);
  }
  return draft;
}

/** Plans the removal of a claim and closes its node in the fork. Nothing happens while the cluster is frozen, unless
 *  the operator deletes it, nor twice. Returns whether it was planned. */
export function removeClaim(
  draft: PlanDraft,
  claim: NodeClaim,
  why: { readonly reason: RemovalReason; readonly message: string },
): boolean {
  const { name } = claim.metadata;
  if (draft.removals.has(name) || claim.status?.removal !== undefined) return false;
  if (draft.objects.frozen !== undefined && why.reason !== 'ClusterDeleted') return false;
  draft.removals.set(name, {
    kind: 'removeClaim',
    pool: claim.spec.poolName,
    claim: name,
    claimUid: claim.metadata.uid,
    reason: why.reason,
    message: why.message,
  });
  const index = nodeIndexOf(draft, claim);
  if (index !== undefined && draft.fork.isOpen(index)) {
    for (const pod of draft.fork.removeNode(index)) if (isMovable(pod)) draft.displaced.push(pod);
  }
  return true;
}

/** Plans one more node of `offer`, in the fork too. The caller has asked the budget. */
export function addNode(draft: PlanDraft, offer: Offer, reason: string): NewNode {
  const node = addUnforkedNodes(draft, offer, { count: 1, reason });
  draft.unforkedNodes.pop();
  forkNode(draft, node);
  return node;
}

/** Plans `count` more nodes of `offer`, equal ones, outside of the fork. The caller has asked the budget, and places only pods
 *  there for which nothing but the node itself decides. */
export function addUnforkedNodes(
  draft: PlanDraft,
  offer: Offer,
  of: { readonly count: number; readonly reason: string },
): NewNode {
  const { pool, template } = offer;
  const { count, reason } = of;
  draft.budget.take(pool, template.flavor, count);
  const names = draft.names.next(pool.name, count);
  const node: NewNode = { pool, offer, names, reason, pods: [] };
  draft.newNodes.push(node);
  draft.newNodeCounts.set(pool, newNodesOf(draft, pool) + count);
  draft.unforkedNodes.push(node);
  return node;
}

/** How many nodes `node` is. */
export function nodesIn({ names }: NewNode): number {
  return names.numbers.length;
}

/** The name of the node, or of the first of several. */
export function nameOf({ names }: NewNode): string {
  return nameAt(names, 0);
}

/** How many nodes the plan creates so far. */
export function countNewNodes({ newNodeCounts }: PlanDraft): number {
  let count = 0;
  for (const nodes of newNodeCounts.values()) count += nodes;
  return count;
}

/** From now on each new node is one of its own: new node number k has the index k in the list. */
export function splitNodes(draft: PlanDraft): void {
  if (!draft.unforkedNodes.some((node) => nodesIn(node) > 1)) return;
  const parts = new Map(draft.unforkedNodes.map((node) => [node, singlesOf(node)]));
  const split = (node: NewNode): readonly NewNode[] => parts.get(node) ?? [node];
  draft.newNodes.splice(0, Infinity, ...draft.newNodes.flatMap(split));
  draft.unforkedNodes.splice(0, Infinity, ...draft.unforkedNodes.flatMap(split));
}

function singlesOf(node: NewNode): readonly NewNode[] {
  const { pool, numbers } = node.names;
  if (numbers.length === 1) return [node];
  return numbers.map((number, index) => ({
    ...node,
    names: { pool, numbers: [number] },
    pods: node.pods.map((range) => shareOf(range, index, numbers.length)),
  }));
}

/** Brings every new node into the fork, with its pods. */
export function forkAll(draft: PlanDraft): void {
  splitNodes(draft);
  for (const node of draft.unforkedNodes.splice(0)) {
    const index = forkNode(draft, node);
    for (const pod of podsIn(node.pods)) draft.fork.place(pod, index);
  }
}

/** Takes the fork back to `mark`, when it had the first `standing` new nodes, and puts all the later ones there (single ones),
 *  empty, in their order: from then on new node number k has the index of the snapshot's node count plus k. */
export function reforkNodes(draft: PlanDraft, to: { readonly mark: number; readonly standing: number }): void {
  draft.fork.rollback(to.mark);
  draft.forkedNodes.length = to.standing;
  draft.unforkedNodes.length = 0;
  for (const node of draft.newNodes.slice(to.standing)) forkNode(draft, node);
}

function forkNode(draft: PlanDraft, node: NewNode): number {
  draft.forkedNodes.push(node);
  return draft.fork.addTemplateNode(node.offer.template, nameOf(node));
}

/** Gives the next `count` pods of the group a place (or the reason why they have none). The fork is the caller's part. */
export function givePlaces(
  draft: PlanDraft,
  group: PodGroup,
  given: PodPlace & Pick<PodRun, 'targets'> & { readonly count: number },
): PodRange {
  const { outcome, target, targets, refusals } = given;
  const { pods, placed: from } = group;
  const to = from + given.count;
  group.placed = to;
  if (!group.pending) return { pods, from, to };
  const run = { pods, from, to, outcome, target, refusals };
  draft.podRuns.push(targets === undefined ? run : { ...run, targets });
  return run;
}

/** Gives pods of the group, the next `count` for each of the nodes, their place on a node that the plan adds. */
export function giveNewNode(
  draft: PlanDraft,
  group: PodGroup,
  at: { readonly node: NewNode; readonly count: number },
): void {
  const { node } = at;
  const nodes = nodesIn(node);
  const count = at.count * nodes;
  const place = { outcome: 'onNewNode' as const, target: nameOf(node), refusals: NO_REFUSALS, count };
  node.pods.push(givePlaces(draft, group, nodes === 1 ? place : { ...place, targets: node.names }));
}

/** Notes why a pool's wish is not met; the first message per pool and reason stays. */
export function block(
  draft: PlanDraft,
  pool: string,
  why: { readonly reason: Reason; readonly message: string },
): void {
  const key = `${pool}\n${why.reason}`;
  if (!draft.blocked.has(key)) draft.blocked.set(key, { pool, reason: why.reason, message: sentence(why.message) });
}

/** Conditions are read as sentences, one after another. Field names keep their case. */
function sentence(message: string): string {
  const start = message.startsWith('spec.') ? message : message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** What `pool` can offer now, computed once per plan. Pools that come after OFFERS_MAX offer nothing and say why. */
export function draftOffers(draft: PlanDraft, pool: PoolState): PoolOffers {
  const known = draft.offers.get(pool.name);
  if (known !== undefined) return known;
  let built = 0;
  for (const { offers, held } of draft.offers.values()) built += offers.length + held.length;
  const full = built >= OFFERS_MAX;
  if (full) draft.cutShort.add(`the pools were looked at up to ${OFFERS_MAX} flavors and zones`);
  const offers = full ? { offers: [], held: [], refused: [TOO_MANY] } : offersOf(pool, draft.objects);
  draft.offers.set(pool.name, offers);
  return offers;
}

/** Claims of `pool` that will still stand after what is planned so far, new ones not counted; by name. */
export function standingClaims(draft: PlanDraft, pool: PoolState): readonly NodeClaim[] {
  const claims = standingAmong(pool.claims);
  if (draft.removals.size === 0) return claims;
  // Asked of every pool again and again: most lose nothing.
  for (const removal of draft.removals.values()) {
    if (removal.pool === pool.name) return claims.filter((claim) => !draft.removals.has(claim.metadata.name));
  }
  return claims;
}

/** New nodes of `pool` so far. */
export function newNodesOf(draft: PlanDraft, pool: PoolState): number {
  return draft.newNodeCounts.get(pool) ?? 0;
}

/** Where the claim's node is in the snapshot; undefined: it has none there. */
export function nodeIndexOf(draft: PlanDraft, claim: NodeClaim): number | undefined {
  const registered = claim.status?.nodeName ?? '';
  return draft.snapshot.nodeIndexByName.get(registered === '' ? claim.metadata.name : registered);
}
