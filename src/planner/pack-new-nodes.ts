// Which new nodes the pods that have no place get, the more important pods first. Within one priority the entangled pods
// (plain-demand.ts) come first, each placement asked of the fork; then the plain ones fill what room those nodes have
// left; and the rest of them is packed by numbers (pack-patterns.ts).
import { mayOpenLater, placeGroups } from '../simulation/place-groups.ts';
import { chooseOffer, openTrials, type Trials, twinsOf } from './choose-offer.ts';
import { packPatterns } from './pack-patterns.ts';
import { DemandSorter, nodesFor, type SortedDemand } from './plain-demand.ts';
import { addNode, countNewNodes, draftOffers, forkAll, giveNewNode, type PlanDraft } from './plan-draft.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { NEW_NODES_MAX } from './pool-size.ts';
import { isActive, type PoolState } from './pool-state.ts';
import type { NodeExclusion } from './spread-rules.ts';
import { zoneCounts } from './zone-balance.ts';

/** Pods that only fit once others have a place (affinity) get this many further rounds. */
const ROUNDS_MAX = 3;
/** New nodes of one group after which its flavor is chosen anew: what else would fill them has changed by then. */
const NODES_PER_CHOICE = 32;
/** Nodes added and taken back because the pod in question did not want them: an upper end for hostile inputs. */
const MISFITS_MAX = 10_000;

interface Packing {
  readonly draft: PlanDraft;
  /** Opened by the first pod that needs a trial. */
  trials: Trials | undefined;
  readonly band: readonly PodGroup[];
  readonly offers: readonly Offer[];
  readonly zones: ReadonlyMap<PoolState, Map<string, number>>;
  misfitsLeft: number;
}

/** Can this pool get nodes because pods wait? */
export function takesPods(pool: PoolState): boolean {
  return isActive(pool) && pool.settings.autoscale && pool.settings.unschedulable !== true;
}

/** Adds nodes to the draft until every group has its places or nothing more can be done. `all` are the plan's groups, also those
 *  that have their places: their rules hold too. Returns the groups with rules that were packed by numbers: their places
 *  hold whatever other nodes there are. */
export function packNewNodes(
  draft: PlanDraft,
  groups: readonly PodGroup[],
  all: readonly PodGroup[],
): ReadonlySet<PodGroup> {
  const plain = new Set<PodGroup>();
  if (groups.length === 0) return plain;
  // By priority, so that what is left out for being too much is the least important.
  const pools = draft.pools.filter(takesPods).sort((a, b) => b.settings.priority - a.settings.priority);
  const offers = pools.flatMap((pool) => draftOffers(draft, pool).offers);
  if (offers.length === 0) return plain;
  const zones = new Map(pools.map((pool) => [pool, zoneCounts(draft, pool)]));
  const least = nodesAtLeast(groups, offers);
  const sorter = new DemandSorter(draft, all, { nodesAtLeast: least });
  for (const priority of prioritiesOf(groups)) {
    const band = groups.filter((group) => group.priority === priority && nextPod(group) !== undefined);
    const demand = sorter.sort(band);
    const packing: Packing = { draft, trials: undefined, band, offers, zones, misfitsLeft: MISFITS_MAX };
    forkAll(draft);
    // Pods that keep off each other's nodes set how many nodes there are: those come first, and the others fill them.
    const nodesFirst = demand.entangled.length > 0 && nodesApart(demand) > least;
    const early = nodesFirst ? packPatterns(draft, demand, { offers, zones }) : [];
    if (demand.entangled.length > 0) forkAll(draft);
    serveInRounds(packing, demand.entangled);
    fillWithPlain(packing, demand);
    const late = nodesFirst ? [] : packPatterns(draft, demand, { offers, zones });
    for (const group of demand.plain) if (mayOpenLater(group.shape)) plain.add(group);
    // A zone that could not take its share (limits) leaves the others with too much.
    const uneven = unevenIn(demand);
    for (const group of [...early, ...late, ...uneven]) plain.delete(group);
    // Some may have waited for pods that have a place only now.
    const waiting = demand.entangled.filter((group) => nextPod(group) !== undefined && mayOpenLater(group.shape));
    if (early.length + late.length + waiting.length === 0) continue;
    forkAll(draft);
    serveInRounds(packing, [...early, ...late, ...waiting]);
  }
  return plain;
}

function prioritiesOf(groups: readonly PodGroup[]): ReadonlySet<number> {
  const priorities = new Set<number>();
  for (const { priority } of groups) priorities.add(priority);
  return priorities;
}

function trialsOf(packing: Packing): Trials {
  const { draft, offers, zones, band: groups } = packing;
  packing.trials ??= openTrials({ draft, offers, zones, groups });
  return packing.trials;
}

/** The most nodes that one set of pods needs that keep off each other. */
function nodesApart({ exclusions }: SortedDemand): number {
  return Math.max(0, ...exclusions.map(nodesFor));
}

/** Carriers of rules over zones that look at a group of which some pods have no place. */
function unevenIn({ zoneConstraints, clusters }: SortedDemand): readonly PodGroup[] {
  const left = (group: PodGroup): boolean => nextPod(group) !== undefined;
  return [
    ...zoneConstraints.flatMap(({ carriers, counted }) => (counted.some(left) ? [...carriers] : [])),
    ...clusters.flatMap((cluster) => ([...cluster].some(left) ? [...cluster] : [])),
  ];
}

