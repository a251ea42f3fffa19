// New nodes for pods that can be packed by their sizes alone: their demand becomes a packing problem of numbers, whose
// patterns (what fills a node, and how many nodes are filled so) become nodes of the plan.
import { LABELS } from '../api/names.ts';
import type { PodShape, Resources } from '../cluster/cluster-objects.ts';
import { expectedLabels } from '../cluster/expected-node.ts';
import { hasBit } from '../scheduling/class-bits.ts';
import { nodeDeclaredFeatures } from '../scheduling/node-declared-features.ts';
import type { NodeFacts } from '../scheduling/node-facts.ts';
import { StaticVerdicts } from '../scheduling/static-verdicts.ts';
import { NO_LIMIT, type PackingProblem, type Pattern } from './bounds/packing-problem.ts';
import { choosePatterns, PATTERN_DEFAULTS, type PatternChoice } from './patterns/choose-patterns.ts';
import type { SortedDemand } from './plain-demand.ts';
import { addUnforkedNode, giveNewNode, type PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { NEW_NODES_MAX } from './pool-size.ts';
import type { PoolState } from './pool-state.ts';

/** A limit that several pools share (quota, a ceiling) shows only when it is reached; then the rest is packed again without
 *  the offers that it forbids. More often than this says that limits are in the way everywhere. */
const REPACKS_MAX = 4;
/** cpu, memory, ephemeral storage, pods; extended resources follow. */
const FIXED_AXES = 4;
/** When a pool's maxNodes is too low for the cheapest nodes: the least size tried instead, as part of what each of the nodes that
 *  it may have would hold if they were all alike. */
const PARTS_OF_AVERAGE = [0.5, 1];

/** Nodes that are the same to every pod in question: one pool's flavor in one zone, or in any of several. */
interface Kind {
  readonly offers: readonly Offer[];
  readonly facts: NodeFacts;
  readonly capacity: Resources;
}

/** Equal pods that go to one zone, or anywhere. */
interface Item {
  readonly group: PodGroup;
  readonly count: number;
  readonly zone: string | undefined;
}

/** Adds nodes for the plain groups of `demand`; what has no place afterwards has none by its size, or met a limit. Returns
 *  the groups that turned out not to be plain here, because their zones are not all offered. */
export function packPatterns(
  draft: PlanDraft,
  demand: SortedDemand,
  options: { readonly offers: readonly Offer[]; readonly zones: ReadonlyMap<PoolState, Map<string, number>> },
): readonly PodGroup[] {
  const unsuited: PodGroup[] = [];
  for (let round = 0; round < REPACKS_MAX; round++) {
    const offers = options.offers.filter(
      ({ pool, template }) => draft.budget.refusal(pool, template.flavor) === undefined,
    );
    const groups = demand.plain.filter((group) => group.placed < group.pods.length && !unsuited.includes(group));
    if (offers.length === 0 || groups.length === 0) break;
    const kinds = kindsOf(offers, groups, { zonal: demand.spreads.size > 0 });
    const items: Item[] = [];
    for (const group of groups) {
      const split = itemsOf(draft, group, { demand, offers });
      if (split === undefined) unsuited.push(group);
      else items.push(...split);
    }
    const problem = problemOf(draft, { items, kinds, demand });
    const { patterns, cutShort } = mostPlaced(problem);
    if (cutShort) draft.cutShort.add('the search for the best mix of nodes for pending pods stopped at its step limit');
    const met = patterns.map((pattern) => addPattern(draft, { pattern, items, kinds, zones: options.zones }));
    if (!met.includes('limit')) break;
  }
  return unsuited;
}

/** The cheapest patterns; where a pool may not get enough nodes for them, those of bigger flavors if they place more pods. */
function mostPlaced(problem: PackingProblem): PatternChoice {
  let best = choosePatterns(problem);
  const room = problem.groupNodesMax.reduce((sum, nodes) => sum + nodes, 0);
  if (best.nodes < room || best.nodes === 0) return best;
  const asked = Array.from({ length: problem.axes }, (_, axis) => {
    let sum = 0;
    for (let shape = 0; shape < problem.shapes; shape++) {
      sum += (problem.counts[shape] ?? 0) * (problem.requests[shape * problem.axes + axis] ?? 0);
    }
    return sum;
  });
  for (const part of PARTS_OF_AVERAGE) {
    // Extended resources are left out: most pods do not ask for them, and nodes without them are of use.
    const leastCapacity = asked.slice(0, FIXED_AXES).map((sum) => (part * sum) / room);
    const bigger = choosePatterns(problem, { ...PATTERN_DEFAULTS, leastCapacity });
    if (podsLeft(bigger) < podsLeft(best)) best = bigger;
  }
  return best;
}

function podsLeft({ left }: PatternChoice): number {
  return left.reduce((sum, pods) => sum + pods, 0);
}

/** The nodes of a pattern, as many as limits allow. */
function addPattern(
  draft: PlanDraft,
  of: {
    readonly pattern: Pattern;
    readonly items: readonly Item[];
    readonly kinds: readonly Kind[];
    readonly zones: ReadonlyMap<PoolState, Map<string, number>>;
  },
): 'done' | 'limit' {
  const { pattern, items, kinds, zones } = of;
  const offers = kinds[pattern.offer]?.offers ?? [];
  for (let count = 0; count < pattern.nodes; count++) {
    if (draft.newNodes.length >= NEW_NODES_MAX) {
      draft.cutShort.add(`scale-up stopped at ${NEW_NODES_MAX} new nodes in one plan`);
      return 'done';
    }
    const offer = emptiest(offers, zones);
    if (draft.budget.refusal(offer.pool, offer.template.flavor) !== undefined) return 'limit';
    const node = addUnforkedNode(draft, offer, '');
    const nodesIn = zones.get(offer.pool);
    nodesIn?.set(offer.template.zone, (nodesIn.get(offer.template.zone) ?? 0) + 1);
    pattern.shapes.forEach((item, at) => {
      const group = items[item]?.group;
      const amount = pattern.amounts[at] ?? 0;
      if (group !== undefined && amount > 0) giveNewNode(draft, group, { node, count: amount });
    });
  }
  return 'done';
}

function emptiest(offers: readonly Offer[], zones: ReadonlyMap<PoolState, Map<string, number>>): Offer {
  const nodesIn = ({ pool, template }: Offer): number => zones.get(pool)?.get(template.zone) ?? 0;
  return offers.reduce((best, offer) => (nodesIn(offer) < nodesIn(best) ? offer : best));
}

/** Zones of a pool and flavor are one kind when no pod in question tells them apart. */
function kindsOf(
  offers: readonly Offer[],
  groups: readonly PodGroup[],
  options: { readonly zonal: boolean },
): readonly Kind[] {
  const statics = new StaticVerdicts();
  const profiles = new Set(groups.map((group) => statics.profileOf(group.shape)));
  const single = offers.map((offer): Kind & { readonly bits: string } => {
    const facts = factsOf(offer);
    const nodeClass = statics.classOf(facts);
    const bits = [...profiles].map((profile) => (hasBit(statics.admitted(profile), nodeClass) ? '1' : '0')).join('');
    return { offers: [offer], facts, capacity: freeOf(offer), bits };
  });
  if (options.zonal) return single;
  const merged = new Map<string, Kind & { readonly offers: Offer[] }>();
  for (const { facts, capacity, bits, offers: own } of single) {
    const [offer] = own;
    if (offer === undefined) continue;
    const { pool, template, pricePerHour } = offer;
    const size = [capacity.cpuMillis, capacity.memoryBytes, capacity.ephemeralBytes, capacity.pods];
    const key = JSON.stringify([pool.name, template.flavor.name, pricePerHour, bits, size, [...capacity.extended]]);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { facts, capacity, offers: [offer] });
    else known.offers.push(offer);
  }
  return [...merged.values()];
}

