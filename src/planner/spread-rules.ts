// Rules that look at other pods, as far as they come to numbers: how many of some groups a node may have, groups whose pods
// are dealt evenly over zones, groups that share a zone. A rule is only kept so when every pod that it looks at is packed by
// numbers as well, or has its place already; else its carriers are entangled.
//
// Spread over nodes: with at most maxSkew counted pods on each node no node is too far above the least, whatever that
// is and whoever comes first. Spread over zones: when in each zone there are as many counted pods as in any other, or one
// more, there is an order that never breaks the rule: zone after zone in turn.
import { LABELS } from '../api/names.ts';
import type { PodAffinityTerm, PodShape, SpreadConstraint } from '../cluster/cluster-objects.ts';
import { termKey } from '../scheduling/shape-tokens.ts';
import { countKeys, type GroupMatcher } from './group-matcher.ts';
import type { PodGroup } from './pod-groups.ts';

/** Pods of these groups share a node at most `perNodeMax` at a time, all together. */
export interface NodeExclusion {
  readonly groups: ReadonlySet<PodGroup>;
  readonly perNodeMax: number;
}

/** A spread constraint over zones, with all groups that carry one like it. */
export interface ZoneConstraint {
  readonly carriers: ReadonlySet<PodGroup>;
  /** Whom it counts. */
  readonly counted: readonly PodGroup[];
  readonly maxSkew: number;
  readonly minDomains: number;
}

/** Groups that want to be in one zone with each other, and with nobody else. */
export type ZoneCluster = ReadonlySet<PodGroup>;

export interface SpreadRules {
  /** Of the candidates, those that no rule keeps from being packed by numbers. */
  readonly plain: ReadonlySet<PodGroup>;
  readonly exclusions: readonly NodeExclusion[];
  readonly zoneConstraints: readonly ZoneConstraint[];
  readonly clusters: readonly ZoneCluster[];
}

interface Host {
  readonly kind: 'host';
  readonly carriers: Set<PodGroup>;
  readonly counted: readonly PodGroup[];
  maxSkew: number;
}
interface Zone {
  readonly kind: 'zone';
  readonly carriers: Set<PodGroup>;
  readonly counted: readonly PodGroup[];
  maxSkew: number;
  minDomains: number;
}
interface Near {
  readonly kind: 'near';
  readonly carriers: Set<PodGroup>;
  readonly counted: readonly PodGroup[];
}
type Rule = Host | Zone | Near;

interface Judging {
  readonly matcher: GroupMatcher;
  /** Groups of this band, entangled ones among them. */
  readonly band: ReadonlySet<PodGroup>;
  /** Shrinks. */
  readonly plain: Set<PodGroup>;
  readonly rules: Map<string, Rule>;
  /** How many rules per node count the group. */
  readonly hosts: Map<PodGroup, number>;
  /** Groups that anti-affinity keeps apart. */
  readonly inExclusion: ReadonlySet<PodGroup>;
  readonly nodesAtLeast: number;
}

/** Its pods look at others, by rules that may come to numbers. */
export function hasRules({ spread, podAffinity }: PodShape): boolean {
  return spread.length > 0 || podAffinity.length > 0;
}

/** The rules of `candidates`, groups of one priority that nothing else keeps from being packed by numbers. */
export function spreadRules(
  candidates: readonly PodGroup[],
  of: Pick<Judging, 'matcher' | 'band' | 'inExclusion' | 'nodesAtLeast'>,
): SpreadRules {
  const judging: Judging = { ...of, plain: new Set(candidates), rules: new Map(), hosts: new Map() };
  for (const group of candidates) if (hasRules(group.shape) && !noteRules(judging, group)) judging.plain.delete(group);
  for (const rule of judging.rules.values()) {
    if (rule.kind !== 'host') continue;
    for (const group of rule.counted) judging.hosts.set(group, (judging.hosts.get(group) ?? 0) + 1);
  }
  const kept = new Set([...judging.rules.values()].filter((rule) => holds(judging, rule)));
  for (const rule of judging.rules.values())
    if (!kept.has(rule)) for (const group of rule.carriers) judging.plain.delete(group);
  dropRulesOf(judging, kept);
  return collected(judging, [...kept]);
}

/** A group that is not plain takes the rules with it that look at it, and their carriers the rules that look at them. Each
 *  group and each rule is looked at once. */
function dropRulesOf({ band, plain }: Judging, kept: Set<Rule>): void {
  const isEntangled = (group: PodGroup): boolean => !plain.has(group) && band.has(group);
  if (![...kept].some((rule) => rule.counted.some(isEntangled))) return;
  const lookingAt = new Map<PodGroup, Rule[]>();
  for (const rule of kept) {
    for (const group of rule.counted) {
      if (!band.has(group)) continue;
      const known = lookingAt.get(group);
      if (known === undefined) lookingAt.set(group, [rule]);
      else known.push(rule);
    }
  }
  const entangled = [...lookingAt.keys()].filter((group) => !plain.has(group));
  for (let group = entangled.pop(); group !== undefined; group = entangled.pop()) {
    for (const rule of lookingAt.get(group) ?? []) {
      if (!kept.delete(rule)) continue;
      for (const carrier of rule.carriers) if (plain.delete(carrier)) entangled.push(carrier);
    }
  }
}

