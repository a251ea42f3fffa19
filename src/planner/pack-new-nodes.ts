// Which new nodes the pods that have no place get. Greedy: the group of pods that is to be served first decides; every
// node that could be had is tried on the fork with that group first and all others after it, and the best one is taken:
// highest pool priority, then least price per worth of pods on it, then least waste, then pool name, then the zone of
// the pool with the fewest nodes. A good node is repeated without new trials while the same pods would fill it again,
// so the cost grows with the number of pod shapes and offers, not of nodes.
// Just above 250 lines: trial, choice and repetition share one state and are read together.
import { placeGroups } from '../simulation/place-groups.ts';
import { compareText } from './claim-facts.ts';
import { addNode, draftOffers, giveNewNode, type PlanDraft } from './plan-draft.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { NEW_NODES_MAX } from './pool-size.ts';
import { isActive, type PoolState } from './pool-state.ts';
import { requestsWorth } from './price-model.ts';
import { zoneCounts } from './zone-balance.ts';

/** Pods tried on a node, over the whole phase: 1.4 µs each with 300 shapes, 5 µs with 30,000. This bounds the phase to a
 *  few seconds on inputs made to be hard. */
export const TRIES_MAX = 800_000;
/** A node is taken for full after this many groups in a row that do not fit: with thousands of groups most of a trial
 *  would go into asking the rest. */
const MISSES_MAX = 64;
/** Groups that are passed over because cpu or memory is short cost next to nothing, but not nothing. */
const PASSED_OVER_MAX = 4096;
/** New nodes between two clearings of the list of groups. */
const NODES_PER_CLEARING = 4;
/** Pods that only fit once others have a place (affinity) get this many further rounds. */
const ROUNDS_MAX = 3;
/** Not a legal node name, so it can clash with none. */
const TRIAL_NAME = '~trial';

interface Trial {
  readonly offer: Offer;
  readonly pricePerWorth: number;
  readonly waste: number;
  /** Pods taken per group. */
  readonly taken: ReadonlyMap<PodGroup, number>;
}

interface Packing {
  readonly draft: PlanDraft;
  /** Groups that still have pods, in order; some that have none left, until the next clearing. */
  open: readonly PodGroup[];
  /** How many new nodes there were at that clearing. */
  clearedAt: number;
  readonly offers: readonly Offer[];
  readonly zones: ReadonlyMap<PoolState, Map<string, number>>;
  /** Offer and shape that never match, whatever else is there. */
  readonly hopeless: Set<string>;
  /** Least that any pod asks for: with less left a node is full. */
  readonly leastCpuMillis: number;
  triesLeft: number;
}

/** Can this pool get nodes because pods wait? */
export function takesPods(pool: PoolState): boolean {
  return isActive(pool) && pool.settings.autoscale && pool.settings.unschedulable !== true;
}

/** Adds nodes to the draft until every group has its places or nothing more can be done. */
export function packNewNodes(draft: PlanDraft, groups: readonly PodGroup[]): void {
  if (groups.length === 0) return;
  // By priority, so that what is left out for being too much is the least important.
  const pools = draft.pools.filter(takesPods).sort((a, b) => b.settings.priority - a.settings.priority);
  const packing: Packing = {
    draft,
    open: groups,
    clearedAt: 0,
    offers: pools.flatMap((pool) => draftOffers(draft, pool).offers),
    zones: new Map(pools.map((pool) => [pool, zoneCounts(draft, pool)])),
    hopeless: new Set(),
    leastCpuMillis: groups.reduce((least, group) => Math.min(least, group.shape.requests.cpuMillis), Infinity),
    triesLeft: TRIES_MAX,
  };
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let progress = false;
    for (const group of groups) if (serveGroup(packing, group)) progress = true;
    if (!progress || groups.every((group) => nextPod(group) === undefined)) return;
  }
}

