// Which pods can be packed by their sizes alone on new nodes, and which need every filter asked for each placement.
// Plain are: pods that ask for nothing but room, labels and taints; pods whose only rule is to stay away from their own
// kind on a node, or to spread over nodes of which there will be enough; pods that spread over zones where none of them
// runs yet. Everything else is entangled: where one goes changes where others may go, and only the fork knows.
import { LABELS } from '../api/names.ts';
import type { PodAffinityTerm, PodShape, SpreadConstraint } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { type NamespaceLabels, termForbids } from '../scheduling/inter-pod-affinity.ts';
import { tokensOf, termKey, termTokens, tokensWithin, type Tokens } from '../scheduling/shape-tokens.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';

/** Pods of these groups share a node at most `perNodeMax` at a time, all together. */
export interface NodeExclusion {
  readonly groups: ReadonlySet<PodGroup>;
  readonly perNodeMax: number;
}

/** Groups that spread over zones, evenly within `maxSkew`. */
export interface ZoneSpread {
  readonly minDomains: number;
}

export interface SortedDemand {
  readonly plain: readonly PodGroup[];
  readonly entangled: readonly PodGroup[];
  readonly exclusions: readonly NodeExclusion[];
  readonly spreads: ReadonlyMap<PodGroup, ZoneSpread>;
}

/** Comparisons of a selector with a shape, over one plan: some 100 ns each. What is not compared counts as entangled,
 *  which costs time later and is never wrong. */
const COMPARISONS_MAX = 200_000;

/** Knows all pods of the plan, so that groups can be sorted band by band. */
export class DemandSorter {
  readonly #draft: PlanDraft;
  readonly #groupsByToken = new Map<string, PodGroup[]>();
  readonly #all: readonly PodGroup[];
  readonly #namespaceLabels: NamespaceLabels;
  /** Kept off whole zones by somebody's anti-affinity, or not looked at. */
  readonly #keptAway = new Set<PodGroup>();
  /** Groups whose anti-affinity is among themselves, on a node; equal sets are one object. */
  readonly #exclusionOf = new Map<PodGroup, NodeExclusion>();
  /** Namespace and selector → groups that it matches. */
  readonly #countedBy = new Map<string, readonly PodGroup[]>();
  readonly #nodesAtLeast: number;
  #comparisonsLeft = COMPARISONS_MAX;

  /** `nodesAtLeast`: so many new nodes the groups need in any case. */
  constructor(draft: PlanDraft, groups: readonly PodGroup[], options: { readonly nodesAtLeast: number }) {
    this.#nodesAtLeast = options.nodesAtLeast;
    this.#draft = draft;
    this.#all = groups;
    const namespaces = new Map(draft.objects.namespaces.map((one) => [one.name, one.labels]));
    this.#namespaceLabels = (namespace) => namespaces.get(namespace);
    const carriers = this.#carriers();
    const standing = this.#standingTerms();
    const spreads = groups.some((group) => group.shape.spread.length > 0);
    if (carriers.size > 0 || standing.length > 0 || spreads) this.#index();
    for (const term of standing) for (const group of this.#forbidden(term)) this.#keptAway.add(group);
    for (const { term, groups: own } of carriers.values()) this.#judgeTerm(term, own);
  }

  sort(band: readonly PodGroup[]): SortedDemand {
    const plain: PodGroup[] = [];
    const entangled: PodGroup[] = [];
    const exclusions = new Set<NodeExclusion>();
    const spreads = new Map<PodGroup, ZoneSpread>();
    for (const group of band) {
      const spread = this.#spreadsOf(group);
      const exclusion = this.#exclusionOf.get(group);
      const alone = group.shape.podAntiAffinity.length === 0 || exclusion !== undefined;
      if (!this.#asksOnlySize(group.shape) || this.#keptAway.has(group) || !alone || spread === 'entangled') {
        entangled.push(group);
        continue;
      }
      plain.push(group);
      if (exclusion !== undefined) exclusions.add(exclusion);
      for (const rule of spread) {
        if ('groups' in rule) exclusions.add(rule);
        else spreads.set(group, rule);
      }
    }
    return { plain, entangled, exclusions: [...exclusions], spreads };
  }

  /** Nothing but room, labels and taints, and perhaps anti-affinity and spreading, which are judged apart. */
  #asksOnlySize(shape: PodShape): boolean {
    return (
      shape.podAffinity.length === 0 &&
      shape.volumes.length === 0 &&
      shape.hostPorts.length === 0 &&
      shape.disks === undefined &&
      shape.resourceClaims === undefined &&
      shape.features === undefined &&
      shape.faults === undefined &&
      shape.requests.exact === undefined &&
      // Device classes may serve extended resources: then devices decide, not amounts.
      (shape.requests.extended.size === 0 || (this.#draft.objects.deviceClasses ?? []).length === 0)
    );
  }

  #index(): void {
    for (const group of this.#all) {
      for (const token of tokensOf(group.shape)) {
        const known = this.#groupsByToken.get(token);
        if (known === undefined) this.#groupsByToken.set(token, [group]);
        else known.push(group);
      }
    }
  }

  #carriers(): Map<string, { readonly term: PodAffinityTerm; readonly groups: Set<PodGroup> }> {
    const carriers = new Map<string, { readonly term: PodAffinityTerm; readonly groups: Set<PodGroup> }>();
    for (const group of this.#all) {
      for (const term of group.shape.podAntiAffinity) {
        const known = carriers.get(termKey(term));
        if (known === undefined) carriers.set(termKey(term), { term, groups: new Set([group]) });
        else known.groups.add(group);
      }
    }
    return carriers;
  }

