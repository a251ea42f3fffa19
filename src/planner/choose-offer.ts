// Which node a group of pods gets that nothing but the fork can judge: each node that could be had is tried on the fork,
// with that group first and all others of its priority after it, and the best one is taken: highest pool priority, then
// least price per worth of pods on it, then least waste, then pool name, then the zone of the pool with the fewest nodes.
// Flavors that the operator does not wish for (flavor-wishes.ts) are tried when no other takes the pod.
import { compareText } from './claim-facts.ts';
import { flavorsAdded, type FlavorWishes, flavorWishes } from './flavor-wishes.ts';
import type { PlanDraft } from './plan-draft.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import type { PoolState } from './pool-state.ts';
import { requestsWorth } from './price-model.ts';

/** Pods tried on a node, over the trials of one priority: some 2 µs each. When they are used up, the flavor that was best for the
 *  last group is taken on, or else the cheapest that takes the pod at all. */
export const TRIES_MAX = 40_000;
/** A node is taken for full after this many groups in a row that do not fit. */
const MISSES_MAX = 64;
/** Groups that are passed over because cpu or memory is short cost next to nothing, but not nothing. */
const PASSED_OVER_MAX = 4096;
/** Not a legal node name, so it can clash with none. */
const TRIAL_NAME = '~trial';

interface Trial {
  readonly offer: Offer;
  readonly pricePerWorth: number;
  readonly waste: number;
}

export interface Trials {
  readonly draft: PlanDraft;
  readonly offers: readonly Offer[];
  readonly zones: ReadonlyMap<PoolState, Map<string, number>>;
  readonly groups: readonly PodGroup[];
  /** The offers by pool and flavor. */
  readonly kinds: readonly (readonly Offer[])[];
  readonly wishes: FlavorWishes;
  /** Offer and shape that never match, whatever else is there. */
  readonly hopeless: Set<string>;
  /** Least that any pod asks for: with less left a node is full; undefined: nobody had to know yet. */
  leastCpuMillis: number | undefined;
  triesLeft: number;
}

export function openTrials(of: Pick<Trials, 'draft' | 'offers' | 'zones' | 'groups'>): Trials {
  const kinds = new Map<string, Offer[]>();
  for (const offer of of.offers) {
    const key = `${offer.pool.name} ${offer.template.flavor.name}`;
    const known = kinds.get(key);
    if (known === undefined) kinds.set(key, [offer]);
    else known.push(offer);
  }
  // With one flavor there is nothing to choose: only whether it takes the pod is asked.
  const triesLeft = kinds.size === 1 ? 0 : TRIES_MAX;
  const wishes = flavorWishes(of.draft);
  return { ...of, kinds: [...kinds.values()], wishes, hopeless: new Set(), leastCpuMillis: undefined, triesLeft };
}

/** The offer to take for the next pods of `group`; undefined: none takes them now. */
export function chooseOffer(trials: Trials, group: PodGroup): Offer | undefined {
  for (const kinds of byWish(trials)) {
    const offer = bestOf(trials, kinds, group);
    if (offer !== undefined) return offer;
  }
  return undefined;
}

/** The kinds as wished for first: big enough before small, then flavors that the plan adds already when it may add no more. */
function byWish({ draft, kinds, wishes }: Trials): readonly (readonly (readonly Offer[])[])[] {
  const added = wishes.flavorsMax >= draft.objects.flavors.length ? new Set<string>() : flavorsAdded(draft);
  const full = added.size >= wishes.flavorsMax;
  const ranked: (readonly Offer[])[][] = [[], [], [], []];
  for (const twins of kinds) {
    const flavor = twins[0]?.template.flavor;
    if (flavor === undefined) continue;
    const rank = (wishes.isSmall(flavor) ? 2 : 0) + (full && !added.has(flavor.name) ? 1 : 0);
    ranked[rank]?.push(twins);
  }
  return ranked;
}

function bestOf(trials: Trials, kinds: Trials['kinds'], group: PodGroup): Offer | undefined {
  let best: Trial | undefined;
  for (const twins of kinds) {
    const [first] = twins;
    if (first === undefined || trials.draft.budget.refusal(first.pool, first.template.flavor) !== undefined) continue;
    // Offers of less important pools are not tried once a more important one has something.
    if (best !== undefined && first.pool.settings.priority < best.offer.pool.settings.priority) continue;
    const trial = tryKind(trials, twins, group);
    if (trial !== undefined && (best === undefined || compareTrials(trials, trial, best) < 0)) best = trial;
  }
  return best?.offer;
}