/** Places as many pods of `group` as can be; true when it placed one. */
function serveGroup(packing: Packing, group: PodGroup): boolean {
  const before = group.placed;
  fillStandingNewNodes(packing, group);
  while (nextPod(group) !== undefined) {
    if (!mayGoOn(packing)) break;
    const best = bestTrial(packing, group);
    if (best === undefined) break;
    repeat(packing, group, best);
    clearServed(packing);
    fillStandingNewNodes(packing, group);
  }
  return group.placed > before;
}

/** Thousands of groups without pods left would be passed over in every trial. Not after every node: it costs as much. */
function clearServed(packing: Packing): void {
  const { newNodes } = packing.draft;
  if (newNodes.length < packing.clearedAt + NODES_PER_CLEARING) return;
  packing.clearedAt = newNodes.length;
  packing.open = packing.open.filter((group) => nextPod(group) !== undefined);
}

function mayGoOn({ draft, triesLeft }: Packing): boolean {
  if (draft.newNodes.length >= NEW_NODES_MAX) {
    draft.cutShort.add(`scale-up stopped at ${NEW_NODES_MAX} new nodes in one plan`);
    return false;
  }
  if (triesLeft > 0) return true;
  draft.cutShort.add(`scale-up stopped after ${TRIES_MAX} tries of a pod on a node`);
  return false;
}

/** Room on nodes that this plan added before. */
function fillStandingNewNodes({ draft }: Packing, group: PodGroup): void {
  const from = draft.snapshot.nodes.length;
  placeGroups(draft.fork, [group], {
    from,
    place: (_group, { node: index, count }) => {
      const node = draft.newNodes[index - from];
      if (node === undefined) throw new Error(`fork index ${index} is not one of ${draft.newNodes.length} new nodes`);
      giveNewNode(draft, group, { node, count });
    },
  });
}

function bestTrial(packing: Packing, group: PodGroup): Trial | undefined {
  let best: Trial | undefined;
  for (const offer of packing.offers) {
    // Offers of less important pools are not tried once a more important one has something.
    if (best !== undefined && offer.pool.settings.priority < best.offer.pool.settings.priority) continue;
    if (packing.draft.budget.refusal(offer.pool, offer.template.flavor) !== undefined) continue;
    const trial = tryOffer(packing, offer, group);
    if (trial !== undefined && (best === undefined || compareTrials(packing, trial, best) < 0)) best = trial;
  }
  return best;
}

function tryOffer(packing: Packing, offer: Offer, group: PodGroup): Trial | undefined {
  const { fork } = packing.draft;
  const key = `${group.shape.index}/${offer.template.key}`;
  if (packing.hopeless.has(key)) return undefined;
  const mark = fork.mark();
  const index = fork.addTemplateNode(offer.template, TRIAL_NAME);
  const taken = fillNode(packing, { index, first: group });
  const allocatable = requestsWorth(fork.allocatableOn(index));
  const waste = allocatable - requestsWorth(fork.requestedOn(index));
  fork.rollback(mark);
  if (!taken.has(group)) {
    if (!group.entangled) packing.hopeless.add(key);
    return undefined;
  }
  let worth = 0;
  for (const [member, count] of taken) worth += member.worth * count;
  return { offer, pricePerWorth: offer.pricePerHour / worth, waste, taken };
}

/** Places pods on the node at `index` in the fork only, `first` before the other groups; how many of each. */
function fillNode(packing: Packing, node: { readonly index: number; readonly first: PodGroup }): Map<PodGroup, number> {
  const taken = new Map<PodGroup, number>();
  const count = fillFrom(packing, node.first, node.index);
  if (count === 0) return taken;
  taken.set(node.first, count);
  let free = freeOn(packing, node.index);
  let misses = 0;
  let passedOver = 0;
  for (const group of packing.open) {
    if (free.cpuMillis < packing.leastCpuMillis || misses >= MISSES_MAX || passedOver >= PASSED_OVER_MAX) break;
    if (group === node.first || nextPod(group) === undefined) continue;
    const { cpuMillis, memoryBytes } = group.shape.requests;
    if (cpuMillis > free.cpuMillis || memoryBytes > free.memoryBytes) {
      passedOver++;
      continue;
    }
    const more = fillFrom(packing, group, node.index);
    misses = more > 0 ? 0 : misses + 1;
    if (more === 0) continue;
    taken.set(group, more);
    free = freeOn(packing, node.index);
    if (packing.triesLeft <= 0) break;
  }
  return taken;
}

