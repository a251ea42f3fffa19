// Phase: which nodes of autoscaled pools are not needed, since when, and which of them go now.
// A node is unneeded when it is a candidate (scale-down-candidates.ts), its pool may shrink, and its pods have other
// places. All unneeded nodes are taken out of one fork one after another, so no two of them count on the same room.
// Timers live on claims, so that a restart or a new leader finds them. An unneeded node goes when its time has come,
// its pool got no node lately, its PodDisruptionBudgets have room, and not too many drain already; a last look at all that go
// (confirm-removals.ts) sees that evicted pods find their places. How many drain at once is the operator's wish; how far one
// plan looks is bounded in steps, and what it did not get to comes first another time. Longer than 250 lines because every
// reason to stay stands beside the next.
import type { PodObject } from '../cluster/cluster-objects.ts';
import { RoomKinds } from '../scheduling/room-kinds.ts';
import { NodeRemovals, type PodMove } from '../simulation/simulate-node-removal.ts';
import { isMovable } from './claim-facts.ts';
import { beforeRemovals, type Leaving, withoutPlaces } from './confirm-removals.ts';
import { removeClaim, standingClaims, type PlanDraft } from './plan-draft.ts';
import { expendableCutoff } from './plan-scale-up.ts';
import { sizeOf } from './pool-size.ts';
import { isActive, type PoolState } from './pool-state.ts';
import { pricesByFlavor } from './price-model.ts';
import { takeDrains } from './drains-under-way.ts';
import { openDisruptionLedger, type DisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { podKey } from './removal-rules/removal-rule.ts';
import { judgeNode, type Candidate } from './scale-down-candidates.ts';
import { compareCandidates, fillOrder, turned } from './scale-down-order.ts';
import { type KeptNodes, openKeptNodes } from './standing-nodes.ts';
import { report, setTimer, watchReadiness } from './scale-down-notes.ts';
import { dueAtMs, grownMs } from './scale-down-times.ts';

/** Steps (NodeRemovals.steps, 5 to 10 ns each) of one plan's search for other places. 2,000 nodes at 40 % with 34,000 pods take 6
 *  million, 5,000 with 85,000 pods 16 million; a tenant whose pods are hard to place holds up the other clusters for a quarter
 *  of a second at most. */
export const SEARCH_STEPS_MAX = 30_000_000;
/** This share of them is for the candidates in their order; the rest is for those that it did not get to. */
const IN_ORDER_SHARE = 0.75;

interface ScaleDown {
  readonly draft: PlanDraft;
  readonly cutoff: number;
  /** What drains already and what this plan adds. */
  readonly taken: DisruptionLedger;
  /** Nodes that each pool may still lose. */
  readonly spare: Map<PoolState, number>;
  /** Nodes that a person has asked each pool to lose, by lowering desiredNodes: those go without waiting their time. The
   *  other rules stay, also because desiredNodes may be what a plan wrote before one of its removals was dropped. */
  readonly asked: Map<PoolState, number>;
  /** When each pool last got a node; now, when this plan adds one. */
  readonly grownMs: Map<PoolState, number>;
  /** The search for other places. */
  readonly removals: NodeRemovals;
  drainsLeft: number;
  /** Whose time has come, and why. */
  readonly going: (Leaving & { readonly reason: 'ScaleDown' | 'Unready'; readonly message: string })[];
}

/** Judges every node of ours, sets and clears timers, and removes the nodes whose time has come. */
export function planScaleDown(draft: PlanDraft): void {
  const ledger = openDisruptionLedger(draft.objects.podDisruptionBudgets);
  const cutoff = expendableCutoff(draft);
  const kept = openKeptNodes(draft);
  const candidates = listCandidates(draft, { ledger, cutoff, kept }).sort(compareCandidates);
  if (candidates.length > 0) {
    const kinds = new RoomKinds(draft.fork);
    const before = beforeRemovals(draft.fork, kinds);
    const state = openScaleDown(draft, { ledger, cutoff, candidates, kinds });
    decideAll(state, candidates);
    state.removals.close();
    removeAll(state, withoutPlaces(before, state.going));
  }
  draft.nodeVerdicts = kept.all(draft.judged);
}

function listCandidates(
  draft: PlanDraft,
  by: { readonly ledger: DisruptionLedger; readonly cutoff: number; readonly kept: KeptNodes },
): Candidate[] {
  const { kept } = by;
  const { flavors, prices } = draft.objects;
  const ask = {
    cutoff: by.cutoff,
    budgets: by.ledger,
    prices: pricesByFlavor(flavors, prices),
  };
  const candidates: Candidate[] = [];
  for (const index of kept.open ?? draft.snapshot.nodes.keys()) {
    const held = draft.held.size === 0 ? undefined : heldAt(draft, index);
    if (held !== undefined) {
      hold(draft, index, held);
      continue;
    }
    const known = kept.verdictAt(index);
    if (known !== undefined) {
      draft.judged.push(known);
      continue;
    }
    const node = draft.snapshot.nodes[index];
    if (node === undefined) continue;
    const { claim } = node;
    if (claim === undefined) continue;
    const judged = judgeNode(draft, { ...ask, node, claim });
    if (judged.kind === 'candidate') {
      candidates.push(judged.candidate);
      continue;
    }
    const verdict = report(draft, node.index, judged.because);
    if (judged.settled) setTimer(draft, node.index, { timer: 'unneededSince', sinceMs: undefined });
    if (judged.settled) watchReadiness(draft, node.index);
    if (judged.lasting !== undefined && verdict !== undefined) kept.remember(node, verdict, judged.lasting);
  }
  return candidates;
}

function heldAt({ snapshot, held }: PlanDraft, index: number): string | undefined {
  return held.get(snapshot.nodes[index]?.claim?.metadata.name ?? '');
}

/** Of a replacement that is under way: not this phase's to judge. */
function hold(draft: PlanDraft, index: number, because: string): void {
  report(draft, index, because);
  setTimer(draft, index, { timer: 'unneededSince', sinceMs: undefined });
  watchReadiness(draft, index);
}

/** In their order as far as most of the steps reach, then from another place in each turn. */
function decideAll(state: ScaleDown, candidates: readonly Candidate[]): void {
  const { draft } = state;
  let decided = 0;
  for (const candidate of candidates) {
    if (state.removals.steps > SEARCH_STEPS_MAX * IN_ORDER_SHARE) break;
    decide(state, candidate);
    decided += 1;
  }
  let left = 0;
  for (const candidate of turned(candidates.slice(decided), draft.nowMs)) {
    if (state.removals.steps <= SEARCH_STEPS_MAX) {
      decide(state, candidate);
      continue;
    }
    left += 1;
    watchReadiness(draft, candidate.node.index);
    report(draft, candidate.node.index, 'not looked at in this plan, as there are many; its turn comes');
  }
  if (left > 0) draft.cutShort.add(`scale-down did not look at ${left} of ${candidates.length} nodes in this plan`);
}

function openScaleDown(
  draft: PlanDraft,
  of: {
    readonly ledger: DisruptionLedger;
    readonly cutoff: number;
    readonly candidates: readonly Candidate[];
    readonly kinds: RoomKinds;
  },
): ScaleDown {
  const { ledger, cutoff } = of;
  const drainsLeft = takeDrains(draft, { ledger, cutoff });
  const pools = draft.pools.filter((pool) => isActive(pool) && pool.settings.autoscale);
  const order = of.candidates.map(({ node }) => node.index);
  return {
    draft,
    cutoff,
    taken: ledger,
    spare: new Map(pools.map((pool) => [pool, sizeOf(draft, pool) - pool.settings.minNodes])),
    asked: new Map(pools.map((pool) => [pool, askedToLose(draft, pool)])),
    grownMs: new Map(pools.map((pool) => [pool, grownMs(draft, pool)])),
    removals: new NodeRemovals(draft.fork, of.kinds, fillOrder(draft.fork, order)),
    going: [],
    drainsLeft,
  };
}

function askedToLose(draft: PlanDraft, pool: PoolState): number {
  const { desiredNodes } = pool.pool.spec;
  if (desiredNodes === undefined) return 0;
  return Math.max(standingClaims(draft, pool).length - Math.max(desiredNodes, pool.settings.minNodes), 0);
}

/** Takes the candidate out of the fork when its pods have other places, and removes it when its time has come. */
function decide(state: ScaleDown, candidate: Candidate): void {
  const { draft } = state;
  const { index } = candidate.node;
  watchReadiness(draft, index);
  const found = takeOut(state, candidate);
  if (found.kind === 'needed') {
    report(draft, index, found.because);
    setTimer(draft, index, { timer: 'unneededSince', sinceMs: undefined });
    return;
  }
  const { pool } = candidate;
  state.spare.set(pool, (state.spare.get(pool) ?? 0) - 1);
  const asked = (state.asked.get(pool) ?? 0) > 0;
  if (asked) state.asked.set(pool, (state.asked.get(pool) ?? 0) - 1);
  const wait = found.because ?? holdReason(state, candidate);
  const due = asked || dueAtMs(candidate, draft.nowMs) <= draft.nowMs;
  if (due && wait === undefined) {
    // Pods that came here from other nodes, in simulation, leave those.
    const moves = found.moves.filter(({ pod }) => pod.nodeName === candidate.node.name);
    letGo(state, { candidate, moves }, asked);
    return;
  }
  const dueMs = Math.max(dueAtMs(candidate, draft.nowMs), shrinksAtMs(state, pool));
  if (dueMs > draft.nowMs) draft.dueMs.push(dueMs);
  if (candidate.unneededSinceMs === undefined) {
    setTimer(draft, index, { timer: 'unneededSince', sinceMs: draft.nowMs });
  }
  report(draft, index, wait);
}

/** `because` of an unneeded one: why it cannot go just now. */
type Found =
  | { readonly kind: 'needed'; readonly because: string }
  | { readonly kind: 'unneeded'; readonly because: string | undefined; readonly moves: readonly PodMove[] };

function takeOut(state: ScaleDown, { pool, node }: Candidate): Found {
  const { draft } = state;
  if ((state.spare.get(pool) ?? 0) <= 0) {
    return { kind: 'needed', because: `pool '${pool.name}' is at its minNodes, ${pool.settings.minNodes}` };
  }
  const movable = state.removals.podsOn(node.index).filter((pod) => pod.priority >= state.cutoff && isMovable(pod));
  const simulation = state.removals.remove(node.index, movable);
  if (simulation.kind === 'stuck') {
    return { kind: 'needed', because: `pod ${podKey(simulation.pod)} has no other place: ${simulation.refusal}` };
  }
  const { moves } = simulation;
  const early = moves.find((move) => draft.snapshot.nodes[move.node]?.upcoming ?? true);
  if (early === undefined) return { kind: 'unneeded', because: undefined, moves };
  const target = draft.fork.nodeName(early.node);
  const because = `pod ${podKey(early.pod)} would go to node ${target}, which is not Ready yet`;
  return { kind: 'unneeded', because, moves };
}

/** When its pool may shrink again after it got a node. */
function shrinksAtMs(state: ScaleDown, pool: PoolState): number {
  return (state.grownMs.get(pool) ?? 0) + pool.settings.scaleDownDelayAfterAddMs;
}

/** Why an unneeded node stays a while, besides its own timer. */
function holdReason(state: ScaleDown, { pool, pods }: Candidate): string | undefined {
  const { draft } = state;
  if (draft.nowMs < shrinksAtMs(state, pool)) {
    const agoMs = draft.nowMs - (state.grownMs.get(pool) ?? 0);
    const delay = Math.round(pool.settings.scaleDownDelayAfterAddMs / 1000);
    return `pool '${pool.name}' got a node ${Math.round(agoMs / 1000)} s ago and shrinks ${delay} s after that`;
  }
  // Empty ones disturb nobody; what they cost the cloud is bounded where it is asked (openstack/client/request-budget.ts).
  if (pods.length === 0) return undefined;
  if (state.drainsLeft <= 0) return 'as many nodes drain as may at once (spec.autoscaler.scaleDownNodesMax)';
  return state.taken.refusal(pods);
}

function letGo(state: ScaleDown, leaving: Leaving, asked: boolean): void {
  const { pods, pool, ready, utilization } = leaving.candidate;
  if (pods.length > 0) state.drainsLeft--;
  state.taken.take(pods);
  const { scaleDownUnneededMs, scaleDownUnreadyMs } = pool.settings;
  const rest = pods.length === 0 ? 'nothing on it needs another node' : 'its pods fit elsewhere';
  const why = ready
    ? asked
      ? `desiredNodes was lowered, ${rest}`
      : `unneeded for ${scaleDownUnneededMs / 1000} s: used to ${Math.round(utilization * 100)} %, ${rest}`
    : `not Ready for ${scaleDownUnreadyMs / 1000} s, ${rest}`;
  state.going.push({ ...leaving, reason: ready ? 'ScaleDown' : 'Unready', message: why });
}

/** Removes those that go, but for those that stay because of a pod. */
function removeAll({ draft, going }: ScaleDown, stays: ReadonlyMap<Candidate, PodObject>): void {
  for (const { candidate, reason, message } of going) {
    const pod = stays.get(candidate);
    const { index } = candidate.node;
    if (pod === undefined) {
      removeClaim(draft, candidate.claim, { reason, message });
      report(draft, index, undefined);
      continue;
    }
    if (candidate.unneededSinceMs === undefined) {
      setTimer(draft, index, { timer: 'unneededSince', sinceMs: draft.nowMs });
    }
    report(draft, index, `pod ${podKey(pod)} might find no place once the pods of all nodes that go look for theirs`);
  }
}