/** Room on new nodes that stand in the fork, for plain pods, with their rules in mind: others are still to be packed. */
function fillWithPlain({ draft, offers }: Packing, { plain, zoneConstraints, spreadOverNodes }: SortedDemand): void {
  if (draft.forkedNodes.length === 0) return;
  // Where there is one zone, nothing is dealt.
  const [first] = offers;
  const oneZone = offers.every(({ template }) => template.zone === first?.template.zone);
  const carriers = new Set(zoneConstraints.flatMap((constraint) => [...constraint.carriers]));
  const dealt = new Set(zoneConstraints.flatMap(({ counted }) => counted.filter((group) => !carriers.has(group))));
  const limits = new Map(spreadOverNodes.flatMap((one) => [...one.groups].map((group) => [group, one] as const)));
  for (const group of plain) {
    const limit = limits.get(group);
    if (dealt.has(group) && !oneZone) continue;
    if (limit === undefined) fillNewNodes(draft, group);
    else fillUpTo(draft, group, limit);
  }
}

/** As fillNewNodes, with at most `perNodeMax` pods of the set on each node. */
function fillUpTo(draft: PlanDraft, group: PodGroup, { groups, perNodeMax }: NodeExclusion): void {
  const lists = new Set([...groups].map((one) => one.pods));
  draft.forkedNodes.forEach((node, position) => {
    const pod = nextPod(group);
    if (pod === undefined) return;
    const there = node.pods.reduce((sum, { pods, from, to }) => sum + (lists.has(pods) ? to - from : 0), 0);
    const most = Math.min(perNodeMax - there, group.pods.length - group.placed);
    const index = draft.snapshot.nodes.length + position;
    const count = most <= 0 ? 0 : draft.fork.fitsCount(pod, index, { most });
    if (count === 0) return;
    draft.fork.placeMany(group.pods, index, { from: group.placed, until: group.placed + count });
    giveNewNode(draft, group, { node, count });
  });
}

/** By the scarcest resource, were all new nodes as big as the biggest. */
function nodesAtLeast(groups: readonly PodGroup[], offers: readonly Offer[]): number {
  let [cpuMillis, memoryBytes, pods] = [0, 0, 0];
  for (const { shape, pods: all, placed } of groups) {
    const count = all.length - placed;
    cpuMillis += shape.requests.cpuMillis * count;
    memoryBytes += shape.requests.memoryBytes * count;
    pods += shape.requests.pods * count;
  }
  const asked = { cpuMillis, memoryBytes, pods };
  return (['cpuMillis', 'memoryBytes', 'pods'] as const).reduce((least, axis) => {
    const most = offers.reduce((max, { template }) => Math.max(max, template.allocatable[axis]), 1);
    return Math.max(least, Math.ceil(asked[axis] / most));
  }, 1);
}

function serveInRounds(packing: Packing, groups: readonly PodGroup[]): void {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let progress = false;
    for (const group of groups) if (serveGroup(packing, group)) progress = true;
    if (!progress || groups.every((group) => nextPod(group) === undefined)) return;
  }
}

/** Places as many pods of `group` as can be; true when it placed one. */
function serveGroup(packing: Packing, group: PodGroup): boolean {
  const before = group.placed;
  fillNewNodes(packing.draft, group);
  while (nextPod(group) !== undefined && mayGoOn(packing)) {
    const best = chooseOffer(trialsOf(packing), group);
    if (best === undefined) break;
    const served = group.placed;
    for (let nodes = 0; nodes < NODES_PER_CHOICE && nextPod(group) !== undefined; nodes++) {
      const index = openNodeFor(packing, group, best);
      if (index === undefined) break;
      fillNewNodes(packing.draft, group, index);
      // The new node may have opened others, where pods are counted against each other.
      if (mayOpenLater(group.shape)) fillNewNodes(packing.draft, group);
    }
    if (group.placed === served) break;
  }
  return group.placed > before;
}

/** Adds a node like `best`, in the emptiest zone where the pod may run; its index in the fork. undefined: there is none, or a
 *  limit is reached. */
function openNodeFor(packing: Packing, group: PodGroup, best: Offer): number | undefined {
  const { draft, zones } = packing;
  const pod = nextPod(group);
  if (pod === undefined || !mayGoOn(packing)) return undefined;
  if (draft.budget.refusal(best.pool, best.template.flavor) !== undefined) return undefined;
  for (const offer of twinsOf(trialsOf(packing), best)) {
    const mark = draft.fork.mark();
    const index = draft.fork.addTemplateNode(offer.template, '~open');
    const fits = draft.fork.whyNot(pod, index) === undefined;
    draft.fork.rollback(mark);
    if (!fits) {
      packing.misfitsLeft--;
      continue;
    }
    addNode(draft, offer, '');
    const counts = zones.get(offer.pool);
    counts?.set(offer.template.zone, (counts.get(offer.template.zone) ?? 0) + 1);
    return index;
  }
  return undefined;
}

function mayGoOn({ draft, misfitsLeft }: Packing): boolean {
  if (countNewNodes(draft) >= NEW_NODES_MAX) {
    draft.cutShort.add(`scale-up stopped at ${NEW_NODES_MAX} new nodes in one plan`);
    return false;
  }
  if (misfitsLeft > 0) return true;
  draft.cutShort.add(`scale-up stopped after ${MISFITS_MAX} nodes in zones that did not help`);
  return false;
}

/** Room on nodes that this plan added before. */
export function fillNewNodes(draft: PlanDraft, group: PodGroup, from = draft.snapshot.nodes.length): void {
  if (draft.forkedNodes.length === 0 || nextPod(group) === undefined) return;
  placeGroups(draft.fork, [group], {
    from,
    place: (_group, { node: index, count }) => {
      const node = draft.forkedNodes[index - draft.snapshot.nodes.length];
      if (node === undefined)
        throw new Error(`fork index ${index} is not one of ${draft.forkedNodes.length} new nodes`);
      giveNewNode(draft, group, { node, count });
    },
  });
}