  /** Anti-affinity of running pods that reaches beyond their own nodes. */
  #standingTerms(): readonly PodAffinityTerm[] {
    const terms = new Map<string, PodAffinityTerm>();
    for (const shape of this.#draft.snapshot.shapes) {
      for (const term of shape.podAntiAffinity) {
        if (term.topologyKey !== LABELS.hostname) terms.set(termKey(term), term);
      }
    }
    return [...terms.values()];
  }

  #judgeTerm(term: PodAffinityTerm, carriers: ReadonlySet<PodGroup>): void {
    const forbidden = this.#forbidden(term);
    const among = forbidden.length === carriers.size && forbidden.every((group) => carriers.has(group));
    if (term.topologyKey === LABELS.hostname && among) {
      const exclusion = { groups: carriers, perNodeMax: 1 };
      for (const group of carriers) {
        // A second term makes it more than one set: the fork sorts that out.
        if (this.#exclusionOf.has(group)) this.#keptAway.add(group);
        this.#exclusionOf.set(group, exclusion);
      }
      return;
    }
    for (const group of carriers) this.#keptAway.add(group);
    if (term.topologyKey === LABELS.hostname) return;
    for (const group of forbidden) this.#keptAway.add(group);
  }

  #forbidden(term: PodAffinityTerm): readonly PodGroup[] {
    return this.#matching(termTokens(term), (shape) => termForbids(term, shape, this.#namespaceLabels));
  }

  #matching(tokens: Tokens, matches: (shape: PodShape) => boolean): readonly PodGroup[] {
    const candidates =
      tokens === undefined ? this.#all : [...new Set(tokens.flatMap((token) => this.#groupsByToken.get(token) ?? []))];
    this.#comparisonsLeft -= candidates.length;
    // Too many to look at: all of them may match.
    if (this.#comparisonsLeft < 0) return candidates;
    return candidates.filter((group) => matches(group.shape));
  }

  /** What the group's spread constraints come to: at most one per topology, of pods that no others share. */
  #spreadsOf(group: PodGroup): readonly (ZoneSpread | NodeExclusion)[] | 'entangled' {
    const rules: (ZoneSpread | NodeExclusion)[] = [];
    const keys = new Set(group.shape.spread.map((constraint) => constraint.topologyKey));
    if (keys.size < group.shape.spread.length) return 'entangled';
    for (const constraint of group.shape.spread) {
      const rule = this.#spreadOf(group, constraint);
      if (rule === 'entangled') return rule;
      rules.push(rule);
    }
    return rules;
  }

  #spreadOf(group: PodGroup, constraint: SpreadConstraint): ZoneSpread | NodeExclusion | 'entangled' {
    const { shape } = group;
    const { topologyKey, selector, minDomains, maxSkew } = constraint;
    if (topologyKey !== LABELS.zone && topologyKey !== LABELS.hostname) return 'entangled';
    const counts = (other: PodShape): boolean =>
      other.namespace === shape.namespace && selectorMatches(selector, other.labels);
    // Pods that do not count themselves, and pods that share the count with others, are judged by one look.
    if (!counts(shape)) return 'entangled';
    const key = `${shape.namespace} ${JSON.stringify(selector)}`;
    const matching = this.#countedBy.get(key) ?? this.#matching(tokensWithin(shape.namespace, selector), counts);
    this.#countedBy.set(key, matching);
    if (matching.length !== 1 || matching[0] !== group) return 'entangled';
    if (topologyKey === LABELS.hostname) {
      // With at most maxSkew on each node no count is too far above the least, whatever that is.
      const enough = group.pods.length - group.placed <= maxSkew * this.#nodesAtLeast;
      return enough && shape.podAntiAffinity.length === 0
        ? { groups: new Set([group]), perNodeMax: maxSkew }
        : 'entangled';
    }
    if (group.placed > 0 || this.#runsAlready(constraint, counts)) return 'entangled';
    return { minDomains };
  }

  #runsAlready(constraint: SpreadConstraint, counts: (shape: PodShape) => boolean): boolean {
    const { shapes } = this.#draft.snapshot;
    this.#comparisonsLeft -= shapes.length;
    return this.#comparisonsLeft < 0 || (constraint.selector !== undefined && shapes.some(counts));
  }
}
