// Pods that no rule can tell apart are one kind: same namespace, labels and spec (and name, where a volume is named after it).
// Kinds hold all that placing one of them asks and changes, so that a packing is checked in time that grows with pods.
import { DomainCounts } from './domain-counts.ts';
import { affinityTerms, antiAffinityTerms, finds, forbids } from './inter-pod-affinity.ts';
import { isCounted } from './node-resources-fit.ts';
import { type HostPort, hostPortsOf } from './node-ports.ts';
import { podRequests } from './pod-requests.ts';
import { countsFor, hardConstraints, selfCount, takesPart } from './pod-topology-spread.ts';
import type { V1Pod, V1PodAffinityTerm, V1SpreadConstraint } from './v1.ts';
import { labelsOf, namespaceOf, type World } from './world.ts';

export interface SpreadRule {
  readonly constraint: V1SpreadConstraint;
  readonly counts: DomainCounts;
  readonly self: number;
}

export interface PodKind {
  readonly pod: V1Pod;
  readonly requests: readonly (readonly [name: string, amount: number])[];
  readonly ports: readonly HostPort[];
  readonly spread: SpreadRule[];
  /** Per affinity term, pods that match all terms. */
  readonly affinity: DomainCounts[];
  readonly matchesItself: boolean;
  /** Per anti-affinity term, pods that it matches. */
  readonly antiAffinity: DomainCounts[];
  /** Per term of others that matches the kind, pods that carry it. */
  readonly keptAwayBy: DomainCounts[];
  /** Counts that one more pod of the kind raises; topology spread does not count terminating pods. */
  readonly raises: Set<DomainCounts>;
  readonly raisesUnlessTerminating: Set<DomainCounts>;
}

/** The kinds of all pods of a packing; every pod must be known when it is made. Cost: kinds × terms of their namespace, and
 *  nodes × distinct terms. */
export class PodKinds {
  readonly #world: World;
  readonly #byText = new Map<string, PodKind>();
  readonly #byPod = new Map<V1Pod, PodKind>();
  readonly #byNamespace = new Map<string, PodKind[]>();

  constructor(pods: Iterable<V1Pod>, world: World) {
    this.#world = world;
    for (const pod of pods) this.#note(pod);
    for (const kind of this.#byText.values()) this.#connect(kind);
  }

  of(pod: V1Pod): PodKind {
    const kind = this.#byPod.get(pod);
    if (kind === undefined) throw new Error(`pod ${pod.metadata.name} is not of this packing`);
    return kind;
  }

  #note(pod: V1Pod): void {
    if (this.#byPod.has(pod)) return;
    const text = textOf(pod);
    const known = this.#byText.get(text);
    const kind = known ?? newKind(pod, this.#world);
    this.#byPod.set(pod, kind);
    if (known !== undefined) return;
    this.#byText.set(text, kind);
    const namespace = this.#byNamespace.get(namespaceOf(pod)) ?? [];
    this.#byNamespace.set(namespaceOf(pod), [...namespace, kind]);
  }

  #connect(kind: PodKind): void {
    this.#connectSpread(kind);
    this.#connectAffinity(kind);
    for (const term of antiAffinityTerms(kind.pod)) this.#connectAntiAffinity(kind, term);
  }

  readonly #spreadRules = new Map<string, DomainCounts>();

  #connectSpread(kind: PodKind): void {
    const { pod } = kind;
    const { nodeSelector, affinity, tolerations } = pod.spec;
    const scope = [namespaceOf(pod), hardConstraints(pod), nodeSelector, affinity?.nodeAffinity, tolerations];
    for (const constraint of hardConstraints(pod)) {
      // The labels that matchLabelKeys name are part of the selector.
      const merged = (constraint.matchLabelKeys ?? []).map((key) => labelsOf(pod).get(key));
      const key = JSON.stringify([scope, constraint, merged]);
      let counts = this.#spreadRules.get(key);
      if (counts === undefined) {
        counts = new DomainCounts({
          topologyKey: constraint.topologyKey,
          nodes: this.#world.nodes,
          takesPart: (node) => takesPart(pod, constraint, node),
        });
        this.#spreadRules.set(key, counts);
        for (const other of this.#byNamespace.get(namespaceOf(pod)) ?? []) {
          const facts = { namespace: namespaceOf(other.pod), labels: labelsOf(other.pod) };
          if (countsFor(pod, constraint, facts)) other.raisesUnlessTerminating.add(counts);
        }
      }
      kind.spread.push({ constraint, counts, self: selfCount(pod, constraint) });
    }
  }