function factsOf({ template }: Offer): NodeFacts {
  const { zone, labels, taints, unschedulable, features } = template;
  return {
    name: '',
    labels: expectedLabels({ name: '', zone, labels }),
    taints,
    unschedulable,
    volumeLimits: new Map(),
    ...(features === undefined ? {} : { features }),
  };
}

/** What a new node has for pods: its daemon pods come first. */
function freeOf({ template }: Offer): Resources {
  const { allocatable, daemonShapes } = template;
  const extended = new Map(allocatable.extended);
  const free = { ...allocatable, extended };
  for (const { requests } of daemonShapes) {
    free.cpuMillis -= requests.cpuMillis;
    free.memoryBytes -= requests.memoryBytes;
    free.ephemeralBytes -= requests.ephemeralBytes;
    free.pods -= requests.pods;
    for (const [name, amount] of requests.extended) extended.set(name, (extended.get(name) ?? 0) - amount);
  }
  return free;
}

/** A group that spreads is split evenly over the zones, when all of them are on offer to it; undefined: they are not. */
function itemsOf(
  draft: PlanDraft,
  group: PodGroup,
  of: { readonly demand: SortedDemand; readonly offers: readonly Offer[] },
): readonly Item[] | undefined {
  const count = group.pods.length - group.placed;
  const spread = of.demand.spreads.get(group);
  if (spread === undefined) return [{ group, count, zone: undefined }];
  const zones = [...new Set(of.offers.map((offer) => offer.template.zone))].sort();
  const statics = new StaticVerdicts();
  const profile = statics.profileOf(group.shape);
  const admitting = of.offers.filter((offer) => {
    const nodeClass = statics.classOf(factsOf(offer));
    return hasBit(statics.admitted(profile), nodeClass);
  });
  const open = zones.every((zone) => zone !== '' && admitting.some((offer) => offer.template.zone === zone));
  const elsewhere = draft.snapshot.nodes.some((node) => !zones.includes(node.labels.get(LABELS.zone) ?? ''));
  if (!open || elsewhere || spread.minDomains > zones.length || group.placed > 0) return undefined;
  // The odd pods of all groups go to the first zones, so that the others need no node for a few of them.
  return zones.map((zone, index) => {
    return { group, zone, count: Math.floor(count / zones.length) + (index < count % zones.length ? 1 : 0) };
  });
}

