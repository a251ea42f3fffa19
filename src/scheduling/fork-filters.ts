// Every filter of kube-scheduler's default profile, asked in its order of one pod and one node of a fork. What a kind of
// pod asks is put together once per shape; what does not depend on the pods of a node once per kind of pod and class of node.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodAffinityTerm, PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { CounterBook } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';
import { deviceResources } from './dynamic-resources.ts';
import type { ForkNodes } from './fork-nodes.ts';
import { interPodAffinity, type NamespaceLabels, termForbids } from './inter-pod-affinity.ts';
import { namesConflict, notNamed } from './node-affinity.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { nodePorts } from './node-ports.ts';
import { exactResourcesFit, nodeResourcesFit } from './node-resources-fit.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { type Refusal, refuse } from './refusal.ts';
import { nextWithRoom } from './room-kernel.ts';
import { carriersCounter, claimRefusal, podRefusal, shapeChecks, type ShapeChecks, termKey } from './shape-checks.ts';
import { StaticVerdicts } from './static-verdicts.ts';
import { volumeBinding } from './volume-binding.ts';
import { type VolumeLookup, volumeLookup } from './volume-lookup.ts';
import { diskConflict } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

export interface WhyNotOptions {
  /** spec.nodeName counts, as it does in the scheduler. Without it a pod that moves leaves its node's name behind. */
  readonly asBound?: boolean;
}

/** What the filters ask of the fork that they judge for. */
export interface FilterContext {
  readonly snapshot: ClusterSnapshot;
  readonly nodes: ForkNodes;
  readonly counters: CounterBook;
  readonly shapeNumber: (shape: PodShape) => number;
}

/** Anti-affinity of pods on nodes that concerns a shape. `seen`: how many of all carried terms were looked at. */
interface ForbiddingTerms {
  seen: number;
  readonly counters: DomainCounter[];
}

export class ForkFilters {
  readonly #context: FilterContext;
  readonly #statics = new StaticVerdicts();
  #lookupMade: VolumeLookup | undefined;
  readonly #namespaceLabels: NamespaceLabels;
  /** Per shape number. */
  readonly #checks: (ShapeChecks | undefined)[] = [];
  readonly #forbidding: (ForbiddingTerms | undefined)[] = [];
  /** Anti-affinity terms of pods on nodes, each once. */
  readonly #carriedTerms: PodAffinityTerm[] = [];
  readonly #carriedKeys = new Set<string>();

  constructor(context: FilterContext) {
    this.#context = context;
    const { namespaces } = context.snapshot.objects;
    const labels = new Map(namespaces.map((one) => [one.name, one.labels]));
    this.#namespaceLabels = (namespace) => labels.get(namespace);
    for (const shape of context.snapshot.shapes) this.noteCarriedTerms(shape);
  }