function freeOn({ draft }: Packing, index: number): { readonly cpuMillis: number; readonly memoryBytes: number } {
  const allocatable = draft.fork.allocatableOn(index);
  const requested = draft.fork.requestedOn(index);
  return {
    cpuMillis: allocatable.cpuMillis - requested.cpuMillis,
    memoryBytes: allocatable.memoryBytes - requested.memoryBytes,
  };
}

function fillFrom(packing: Packing, group: PodGroup, index: number): number {
  const { fork } = packing.draft;
  let count = 0;
  for (;;) {
    const pod = group.pods[group.placed + count];
    if (pod === undefined) return count;
    packing.triesLeft--;
    if (fork.whyNot(pod, index) !== undefined) return count;
    fork.place(pod, index);
    count++;
  }
}

/** Adds the node of `best`, and further ones of it (in the zones that are as good) while the same pods fill them. */
function repeat(packing: Packing, group: PodGroup, best: Trial): void {
  const { draft } = packing;
  const { pool, template } = best.offer;
  const entangled = [...best.taken.keys()].some((member) => member.entangled);
  const twins = entangled ? [best.offer] : zoneTwins(packing, group, best);
  do {
    const offer = emptiestZone(packing, twins);
    const node = addNode(draft, offer, '');
    const zones = packing.zones.get(offer.pool);
    zones?.set(offer.template.zone, (zones.get(offer.template.zone) ?? 0) + 1);
    const taken = fillNode(packing, { index: node.index, first: group });
    for (const [member, count] of taken) {
      giveNewNode(draft, member, { node, count });
    }
    if (entangled || !taken.has(group)) return;
  } while (
    draft.newNodes.length < NEW_NODES_MAX &&
    packing.triesLeft > 0 &&
    draft.budget.refusal(pool, template.flavor) === undefined &&
    [...best.taken].every(([member, count]) => member.pods.length - member.placed >= count)
  );
}

/** Offers of the same pool and flavor in zones where the same pods would fill the node as well. */
function zoneTwins(packing: Packing, group: PodGroup, best: Trial): readonly Offer[] {
  return packing.offers.filter((offer) => {
    if (offer === best.offer) return true;
    if (offer.pool !== best.offer.pool || offer.template.flavor.name !== best.offer.template.flavor.name) return false;
    const trial = tryOffer(packing, offer, group);
    return (
      trial !== undefined &&
      trial.taken.size === best.taken.size &&
      [...trial.taken].every(([member, count]) => best.taken.get(member) === count)
    );
  });
}

function emptiestZone(packing: Packing, offers: readonly Offer[]): Offer {
  const nodesIn = (offer: Offer): number => packing.zones.get(offer.pool)?.get(offer.template.zone) ?? 0;
  const [first] = offers;
  if (first === undefined) throw new Error('A trial must have at least its own offer');
  return offers.reduce((best, offer) => (nodesIn(offer) < nodesIn(best) ? offer : best), first);
}

function compareTrials(packing: Packing, a: Trial, b: Trial): number {
  const nodesIn = (trial: Trial): number => packing.zones.get(trial.offer.pool)?.get(trial.offer.template.zone) ?? 0;
  return (
    b.offer.pool.settings.priority - a.offer.pool.settings.priority ||
    a.pricePerWorth - b.pricePerWorth ||
    a.waste - b.waste ||
    compareText(a.offer.pool.name, b.offer.pool.name) ||
    nodesIn(a) - nodesIn(b) ||
    compareText(a.offer.template.flavor.name, b.offer.template.flavor.name) ||
    compareText(a.offer.template.zone, b.offer.template.zone)
  );
}