function problemOf(
  draft: PlanDraft,
  of: { readonly items: readonly Item[]; readonly kinds: readonly Kind[]; readonly demand: SortedDemand },
): PackingProblem {
  const { items, kinds, demand } = of;
  const extended = [...new Set(items.flatMap(({ group }) => [...group.shape.requests.extended.keys()]))].sort();
  const axes = FIXED_AXES + extended.length;
  const requests = new Float64Array(items.length * axes);
  items.forEach(({ group }, index) => requests.set(amountsOf(group.shape.requests, extended), index * axes));
  const capacities = new Float64Array(kinds.length * axes);
  kinds.forEach(({ capacity }, index) => capacities.set(amountsOf(capacity, extended), index * axes));
  const pools = [...new Set(kinds.map((kind) => poolOf(kind)))];
  const flavors = [...new Set(kinds.map((kind) => flavorOf(kind)))];
  return {
    axes,
    shapes: items.length,
    offers: kinds.length,
    requests,
    counts: Int32Array.from(items, ({ count }) => count),
    perNodeMax: Int32Array.from(items, ({ group }) => Math.min(NO_LIMIT, ...ownLimits(demand, group))),
    exclusions: demand.exclusions
      .filter(({ groups }) => groups.size > 1)
      .map(({ groups, perNodeMax }) => ({
        perNodeMax,
        shapes: items.flatMap(({ group }, index) => (groups.has(group) ? [index] : [])),
      })),
    capacities,
    prices: Float64Array.from(kinds, ({ offers }) => offers[0]?.pricePerHour ?? 0),
    tiers: Int32Array.from(kinds, (kind) => -poolOf(kind).settings.priority),
    flavors: Int32Array.from(kinds, (kind) => flavors.indexOf(flavorOf(kind))),
    limitGroups: Int32Array.from(kinds, (kind) => pools.indexOf(poolOf(kind))),
    groupNodesMax: Int32Array.from(pools, (pool) => Math.min(draft.budget.roomIn(pool), NO_LIMIT)),
    allowed: allowedBits(items, kinds),
  };
}

/** Limits per node that concern the group alone. */
function ownLimits({ exclusions }: SortedDemand, group: PodGroup): readonly number[] {
  return exclusions.flatMap(({ groups, perNodeMax }) => (groups.size === 1 && groups.has(group) ? [perNodeMax] : []));
}

function allowedBits(items: readonly Item[], kinds: readonly Kind[]): Uint32Array {
  const statics = new StaticVerdicts();
  const classes = kinds.map(({ facts }) => statics.classOf(facts));
  const words = (kinds.length + 31) >>> 5;
  const allowed = new Uint32Array(items.length * words);
  items.forEach(({ group, zone }, row) => {
    const { shape } = group;
    const profile = statics.profileOf(shape);
    const admitted = statics.admitted(profile);
    kinds.forEach(({ facts, offers }, column) => {
      if (zone !== undefined && offers[0]?.template.zone !== zone) return;
      if (!takes(shape, facts) || profile.specific || !hasBit(admitted, classes[column] ?? 0)) return;
      const word = row * words + (column >>> 5);
      allowed[word] = (allowed[word] ?? 0) | (1 << (column & 31));
    });
  });
  return allowed;
}

function takes(shape: PodShape, facts: NodeFacts): boolean {
  return shape.features === undefined || nodeDeclaredFeatures(shape, facts) === undefined;
}

function amountsOf(resources: Resources, extended: readonly string[]): readonly number[] {
  const { cpuMillis, memoryBytes, ephemeralBytes, pods } = resources;
  return [cpuMillis, memoryBytes, ephemeralBytes, pods, ...extended.map((name) => resources.extended.get(name) ?? 0)];
}

function poolOf(kind: Kind): PoolState {
  const [offer] = kind.offers;
  if (offer === undefined) throw new Error('A kind of node must have an offer');
  return offer.pool;
}

function flavorOf(kind: Kind): string {
  return kind.offers[0]?.template.flavor.name ?? '';
}
