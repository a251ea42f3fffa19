// Phase: which nodes of autoscaled pools are not needed, since when, and which of them go now.
// A node is unneeded when it is a candidate (scale-down-candidates.ts), its pool may shrink, and its pods have other
// places. All unneeded nodes are taken out of one fork one after another, so no two of them count on the same room.
// Timers live on claims, so that a restart or a new leader finds them. An unneeded node goes when its time has come,
// its pool got no node lately, its PodDisruptionBudgets have room, and not too many drain already.
import { simulateNodeRemoval } from '../simulation/simulate-node-removal.ts';
import { compareText, createdMsOf, isMovable, timeMs } from './claim-facts.ts';
import { newNodesOf, removeClaim, standingClaims, type PlanDraft } from './plan-draft.ts';
import { expendableCutoff } from './plan-scale-up.ts';
import { sizeOf } from './pool-size.ts';
import { isActive, type PoolState } from './pool-state.ts';
import { openDisruptionLedger, type DisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { podKey } from './removal-rules/removal-rule.ts';
import { compareCandidates, isEvictable, judgeNode, type Candidate } from './scale-down-candidates.ts';
import { utilizationOf } from './utilization.ts';

/** Nodes with pods that drain at once, unless the WorkloadCluster says: cluster-autoscaler's parallelism. */
const DRAINING_MAX_DEFAULT = 10;
/** Empty nodes that go at once: they disturb nobody, but each is several calls to the cloud. */
const EMPTY_REMOVALS_MAX = 100;
/** Pods moved in simulation in one plan: about 10 µs each on 1,000 nodes with 300 shapes, so some 25 ms in all. Nodes
 *  chosen before come first, so those left out are only found later. */
export const MOVES_MAX = 2500;

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
  movesLeft: number;
  drainsLeft: number;
  emptiesLeft: number;
}

/** Judges every node of ours, sets and clears timers, and removes the nodes whose time has come. */
export function planScaleDown(draft: PlanDraft): void {
  const state = openScaleDown(draft);
  const budgets = openDisruptionLedger(draft.objects.podDisruptionBudgets);
  const candidates: Candidate[] = [];
  for (const node of draft.snapshot.nodes) {
    const { claim } = node;
    if (claim === undefined) continue;
    const judged = judgeNode(draft, {
      node,
      claim,
      cutoff: state.cutoff,
      budgets,
    });
    if (judged.kind === 'candidate') {
      candidates.push(judged.candidate);
      continue;
    }
    report(draft, node.index, judged.because);
    if (judged.settled) setTimer(draft, node.index, { timer: 'unneededSince', sinceMs: undefined });
    if (judged.settled) watchReadiness(draft, node.index);
  }
  for (const candidate of candidates.sort(compareCandidates)) decide(state, candidate);
  draft.nodeVerdicts.sort((a, b) => compareText(a.claim, b.claim));
}

function openScaleDown(draft: PlanDraft): ScaleDown {
  const cutoff = expendableCutoff(draft);
  const taken = openDisruptionLedger(draft.objects.podDisruptionBudgets);
  let draining = 0;
  for (const node of draft.snapshot.nodes) {
    if (!node.draining && !(node.claim !== undefined && draft.removals.has(node.claim.metadata.name))) continue;
    const pods = node.pods.filter((pod) => isEvictable(pod, cutoff));
    taken.take(pods);
    if (pods.length > 0) draining++;
  }
  const pools = draft.pools.filter((pool) => isActive(pool) && pool.settings.autoscale);
  return {
    draft,
    cutoff,
    taken,
    spare: new Map(pools.map((pool) => [pool, sizeOf(draft, pool) - pool.settings.minNodes])),
    asked: new Map(pools.map((pool) => [pool, askedToLose(draft, pool)])),
    grownMs: new Map(pools.map((pool) => [pool, grownMs(draft, pool)])),
    movesLeft: MOVES_MAX,
    drainsLeft: (draft.objects.cluster.spec.autoscaler?.scaleDownNodesMax ?? DRAINING_MAX_DEFAULT) - draining,
    emptiesLeft: EMPTY_REMOVALS_MAX,
  };
}

function grownMs(draft: PlanDraft, pool: PoolState): number {
  return newNodesOf(draft, pool) > 0 ? draft.nowMs : Math.max(0, ...pool.claims.map(createdMsOf));
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
  if (state.movesLeft <= 0) {
    draft.cutShort.add(`scale-down looked no further after moving ${MOVES_MAX} pods in simulation`);
    report(draft, index, 'not looked at in this plan; nodes found unneeded before come first');
    return;
  }
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
  const due = asked || dueAtMs(draft, candidate) <= draft.nowMs;
  if (due && wait === undefined) {
    removeNow(state, candidate, asked);
    report(draft, index, undefined);
    return;
  }
  const dueMs = Math.max(dueAtMs(draft, candidate), shrinksAtMs(state, pool));
  if (dueMs > draft.nowMs) draft.dueMs.push(dueMs);
  if (candidate.unneededSinceMs === undefined) {
    setTimer(draft, index, { timer: 'unneededSince', sinceMs: draft.nowMs });
  }
  report(draft, index, wait);
}