  /** Why the pod cannot run on the node now; undefined: it fits. */
  whyNot(pod: PodObject, index: number, options: WhyNotOptions): Refusal | undefined {
    if (!this.#context.nodes.isOpen(index)) return refuse('Sluice', 'node(s) were being removed');
    const checks = this.checksOf(pod.shape);
    const names = { affinity: checks.named, nodeName: options.asBound === true ? pod.nodeName : '' };
    // A pod whose names contradict each other hears that first, one that names other nodes after its volumes.
    return (
      namesConflict(names) ??
      podRefusal(checks, pod, () => this.#lookup) ??
      notNamed(names, this.#context.nodes.factsOf(index).name) ??
      this.refusal(checks, index)
    );
  }

  /** What every node would say to the pod alike. */
  everywhere(checks: ShapeChecks, pod: PodObject): Refusal | undefined {
    return podRefusal(checks, pod, () => this.#lookup) ?? claimRefusal(checks);
  }

  /** The filters that ask the node, in the scheduler's order; the first that refuses speaks. */
  refusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { nodes } = this.#context;
    const { shape, profile } = checks;
    const facts = nodes.factsOf(index);
    const unfit =
      this.#statics.refusal(profile, { facts, nodeClass: this.#classOf(index) }) ??
      nodePorts(shape, nodes.pods(index)) ??
      this.#shortage(shape, index);
    return unfit ?? this.#volumeRefusal(checks, index) ?? this.#topologyRefusal(checks, index);
  }

  /** Everything that pods of this shape ask. */
  checksOf(shape: PodShape): ShapeChecks {
    const shapeNumber = this.#context.shapeNumber(shape);
    const known = this.#checks[shapeNumber];
    if (known !== undefined) return known;
    const checks = shapeChecks(shape, shapeNumber, {
      counters: this.#context.counters,
      statics: this.#statics,
      lookup: () => this.#lookup,
      namespaceLabels: this.#namespaceLabels,
    });
    this.#checks[shapeNumber] = checks;
    return checks;
  }

  /** A pod of this shape is on a node: its anti-affinity concerns others from now on. */
  noteCarriedTerms(shape: PodShape): void {
    for (const term of shape.podAntiAffinity) {
      const key = termKey(term);
      if (this.#carriedKeys.has(key)) continue;
      this.#carriedKeys.add(key);
      this.#carriedTerms.push(term);
    }
  }

  /** Pods that leave may open a node to this shape, room aside. */
  opensWhenPodsLeave(shapeNumber: number): boolean {
    return (
      (this.#checks[shapeNumber]?.affinity.antiAffinity.length ?? 0) > 0 ||
      (this.#forbidding[shapeNumber]?.counters.length ?? 0) > 0
    );
  }

  #volumeRefusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { shape, volumes } = checks;
    if (volumes.length === 0 && shape.disks === undefined) return undefined;
    const context = { node: this.#context.nodes.factsOf(index), lookup: this.#lookup };
    const others = this.#context.nodes.pods(index);
    return (
      diskConflict(shape, others) ??
      claimRefusal(checks) ??
      nodeVolumeLimits(shape, { ...context, others }) ??
      volumeBinding(volumes, context) ??
      volumeZone(volumes, context)
    );
  }

  #topologyRefusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { shape } = checks;
    const { nodes, snapshot } = this.#context;
    const served = snapshot.objects.deviceResources;
    return (
      podTopologySpread(checks.spread, index) ??
      interPodAffinity({ ...checks.affinity, existing: this.#forbiddingTerms(checks).counters }, index) ??
      deviceResources(shape, { allocatable: nodes.allocatable(index), served }) ??
      nodeDeclaredFeatures(shape, nodes.factsOf(index))
    );
  }

  #shortage(shape: PodShape, index: number): Refusal | undefined {
    const { nodes, snapshot } = this.#context;
    const served = snapshot.objects.deviceResources;
    if (shape.requests.exact !== undefined || nodes.isOdd(index)) {
      return exactResourcesFit(shape.requests, { ...nodes.room(index), served });
    }
    const fits = nextWithRoom(nodes.columns, shape.requests, { from: index, until: index + 1 }) === index;
    if (fits && shape.requests.extended.size === 0) return undefined;
    return nodeResourcesFit(shape.requests, { ...nodes.room(index), served });
  }

  #classOf(index: number): number {
    const { nodes } = this.#context;
    const known = nodes.classes[index];
    if (known !== undefined) return known;
    const nodeClass = this.#statics.classOf(nodes.factsOf(index));
    nodes.classes[index] = nodeClass;
    return nodeClass;
  }

  #forbiddingTerms(checks: ShapeChecks): ForbiddingTerms {
    const { shape, shapeNumber } = checks;
    const terms = this.#forbidding[shapeNumber] ?? { seen: 0, counters: [] };
    this.#forbidding[shapeNumber] = terms;
    for (; terms.seen < this.#carriedTerms.length; terms.seen += 1) {
      const term = this.#carriedTerms[terms.seen];
      if (term === undefined || !termForbids(term, shape, this.#namespaceLabels)) continue;
      terms.counters.push(carriersCounter(term, this.#context.counters));
    }
    return terms;
  }

  /** Volumes are indexed when a pod first asks for one. */
  get #lookup(): VolumeLookup {
    this.#lookupMade ??= volumeLookup(this.#context.snapshot.objects);
    return this.#lookupMade;
  }
}