function collected({ plain, band }: Judging, kept: readonly Rule[]): SpreadRules {
  const exclusions: NodeExclusion[] = [];
  const zoneConstraints: ZoneConstraint[] = [];
  const clusters: ZoneCluster[] = [];
  for (const rule of kept) {
    const carriers = within(rule.carriers, plain);
    if (carriers.size === 0) continue;
    if (rule.kind === 'zone') zoneConstraints.push({ ...rule, carriers });
    else if (rule.kind === 'near') clusters.push(carriers);
    else exclusions.push({ groups: within(new Set(rule.counted), band), perNodeMax: rule.maxSkew });
  }
  return { plain, exclusions: exclusions.filter(({ groups }) => groups.size > 0), zoneConstraints, clusters };
}

/** The groups of `all` that are in `some`. */
function within(all: ReadonlySet<PodGroup>, some: ReadonlySet<PodGroup>): ReadonlySet<PodGroup> {
  for (const group of all) if (!some.has(group)) return new Set([...all].filter((one) => some.has(one)));
  return all;
}

/** Notes what the group asks of others; false: more than numbers can say. */
function noteRules(judging: Judging, group: PodGroup): boolean {
  const { spread, podAffinity } = group.shape;
  if (spread.length > 1 && new Set(spread.map(({ topologyKey }) => topologyKey)).size < spread.length) return false;
  for (const constraint of spread) if (!noteSpread(judging, group, constraint)) return false;
  const term = podAffinity[0];
  if (term === undefined) return true;
  return podAffinity.length === 1 && spread.length === 0 && noteAffinity(judging, group, term);
}

function noteSpread({ matcher, rules }: Judging, group: PodGroup, constraint: SpreadConstraint): boolean {
  const { topologyKey, maxSkew, minDomains } = constraint;
  const kind = topologyKey === LABELS.zone ? 'zone' : topologyKey === LABELS.hostname ? 'host' : undefined;
  if (kind === undefined) return false;
  const { namespace } = group.shape;
  const { all: key } = countKeys(namespace, constraint);
  const known = rules.get(key);
  if (known === undefined) {
    const rule = { carriers: new Set([group]), counted: matcher.countedBy(namespace, constraint), maxSkew };
    rules.set(key, kind === 'zone' ? { ...rule, kind, minDomains } : { ...rule, kind });
    return true;
  }
  known.carriers.add(group);
  if (known.kind !== 'near') known.maxSkew = Math.min(known.maxSkew, maxSkew);
  if (known.kind === 'zone') known.minDomains = Math.max(known.minDomains, minDomains);
  return true;
}

function noteAffinity({ matcher, rules }: Judging, group: PodGroup, term: PodAffinityTerm): boolean {
  if (term.topologyKey !== LABELS.zone) return false;
  // Text of a term begins with a brace, which no namespace does.
  const key = termKey(term);
  const known = rules.get(key);
  if (known !== undefined) known.carriers.add(group);
  else rules.set(key, { kind: 'near', carriers: new Set([group]), counted: matcher.matchedBy(term) });
  return true;
}

/** Whether numbers can keep the rule, were all groups plain that it looks at. */
function holds(judging: Judging, rule: Rule): boolean {
  const { matcher, band } = judging;
  if (!matcher.isExact) return false;
  if (rule.kind === 'host') return holdsPerNode(judging, rule);
  const [carrier] = rule.carriers;
  if (carrier === undefined) return false;
  if (rule.kind === 'zone') {
    const [constraint] = carrier.shape.spread.filter(({ topologyKey }) => topologyKey === LABELS.zone);
    return constraint !== undefined && !matcher.runsFor(carrier.shape.namespace, constraint);
  }
  const [term] = carrier.shape.podAffinity;
  const among = rule.counted.length === rule.carriers.size && rule.counted.every((group) => rule.carriers.has(group));
  const here = [...rule.carriers].every((group) => band.has(group) && group.placed === 0);
  return term !== undefined && among && here && !matcher.runsNear(term);
}

function holdsPerNode({ band, inExclusion, nodesAtLeast, hosts }: Judging, rule: Host): boolean {
  const counted = rule.counted.filter((group) => band.has(group));
  const pods = counted.reduce((sum, group) => sum + group.pods.length - group.placed, 0);
  // Fewer nodes than that would have to hold more of them, and a node more for each costs money.
  if (pods > rule.maxSkew * nodesAtLeast) return false;
  // A pattern looks at one set of several groups for each of them, and at one of a group alone.
  return !counted.some((group) => inExclusion.has(group) || (hosts.get(group) ?? 0) > 1);
}