/** `because` of an unneeded one: why it cannot go just now. */
type Found =
  | { readonly kind: 'needed'; readonly because: string }
  | { readonly kind: 'unneeded'; readonly because: string | undefined };

function takeOut(state: ScaleDown, { pool, node }: Candidate): Found {
  const { draft } = state;
  if ((state.spare.get(pool) ?? 0) <= 0) {
    return { kind: 'needed', because: `pool '${pool.name}' is at its minNodes, ${pool.settings.minNodes}` };
  }
  const movable = draft.fork.podsOn(node.index).filter((pod) => isMovable(pod) && pod.priority >= state.cutoff);
  const simulation = simulateNodeRemoval(draft.fork, node.index, { movable });
  if (simulation.kind === 'stuck') {
    // The hardest pods are tried first, so most of the others were never moved: nodes that are stuck in every plan must
    // not use up what the others need.
    state.movesLeft -= Math.ceil(movable.length / 4);
    return { kind: 'needed', because: `pod ${podKey(simulation.pod)} has no other place: ${simulation.refusal}` };
  }
  state.movesLeft -= movable.length;
  const early = simulation.moves.find((move) => draft.snapshot.nodes[move.node]?.upcoming ?? true);
  if (early === undefined) return { kind: 'unneeded', because: undefined };
  const target = draft.fork.nodeName(early.node);
  return { kind: 'unneeded', because: `pod ${podKey(early.pod)} would go to node ${target}, which is not Ready yet` };
}

/** When the candidate's own time has come. */
function dueAtMs(draft: PlanDraft, candidate: Candidate): number {
  const { settings } = candidate.pool;
  if (candidate.ready) return (candidate.unneededSinceMs ?? draft.nowMs) + settings.scaleDownUnneededMs;
  return (timeMs(candidate.claim.status?.unreadySince) ?? draft.nowMs) + settings.scaleDownUnreadyMs;
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
  if (pods.length === 0) {
    return state.emptiesLeft > 0 ? undefined : `${EMPTY_REMOVALS_MAX} empty nodes go in this plan already`;
  }
  if (state.drainsLeft <= 0) return 'as many nodes drain as may at once (spec.autoscaler.scaleDownNodesMax)';
  return state.taken.refusal(pods);
}

function removeNow(state: ScaleDown, candidate: Candidate, asked: boolean): void {
  const { pods, pool, ready, utilization } = candidate;
  if (pods.length === 0) state.emptiesLeft--;
  else state.drainsLeft--;
  state.taken.take(pods);
  const { scaleDownUnneededMs, scaleDownUnreadyMs } = pool.settings;
  const rest = pods.length === 0 ? 'nothing on it needs another node' : 'its pods fit elsewhere';
  const why = ready
    ? asked
      ? `desiredNodes was lowered, ${rest}`
      : `unneeded for ${scaleDownUnneededMs / 1000} s: used to ${Math.round(utilization * 100)} %, ${rest}`
    : `not Ready for ${scaleDownUnreadyMs / 1000} s, ${rest}`;
  removeClaim(state.draft, candidate.claim, { reason: ready ? 'ScaleDown' : 'Unready', message: why });
}

/** Since when the Node of a Ready claim is not Ready. Kept apart from being unneeded: it goes on while a rule holds. */
function watchReadiness(draft: PlanDraft, index: number): void {
  const node = draft.snapshot.nodes[index];
  const pool = draft.poolsByName.get(node?.claim?.spec.poolName ?? '');
  const watched = pool?.settings.autoscale === true && node?.claim?.status?.phase === 'Ready';
  const unready = watched && node.node !== undefined && node.node.ready !== 'True';
  const known = node?.claim?.status?.unreadySince !== undefined;
  if (unready !== known) setTimer(draft, index, { timer: 'unreadySince', sinceMs: unready ? draft.nowMs : undefined });
}

function setTimer(
  draft: PlanDraft,
  index: number,
  set: { readonly timer: 'unneededSince' | 'unreadySince'; readonly sinceMs: number | undefined },
): void {
  const claim = draft.snapshot.nodes[index]?.claim;
  if (claim === undefined) return;
  if (set.sinceMs === undefined && claim.status?.[set.timer] === undefined) return;
  draft.timers.push({ kind: 'setTimer', claim: claim.metadata.name, claimUid: claim.metadata.uid, ...set });
}

function report(draft: PlanDraft, index: number, keptBecause: string | undefined): void {
  const node = draft.snapshot.nodes[index];
  if (node?.claim === undefined) return;
  draft.nodeVerdicts.push({
    claim: node.claim.metadata.name,
    pool: node.claim.spec.poolName,
    utilization: utilizationOf(node),
    keptBecause,
  });
}