  readonly #affinityCounts = new Map<string, readonly DomainCounts[]>();

  #connectAffinity(kind: PodKind): void {
    const terms = affinityTerms(kind.pod);
    if (terms.length === 0) return;
    const key = JSON.stringify([namespaceOf(kind.pod), terms]);
    let counts = this.#affinityCounts.get(key);
    if (counts === undefined) {
      counts = terms.map(({ topologyKey }) => this.#countsBy(topologyKey));
      this.#affinityCounts.set(key, counts);
      for (const other of this.#reachedBy(kind, terms[0])) {
        if (!terms.every((term) => finds(kind.pod, term, other.pod, this.#world))) continue;
        for (const one of counts) other.raises.add(one);
      }
    }
    kind.affinity.push(...counts);
  }

  readonly #antiAffinityCounts = new Map<string, { readonly matched: DomainCounts; readonly carriers: DomainCounts }>();

  #connectAntiAffinity(kind: PodKind, term: V1PodAffinityTerm): void {
    const key = JSON.stringify([namespaceOf(kind.pod), term]);
    let counts = this.#antiAffinityCounts.get(key);
    if (counts === undefined) {
      counts = { matched: this.#countsBy(term.topologyKey), carriers: this.#countsBy(term.topologyKey) };
      this.#antiAffinityCounts.set(key, counts);
      for (const other of this.#reachedBy(kind, term)) {
        if (finds(kind.pod, term, other.pod, this.#world)) other.raises.add(counts.matched);
        if (forbids(kind.pod, term, other.pod, this.#world)) other.keptAwayBy.push(counts.carriers);
      }
    }
    kind.antiAffinity.push(counts.matched);
    kind.raises.add(counts.carriers);
  }

  #countsBy(topologyKey: string): DomainCounts {
    return new DomainCounts({ topologyKey, nodes: this.#world.nodes });
  }

  /** Kinds that a term may match: those of its namespaces, all when it selects namespaces. */
  #reachedBy(kind: PodKind, term: V1PodAffinityTerm | undefined): Iterable<PodKind> {
    if ((term?.namespaceSelector ?? undefined) !== undefined) return this.#byText.values();
    const list = term?.namespaces ?? [];
    const namespaces = list.length === 0 ? [namespaceOf(kind.pod)] : [...new Set(list)];
    return namespaces.flatMap((namespace) => this.#byNamespace.get(namespace) ?? []);
  }
}

function newKind(pod: V1Pod, world: World): PodKind {
  const terms = affinityTerms(pod);
  return {
    pod,
    requests: [...podRequests(pod)].filter(([name]) => isCounted(name)).map(([name, amount]) => [name, Number(amount)]),
    ports: hostPortsOf(pod),
    spread: [],
    affinity: [],
    matchesItself: terms.every((term) => finds(pod, term, pod, world)),
    antiAffinity: [],
    keptAwayBy: [],
    raises: new Set(),
    raisesUnlessTerminating: new Set(),
  };
}

function textOf(pod: V1Pod): string {
  const { spec, metadata } = pod;
  const named = (spec.volumes ?? []).some((volume) => (volume.ephemeral ?? undefined) !== undefined);
  const status = (spec.nodeName ?? '') === '' ? undefined : pod.status;
  return JSON.stringify([
    metadata.namespace,
    metadata.labels,
    { ...spec, nodeName: '' },
    status,
    named && metadata.name,
  ]);
}
