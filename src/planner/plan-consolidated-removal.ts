// Phase: replacements that are under way. The old nodes go once all new ones are Ready and take their pods, as far as budgets
// and the number of drains allow; until then none of both is thought of for removal otherwise. The pods keep their places in
// the fork, so that nothing else is removed on the strength of the same room. Waiting pods come first: they have their places
// already, and where they took the room that was meant for a replacement, it waits, and in the end does not happen.
import { TAINTS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { placeGroups } from '../simulation/place-groups.ts';
import { isMovable } from './claim-facts.ts';
import { takeDrains } from './drains-under-way.ts';
import { nodeIndexOf, removeClaim, type PlanDraft } from './plan-draft.ts';
import { expendableCutoff } from './plan-scale-up.ts';
import { leftInSomeOrder } from './placed-in-any-order.ts';
import { awaitedPods, LOOKS_MAX, placeAwaited } from './planned-pods.ts';
import { demandOf, nextPod } from './pod-groups.ts';
import { sizeOf } from './pool-size.ts';
import { pricesByFlavor } from './price-model.ts';
import { openDisruptionLedger, type DisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { podKey } from './removal-rules/removal-rule.ts';
import { replacementsUnderWay, type UnderWay } from './replacements-under-way.ts';
import { judgeNode, type Candidate } from './scale-down-candidates.ts';

/** Claims named in one sentence. */
const NAMES_MAX = 5;

interface Removing {
  readonly draft: PlanDraft;
  readonly cutoff: number;
  readonly prices: ReadonlyMap<string, number>;
  /** Counts what drains already and what this plan adds. */
  readonly ledger: DisruptionLedger;
  drainsLeft: number;
}

/** Removes old nodes whose replacements are Ready, and holds the nodes of the others. */
export function planConsolidatedRemoval(draft: PlanDraft): void {
  const underWay = replacementsUnderWay(draft);
  if (underWay.length === 0) return;
  const { objects } = draft;
  const cutoff = expendableCutoff(draft);
  const ledger = openDisruptionLedger(objects.podDisruptionBudgets);
  const removing: Removing = {
    draft,
    cutoff,
    prices: pricesByFlavor(objects.flavors, objects.prices),
    ledger,
    drainsLeft: takeDrains(draft, { ledger, cutoff }),
  };
  for (const one of underWay) carryOn(removing, one);
}

function carryOn(removing: Removing, { added, replaced }: UnderWay): void {
  const { draft } = removing;
  const candidates: Candidate[] = [];
  let because = draft.objects.frozen;
  for (const claim of replaced) {
    const judged = judge(removing, claim);
    if (typeof judged === 'string') because ??= `${claim.metadata.name} stays: ${judged}`;
    else candidates.push(judged);
  }
  // Asked also while the new nodes come up: else something else might be removed on the strength of their room.
  because ??= movePods(removing, candidates) ?? notReady(draft, added);
  for (const { metadata } of added) draft.held.set(metadata.name, `it takes the place of ${named(replaced)}`);
  if (because === undefined) for (const candidate of candidates) removeOne(removing, candidate, added);
  for (const { metadata } of replaced) {
    if (draft.removals.has(metadata.name)) continue;
    const why = because ?? 'other nodes go first, as disruption budgets and scaleDownNodesMax allow';
    draft.held.set(metadata.name, `${named(added)} ${added.length === 1 ? 'takes' : 'take'} its place, later: ${why}`);
  }
}

/** As any other removal by choice, whatever the node is used to. */
function judge({ draft, cutoff, prices, ledger }: Removing, claim: NodeClaim): Candidate | string {
  const node = draft.snapshot.nodes[nodeIndexOf(draft, claim) ?? -1];
  if (node === undefined) return 'its node is not there';
  const judged = judgeNode(draft, { node, claim, cutoff, prices, budgets: ledger, whateverUsed: true });
  return judged.kind === 'candidate' ? judged.candidate : (judged.because ?? 'it is leaving');
}

/** Takes the nodes out of the fork and gives their pods other places, those first that were meant for them. Why that cannot be
 *  done now. */
function movePods({ draft, cutoff }: Removing, candidates: readonly Candidate[]): string | undefined {
  const { fork, snapshot } = draft;
  const mark = fork.mark();
  const moving = candidates.flatMap(({ node }): readonly PodObject[] => fork.removeNode(node.index));
  const displaced = moving.filter((pod) => pod.priority >= cutoff && isMovable(pod));
  const groups = demandOf({ pending: [], displaced, rehoused: [] });
  let left = leftInSomeOrder(fork, groups, { newFrom: 0 });
  let early: number | undefined;
  const land = (group: (typeof groups)[number], at: { readonly index: number; readonly count: number }): void => {
    group.placed += at.count;
    if (snapshot.nodes[at.index]?.upcoming ?? true) early ??= at.index;
  };
  placeAwaited(draft, awaitedPods(draft, groups), { looks: { left: LOOKS_MAX }, give: land });
  placeGroups(fork, groups, { place: (group, { node, count }) => land(group, { index: node, count }) });
  for (const group of groups) left ??= nextPod(group);
  if (left !== undefined) {
    fork.rollback(mark);
    return `pod ${podKey(left)} might find no other place now`;
  }
  return early === undefined ? undefined : `node ${fork.nodeName(early)} is not Ready yet`;
}

/** A new node that is not Ready or, with placement hints, not open yet: pods that are evicted now would wait for it. */
function notReady(draft: PlanDraft, added: readonly NodeClaim[]): string | undefined {
  for (const claim of added) {
    const { name } = claim.metadata;
    const node = draft.snapshot.nodes[nodeIndexOf(draft, claim) ?? -1];
    if (node === undefined || node.upcoming || node.node?.ready !== 'True') return `node ${name} is not Ready yet`;
    if (node.node.taints.some(({ key }) => key === TAINTS.placing)) return `node ${name} is not open to pods yet`;
  }
  return undefined;
}

function removeOne(removing: Removing, candidate: Candidate, added: readonly NodeClaim[]): void {
  const { draft, ledger } = removing;
  const { pool, pods, claim } = candidate;
  if (sizeOf(draft, pool) <= pool.settings.minNodes) return;
  if (pods.length > 0 && (removing.drainsLeft <= 0 || ledger.refusal(pods) !== undefined)) return;
  const message = `its pods have room on ${named(added)}, made in its place${savingText(removing, added)}`;
  if (!removeClaim(draft, claim, { reason: 'Consolidated', message })) return;
  if (pods.length > 0) removing.drainsLeft -= 1;
  ledger.take(pods);
}

/** What the whole replacement saves, as far as all of the old claims are still there to be priced. */
function savingText({ draft, prices }: Removing, added: readonly NodeClaim[]): string {
  const names = new Set(added.flatMap((claim) => claim.spec.replaces ?? []));
  const old = draft.objects.claims.filter((claim) => names.has(claim.metadata.name));
  if (old.length < names.size) return '';
  const costOf = (claims: readonly NodeClaim[]): number =>
    claims.reduce((sum, { spec }) => sum + (prices.get(spec.flavor) ?? 0), 0);
  return ` for ${(costOf(old) - costOf(added)).toFixed(4)} less per hour`;
}

function named(claims: readonly NodeClaim[]): string {
  const names = claims.map(({ metadata }) => metadata.name);
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return `${names.slice(0, NAMES_MAX).join(', ')}${more}`;
}
