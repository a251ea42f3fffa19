// Phase: nodes of pools with `consolidate` are replaced by fewer or cheaper ones. Here a replacement is found and begun: the new
// nodes' claims name the ones that they replace, and plan-consolidated-removal.ts goes on from there. Only in a calm cluster, where
// nothing comes up, goes or waits for a node; one replacement at a time, so that a wrong guess costs one, and the next is worked
// out of what the cluster then is. What was found must hold for as long as an unneeded node waits; that timer lives on the claims.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { DRAINING, nodesInState } from '../cluster/snapshot-columns.ts';
import { findCheaperNodes } from './cheaper-nodes.ts';
import { isStanding, isUpcoming, timeMs } from './claim-facts.ts';
import { changeText, judgeAnew, nothingText } from './consolidation-notes.ts';
import { takeDrains } from './drains-under-way.ts';
import { unitPricesOf } from './least-cost.ts';
import { flavorWishes } from './flavor-wishes.ts';
import { draftOffers, nameOf, newNodesOf, nodeIndexOf, type PlanDraft, removeClaim } from './plan-draft.ts';
import { expendableCutoff } from './plan-scale-up.ts';
import { consolidates, type PoolState, restlessAmong } from './pool-state.ts';
import { openDisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { type Replaceable, replaceableNodes } from './replaceable-nodes.ts';
import type { Candidate } from './scale-down-candidates.ts';
import { setTimer } from './scale-down-notes.ts';
import { holdsInAnyOrder, tryCheaperNodes, type CheaperNodes, type Terms } from './try-cheaper-nodes.ts';

/** A search of n steps (of about 30 ns) is made once in n times so many ms: it takes a hundredth of the time. */
const REST_MS_PER_STEP = 3e-3;
/** Steps that adding up the pods of one node counts. */
const STEPS_PER_NODE = 50;

/** Finds and begins a replacement, or says why there is none. */
export function planConsolidation(draft: PlanDraft): void {
  const pools = draft.pools.filter(consolidates);
  const timed = timedAmong(draft.objects.claims).filter(isStanding);
  if (pools.length === 0) return stopTimers(draft, timed);
  const restless = whyNotCalm(draft);
  if (restless !== undefined) return say(draft, `nothing is replaced now: ${restless}`);
  const { lineage } = draft.snapshot;
  const last = searches.get(lineage);
  const dueMs = dueAtMs(draft, timed);
  if (dueMs !== undefined && dueMs > draft.nowMs) draft.dueMs.push(dueMs);
  const sinceMs = last === undefined ? 0 : Math.abs(draft.nowMs - last.atMs);
  // The very same instant is asked again: then the answer is the same.
  if (last !== undefined && sinceMs > 0 && sinceMs < last.restMs) {
    draft.dueMs.push(draft.nowMs + last.restMs - sinceMs);
    return say(draft, last.said);
  }
  const steps = search(draft, pools, timed);
  searches.set(lineage, { atMs: draft.nowMs, restMs: steps * REST_MS_PER_STEP, said: draft.consolidation ?? '' });
}

/** The last search of each line of snapshots: what a plan says may be late, never wrong. */
const searches = new WeakMap<
  ClusterSnapshot['lineage'],
  { readonly atMs: number; readonly restMs: number; readonly said: string }
>();

function say(draft: PlanDraft, said: string): void {
  draft.consolidation = said;
}

function whyNotCalm(draft: PlanDraft): string | undefined {
  const { objects, snapshot } = draft;
  if (objects.frozen !== undefined) return objects.frozen;
  if (draft.held.size > 0) return 'a replacement is under way';
  if (draft.removals.size > 0 || nodesInState(snapshot.columns, DRAINING).length > 0) return 'nodes are being removed';
  if (draft.newNodes.length > 0) return 'nodes are being added';
  if (draft.pools.some((pool) => restlessAmong(pool.claims).some(isUpcoming))) return 'nodes are coming up';
  if (draft.podRuns.some((run) => run.outcome === 'waitingForPreemption')) return 'pods wait for preemption';
  // Their pods have places in the fork that the others still have to give up in truth.
  if (snapshot.nodes.some((node) => !node.draining && !draft.fork.isOpen(node.index))) {
    return 'nodes are found unneeded, and those go first';
  }
  return undefined;
}

/** Returns what it cost, in steps. */
function search(draft: PlanDraft, pools: readonly PoolState[], timed: readonly NodeClaim[]): number {
  const tiers = tiersOf(draft, pools, timed);
  const stepsOf = (): number =>
    tiers.reduce((sum, { terms }) => sum + terms.steps, draft.snapshot.nodes.length * STEPS_PER_NODE);
  // The set that was found before is the first to be asked: else one that is a little better would come along for ever.
  for (const { terms, candidates } of timed.length === 0 ? [] : tiers) {
    const before = candidates.filter(({ claim }) => timed.includes(claim));
    const again = before.length === timed.length ? tryCheaperNodes(terms, before) : undefined;
    if (again?.kind !== 'cheaper' || !holdsInAnyOrder(terms, again.found)) continue;
    proceed(draft, again.found);
    return stepsOf();
  }
  const results = tiers.map(({ terms, candidates }) => findCheaperNodes(terms, candidates));
  const found = results.flatMap(({ best }) => best ?? []).sort((a, b) => b.worth - a.worth);
  const [best] = found;
  const chosen = new Set(best?.candidates.map(({ claim }) => claim));
  stopTimers(
    draft,
    timed.filter((claim) => !chosen.has(claim)),
  );
  if (best === undefined) say(draft, nothingText(results, tiers));
  else proceed(draft, best, { sinceMs: draft.nowMs });
  return stepsOf();
}

/** Candidates of pools of one priority, and nodes from the same pools: people prefer a pool of higher priority at any price. */
interface Tier extends Replaceable {
  readonly terms: Terms;
}

function tiersOf(draft: PlanDraft, pools: readonly PoolState[], timed: readonly NodeClaim[]): readonly Tier[] {
  const priorities = [...new Set(pools.map((pool) => pool.settings.priority))].sort((a, b) => b - a);
  const before = new Set(timed);
  const { isSmall } = flavorWishes(draft);
  const cutoff = expendableCutoff(draft);
  const ledger = openDisruptionLedger(draft.objects.podDisruptionBudgets);
  const drainsMax = takeDrains(draft, { ledger, cutoff });
  return priorities.map((priority): Tier => {
    const own = pools.filter(({ settings }) => settings.priority === priority);
    const from = own.filter(({ settings }) => settings.unschedulable !== true);
    const offers = from
      .flatMap((pool) => draftOffers(draft, pool).offers)
      .filter(({ template }) => !isSmall(template.flavor));
    const unitPrices = unitPricesOf(offers);
    const listed = replaceableNodes(draft, own, { unitPrices, before });
    const { pricePerPod } = listed;
    const terms: Terms = { draft, cutoff, pools: from, offers, unitPrices, pricePerPod, drainsMax, steps: 0 };
    return { ...listed, terms };
  });
}

/** Begins the replacement when its time has come, else lets its time run. `fresh`: it was not found before, and starts then. */
function proceed(draft: PlanDraft, found: CheaperNodes, fresh?: { readonly sinceMs: number }): void {
  const { nowMs } = draft;
  const sinceMs = ({ claim }: Candidate): number => fresh?.sinceMs ?? timeMs(claim.status?.replaceableSince) ?? nowMs;
  const dueMs = Math.max(...found.candidates.map((one) => sinceMs(one) + one.pool.settings.scaleDownUnneededMs));
  if (dueMs <= nowMs) return begin(draft, found);
  draft.dueMs.push(dueMs);
  for (const { node } of fresh === undefined ? [] : found.candidates) {
    setTimer(draft, node.index, { timer: 'replaceableSince', sinceMs: fresh?.sinceMs });
  }
  say(draft, `${changeText(found)}, at ${new Date(dueMs).toISOString()} if that still holds then`);
  judgeAnew(draft, found, `it is to be replaced: ${draft.consolidation}`);
}

function begin(draft: PlanDraft, found: CheaperNodes): void {
  say(draft, changeText(found));
  stopTimers(
    draft,
    found.candidates.map(({ claim }) => claim),
  );
  if (found.nodes.length === 0) return removeAtOnce(draft, found);
  const replaces = found.candidates.map(({ claim }) => claim.metadata.name).sort();
  for (const node of found.nodes) {
    draft.budget.take(node.pool, node.offer.template.flavor);
    draft.newNodes.push({ ...node, reason: changeText(found), replaces });
    draft.newNodeCounts.set(node.pool, newNodesOf(draft, node.pool) + 1);
  }
  judgeAnew(draft, found, `${found.nodes.map(nameOf).join(', ')} is made in its place`);
}

/** Other nodes have room for all of their pods, and all may drain at once. */
function removeAtOnce(draft: PlanDraft, { candidates }: CheaperNodes): void {
  for (const { claim } of candidates) {
    removeClaim(draft, claim, { reason: 'Consolidated', message: 'other nodes have room for all of its pods' });
  }
  judgeAnew(draft, { candidates }, undefined);
}

/** When the time of what was found before has come; undefined: nothing was. */
function dueAtMs(draft: PlanDraft, timed: readonly NodeClaim[]): number | undefined {
  if (timed.length === 0) return undefined;
  return Math.max(
    ...timed.map(({ spec, status }) => {
      const unneededMs = draft.poolsByName.get(spec.poolName)?.settings.scaleDownUnneededMs ?? 0;
      return (timeMs(status?.replaceableSince) ?? draft.nowMs) + unneededMs;
    }),
  );
}

function stopTimers(draft: PlanDraft, claims: readonly NodeClaim[]): void {
  for (const claim of claims) {
    const index = nodeIndexOf(draft, claim);
    if (index !== undefined) setTimer(draft, index, { timer: 'replaceableSince', sinceMs: undefined });
  }
}

const runningTimers = new WeakMap<readonly NodeClaim[], readonly NodeClaim[]>();

/** Claims whose timer runs; looked for once per list. */
function timedAmong(claims: readonly NodeClaim[]): readonly NodeClaim[] {
  let found = runningTimers.get(claims);
  if (found === undefined) {
    found = claims.filter((claim) => claim.status?.replaceableSince !== undefined);
    runningTimers.set(claims, found);
  }
  return found;
}