/** Zones of one pool and flavor cost the same: the first that takes the pod speaks for all. */
function tryKind(trials: Trials, twins: readonly Offer[], group: PodGroup): Trial | undefined {
  for (const offer of twins) {
    const trial = tryOffer(trials, offer, group);
    if (trial !== undefined) return trial;
  }
  return undefined;
}

/** `offer` and those of its pool and flavor in other zones; the zone with the fewest nodes of the pool first. */
export function twinsOf(trials: Trials, offer: Offer): readonly Offer[] {
  const { pool, template } = offer;
  const twins = trials.kinds.find(([other]) => {
    return other?.pool === pool && other.template.flavor.name === template.flavor.name;
  });
  return [...(twins ?? [])].sort(
    (a, b) => nodesIn(trials, a) - nodesIn(trials, b) || compareText(a.template.zone, b.template.zone),
  );
}

function tryOffer(trials: Trials, offer: Offer, group: PodGroup): Trial | undefined {
  const { fork } = trials.draft;
  const key = `${group.shape.index}/${offer.template.key}`;
  if (trials.hopeless.has(key)) return undefined;
  const mark = fork.mark();
  const index = fork.addTemplateNode(offer.template, TRIAL_NAME);
  const worth = fillNode(trials, { index, first: group });
  const waste = requestsWorth(fork.allocatableOn(index)) - requestsWorth(fork.requestedOn(index));
  fork.rollback(mark);
  if (worth > 0) return { offer, pricePerWorth: offer.pricePerHour / worth, waste };
  if (!group.entangled) trials.hopeless.add(key);
  return undefined;
}

/** Places pods on the node at `index` in the fork only, `first` before the other groups; what they are worth. */
function fillNode(trials: Trials, node: { readonly index: number; readonly first: PodGroup }): number {
  let worth = fillFrom(trials, node.first, node.index);
  // Out of tries: the pod itself is all that is asked, so that any choice is still a node that takes it.
  if (worth === 0 || trials.triesLeft <= 0) return worth;
  const least = (trials.leastCpuMillis ??= leastCpuOf(trials.groups));
  let free = freeOn(trials, node.index);
  let misses = 0;
  let passedOver = 0;
  for (const group of trials.groups) {
    if (free.cpuMillis < least || misses >= MISSES_MAX || passedOver >= PASSED_OVER_MAX) break;
    if (group === node.first || nextPod(group) === undefined) continue;
    const { cpuMillis, memoryBytes } = group.shape.requests;
    if (cpuMillis > free.cpuMillis || memoryBytes > free.memoryBytes) {
      passedOver++;
      continue;
    }
    const more = fillFrom(trials, group, node.index);
    misses = more > 0 ? 0 : misses + 1;
    if (more === 0) continue;
    worth += more;
    free = freeOn(trials, node.index);
    if (trials.triesLeft <= 0) break;
  }
  return worth;
}

function leastCpuOf(groups: readonly PodGroup[]): number {
  return groups.reduce((least, group) => Math.min(least, group.shape.requests.cpuMillis), Infinity);
}

function freeOn({ draft }: Trials, index: number): { readonly cpuMillis: number; readonly memoryBytes: number } {
  const allocatable = draft.fork.allocatableOn(index);
  const requested = draft.fork.requestedOn(index);
  return {
    cpuMillis: allocatable.cpuMillis - requested.cpuMillis,
    memoryBytes: allocatable.memoryBytes - requested.memoryBytes,
  };
}

function fillFrom(trials: Trials, group: PodGroup, index: number): number {
  const { fork } = trials.draft;
  let count = 0;
  for (;;) {
    const pod = group.pods[group.placed + count];
    if (pod === undefined) break;
    trials.triesLeft--;
    if (fork.whyNot(pod, index) !== undefined) break;
    fork.place(pod, index);
    count++;
    if (trials.triesLeft <= 0) break;
  }
  return count * group.worth;
}

function nodesIn(trials: Trials, offer: Offer): number {
  return trials.zones.get(offer.pool)?.get(offer.template.zone) ?? 0;
}

function compareTrials(trials: Trials, a: Trial, b: Trial): number {
  return (
    b.offer.pool.settings.priority - a.offer.pool.settings.priority ||
    a.pricePerWorth - b.pricePerWorth ||
    a.waste - b.waste ||
    compareText(a.offer.pool.name, b.offer.pool.name) ||
    nodesIn(trials, a.offer) - nodesIn(trials, b.offer) ||
    compareText(a.offer.template.flavor.name, b.offer.template.flavor.name) ||
    compareText(a.offer.template.zone, b.offer.template.zone)
  );
}
