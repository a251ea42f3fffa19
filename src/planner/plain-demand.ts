// Which pods can be packed by their sizes alone on new nodes, and which need every filter asked for each placement.
// Plain are: pods that ask for nothing but room, labels and taints; pods whose only rule is to stay away from their own
// kind on a node, to spread over nodes of which there will be enough, to spread over zones or to share one, as long as
// none of those runs yet that such a rule looks at (spread-rules.ts). Everything else is entangled: where one goes changes where
// others may go, and only the fork knows.
import { LABELS } from '../api/names.ts';
import type { PodAffinityTerm, PodShape } from '../cluster/cluster-objects.ts';
import { termKey } from '../scheduling/shape-tokens.ts';
import { GroupMatcher } from './group-matcher.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';
import {
  hasRules,
  type NodeExclusion,
  spreadRules,
  type SpreadRules,
  type ZoneCluster,
  type ZoneConstraint,
} from './spread-rules.ts';

/** Where no group looks at other pods: whoever asks for size alone is plain. */
const NO_RULES: Omit<SpreadRules, 'plain'> & { readonly plain: undefined } = {
  plain: undefined,
  exclusions: [],
  zoneConstraints: [],
  clusters: [],
};

export interface SortedDemand {
  readonly plain: readonly PodGroup[];
  readonly entangled: readonly PodGroup[];
  readonly exclusions: readonly NodeExclusion[];
  /** Those of them that spreading over nodes asks for. */
  readonly spreadOverNodes: readonly NodeExclusion[];
  readonly zoneConstraints: readonly ZoneConstraint[];
  readonly clusters: readonly ZoneCluster[];
}

/** Knows all pods of the plan, so that groups can be sorted band by band. What could not be compared in time counts as
 *  entangled, which costs time later and is never wrong. */
export class DemandSorter {
  readonly #draft: PlanDraft;
  readonly #all: readonly PodGroup[];
  readonly #matcher: GroupMatcher;
  /** Kept off whole zones by somebody's anti-affinity, or not looked at. */
  readonly #keptAway = new Set<PodGroup>();
  /** Groups whose anti-affinity is among themselves, on a node; equal sets are one object. */
  readonly #exclusionOf = new Map<PodGroup, NodeExclusion>();
  readonly #nodesAtLeast: number;

  /** `nodesAtLeast`: so many new nodes the groups need in any case. */
  constructor(draft: PlanDraft, groups: readonly PodGroup[], options: { readonly nodesAtLeast: number }) {
    this.#draft = draft;
    this.#all = groups;
    const namespaces = new Map(draft.objects.namespaces.map((one) => [one.name, one.labels]));
    const namespaceLabels = (namespace: string) => namespaces.get(namespace);
    this.#matcher = new GroupMatcher(groups, { running: draft.snapshot.shapes, namespaceLabels });
    for (const term of this.#standingTerms()) {
      for (const group of this.#matcher.matchedBy(term)) this.#keptAway.add(group);
    }
    for (const { term, groups: own } of this.#carriers().values()) this.#judgeTerm(term, own);
    const apart = [...new Set(this.#exclusionOf.values())].map(nodesFor);
    this.#nodesAtLeast = Math.max(options.nodesAtLeast, ...apart);
  }

  sort(band: readonly PodGroup[]): SortedDemand {
    const candidates = band.filter((group) => {
      const alone = group.shape.podAntiAffinity.length === 0 || this.#exclusionOf.has(group);
      return this.#asksOnlySize(group.shape) && !this.#keptAway.has(group) && alone;
    });
    const rules = candidates.some(({ shape }) => hasRules(shape)) ? this.#rulesOf(candidates, band) : NO_RULES;
    const plain = rules.plain === undefined ? candidates : candidates.filter((group) => rules.plain?.has(group));
    const isPlain = plain.length === band.length ? undefined : new Set(plain);
    const apart = new Set<NodeExclusion>();
    for (const group of this.#exclusionOf.size === 0 ? [] : plain) {
      const exclusion = this.#exclusionOf.get(group);
      if (exclusion !== undefined) apart.add(exclusion);
    }
    return {
      plain,
      entangled: isPlain === undefined ? [] : band.filter((group) => !isPlain.has(group)),
      exclusions: [...apart, ...rules.exclusions],
      spreadOverNodes: rules.exclusions,
      zoneConstraints: rules.zoneConstraints,
      clusters: rules.clusters,
    };
  }

  #rulesOf(candidates: readonly PodGroup[], band: readonly PodGroup[]): SpreadRules {
    return spreadRules(candidates, {
      matcher: this.#matcher,
      band: new Set(band),
      inExclusion: new Set(this.#exclusionOf.keys()),
      nodesAtLeast: this.#nodesAtLeast,
    });
  }

  /** Nothing but room, labels and taints, and perhaps rules that look at other pods, which are judged apart. */
  #asksOnlySize(shape: PodShape): boolean {
    return (
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

  #carriers(): Map<string, { readonly term: PodAffinityTerm; readonly groups: Set<PodGroup> }> {
    const carriers = new Map<string, { readonly term: PodAffinityTerm; readonly groups: Set<PodGroup> }>();
    for (const group of this.#all) {
      const { podAntiAffinity } = group.shape;
      if (podAntiAffinity.length === 0) continue;
      for (const term of podAntiAffinity) {
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
    const forbidden = this.#matcher.matchedBy(term);
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
}

/** Nodes that a set of pods needs at least that keep off each other. */
export function nodesFor({ groups, perNodeMax }: NodeExclusion): number {
  const pods = [...groups].reduce((sum, group) => sum + group.pods.length - group.placed, 0);
  return Math.ceil(pods / perNodeMax);
}
