// A snapshot on which things can be supposed: pods placed, nodes added or taken away, and all of it taken back to a mark.
// Every filter of kube-scheduler's default profile is asked in its order. Cost: a search reads columns; what does not depend on the pods of a
// node is asked once per kind of pod and class of node; nodes that refused a shape are not asked again until something
// that could change the answer was taken back.
// Longer than 250 lines because every change and its opposite belong beside each other.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodAffinityTerm, PodObject, PodShape, Resources } from '../cluster/cluster-objects.ts';
import { expectedLabels } from '../cluster/expected-node.ts';
import { CounterBook, type PlacedPod } from './counter-book.ts';
import { daemonPod, daemonShapesToCome } from './daemon-pods.ts';
import type { DomainCounter } from './domain-counter.ts';
import { ForkNodes } from './fork-nodes.ts';
import { interPodAffinity, type NamespaceLabels, termForbids } from './inter-pod-affinity.ts';
import { deviceResources } from './dynamic-resources.ts';
import { namesConflict, notNamed } from './node-affinity.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import type { NodeFacts } from './node-facts.ts';
import { nodePorts } from './node-ports.ts';
import { exactResourcesFit, nodeResourcesFit } from './node-resources-fit.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { type Refusal, refuse } from './refusal.ts';
import { nextWithRoom } from './room-kernel.ts';
import { carriersCounter, claimRefusal, podRefusal, shapeChecks, type ShapeChecks, termKey } from './shape-checks.ts';
import { StaticVerdicts } from './static-verdicts.ts';
import type { TemplateNode } from './template-node.ts';
import { volumeBinding } from './volume-binding.ts';
import { type VolumeLookup, volumeLookup } from './volume-lookup.ts';
import { diskConflict } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

/** What was done, in order, so that it can be taken back in reverse. */
type Change =
  | { readonly kind: 'place'; readonly pod: PodObject; readonly node: number }
  | {
      readonly kind: 'removeNode';
      readonly node: number;
      readonly pods: readonly PodObject[];
      readonly wasOpen: boolean;
    }
  | { readonly kind: 'addNode' }
  /** Nodes below `before` were known to refuse the shape. */
  | { readonly kind: 'refusedBelow'; readonly shapeNumber: number; readonly before: number };

export interface WhyNotOptions {
  /** spec.nodeName counts, as it does in the scheduler. Without it a pod that moves leaves its node's name behind. */
  readonly asBound?: boolean;
}

/** Anti-affinity of pods on nodes that concerns a shape. `seen`: how many of all carried terms were looked at. */
interface ForbiddingTerms {
  seen: number;
  readonly counters: DomainCounter[];
}

export class ForkedSnapshot {
  readonly snapshot: ClusterSnapshot;
  readonly #nodes: ForkNodes;
  readonly #addedIndexByName = new Map<string, number>();
  readonly #log: Change[] = [];
  readonly #removed = new Set<number>();
  readonly #statics = new StaticVerdicts();
  #lookupMade: VolumeLookup | undefined;
  readonly #counters: CounterBook;
  readonly #namespaceLabels: NamespaceLabels;
  readonly #addedShapeNumbers = new Map<PodShape, number>();
  /** Per shape number. */
  readonly #checks: (ShapeChecks | undefined)[] = [];
  readonly #forbidding: (ForbiddingTerms | undefined)[] = [];
  readonly #refusedBelow: number[] = [];
  /** Anti-affinity terms of pods on nodes, each once. */
  readonly #carriedTerms: PodAffinityTerm[] = [];
  readonly #carriedKeys = new Set<string>();

  constructor(snapshot: ClusterSnapshot) {
    this.snapshot = snapshot;
    this.#nodes = new ForkNodes(snapshot);
    const namespaces = new Map(snapshot.objects.namespaces.map((one) => [one.name, one.labels]));
    this.#namespaceLabels = (namespace) => namespaces.get(namespace);
    this.#counters = new CounterBook({
      nodes: () => this.#nodes.facts.map((facts, index) => ({ facts, removed: this.#removed.has(index) })),
      eachPod: (wanted, take) => this.#replay(wanted, take),
    });
    for (const shape of snapshot.shapes) this.#noteCarriedTerms(shape);
    for (const [index, shapes] of daemonShapesToCome(snapshot)) this.#placeDaemons(index, shapes);
  }

  get nodeCount(): number {
    return this.#nodes.count;
  }

  nodeName(index: number): string {
    return this.#factsOf(index).name;
  }

  /** Adds a node as the template promises it, with its daemon pods on it; returns its index, which is the highest. */
  addTemplateNode(template: TemplateNode, name: string): number {
    const { zone, labels, taints, unschedulable, volumeLimits, allocatable } = template;
    const facts = {
      name,
      labels: expectedLabels({ name, zone, labels }),
      taints,
      unschedulable,
      volumeLimits,
      ...(template.features === undefined ? {} : { features: template.features }),
    };
    const index = this.#nodes.push({ facts, allocatable });
    this.#addedIndexByName.set(name, index);
    this.#counters.addNode(facts);
    this.#log.push({ kind: 'addNode' });
    this.#placeDaemons(index, template.daemonShapes);
    return index;
  }

  /** Takes new pods: neither draining nor removed. */
  isOpen(index: number): boolean {
    return this.#nodes.isOpen(index);
  }

  /** Why the pod cannot run on the node now; undefined: it fits. */
  whyNot(pod: PodObject, index: number, options: WhyNotOptions = {}): Refusal | undefined {
    const facts = this.#factsOf(index);
    if (!this.isOpen(index)) return refuse('Sluice', 'node(s) were being removed');
    const checks = this.#checksOf(pod.shape);
    const names = { affinity: checks.named, nodeName: options.asBound === true ? pod.nodeName : '' };
    // A pod whose names contradict each other hears that first, one that names other nodes after its volumes.
    return (
      namesConflict(names) ??
      podRefusal(checks, pod, () => this.#lookup) ??
      notNamed(names, facts.name) ??
      this.#refusal(checks, index)
    );
  }

  /** The lowest open node in [from, until) that takes the pod; −1: none. */
  firstFit(pod: PodObject, options: { readonly from?: number; readonly until?: number } = {}): number {
    const checks = this.#checksOf(pod.shape);
    if ((podRefusal(checks, pod, () => this.#lookup) ?? claimRefusal(checks)) !== undefined) return -1;
    const from = options.from ?? 0;
    const until = Math.min(options.until ?? this.nodeCount, this.nodeCount);
    if (checks.named !== undefined) return this.#firstNamedFit(checks, { from, until });
    const known = this.#refusedBelow[checks.shapeNumber] ?? 0;
    const start = Math.max(from, known);
    const found = this.#search(checks, { from: start, until });
    const refusedBelow = found === -1 ? Math.max(start, until) : found;
    if (checks.monotone && from <= known && refusedBelow > known) {
      this.#log.push({ kind: 'refusedBelow', shapeNumber: checks.shapeNumber, before: known });
      this.#refusedBelow[checks.shapeNumber] = refusedBelow;
    }
    return found;
  }

  /** Puts the pod on the node. Does not ask whether it fits: what runs there already does. */
  place(pod: PodObject, index: number): void {
    this.#factsOf(index);
    this.#nodes.putPod(index, pod);
    this.#counters.count(this.#placed(pod, index), 1);
    this.#noteCarriedTerms(pod.shape);
    this.#log.push({ kind: 'place', pod, node: index });
  }

  /** Takes the node away: it is closed, and its pods, which are returned, are off. */
  removeNode(index: number): readonly PodObject[] {
    this.#factsOf(index);
    if (this.#removed.has(index)) throw new Error(`node ${this.nodeName(index)} was removed before`);
    const wasOpen = this.isOpen(index);
    const pods = this.#nodes.clearPods(index);
    for (const pod of pods) this.#counters.count(this.#placed(pod, index), -1);
    this.#counters.dropNode(index);
    this.#removed.add(index);
    this.#nodes.setOpen(index, false);
    this.#log.push({ kind: 'removeNode', node: index, pods, wasOpen });
    if (pods.length > 0) this.#forgetRefusals();
    return pods;
  }

  podsOn(index: number): readonly PodObject[] {
    return [...this.#nodes.pods(index)];
  }

  requestedOn(index: number): Resources {
    return this.#nodes.requested(index);
  }

  allocatableOn(index: number): Resources {
    return this.#nodes.allocatable(index);
  }

  /** A point to roll back to. */
  mark(): number {
    return this.#log.length;
  }

  /** Takes back everything since the mark; marks taken since are void. */
  rollback(mark: number): void {
    if (mark > this.#log.length) throw new Error(`mark ${mark} is not of this fork: it is at ${this.#log.length}`);
    while (this.#log.length > mark) {
      const change = this.#log.pop();
      if (change !== undefined) this.#takeBack(change);
    }
  }

  #takeBack(change: Change): void {
    switch (change.kind) {
      case 'place':
        this.#counters.count(this.#placed(change.pod, change.node), -1);
        this.#nodes.popPod(change.node);
        break;
      case 'removeNode':
        this.#removed.delete(change.node);
        this.#counters.restoreNode(change.node, this.#factsOf(change.node));
        this.#nodes.refillPods(change.node, change.pods);
        for (const pod of change.pods) this.#counters.count(this.#placed(pod, change.node), 1);
        this.#nodes.setOpen(change.node, change.wasOpen);
        break;
      case 'addNode':
        this.#addedIndexByName.delete(this.#factsOf(this.nodeCount - 1).name);
        this.#counters.popNode();
        this.#nodes.pop();
        break;
      case 'refusedBelow':
        this.#refusedBelow[change.shapeNumber] = change.before;
        break;
    }
  }

  #search(checks: ShapeChecks, range: { readonly from: number; readonly until: number }): number {
    const { requests } = checks.shape;
    let { from } = range;
    while (from < range.until) {
      const candidate = nextWithRoom(this.#nodes.columns, requests, { from, until: range.until });
      if (candidate === -1 || this.#refusal(checks, candidate) === undefined) return candidate;
      from = candidate + 1;
    }
    return -1;
  }

  #firstNamedFit(checks: ShapeChecks, range: { readonly from: number; readonly until: number }): number {
    let found = -1;
    for (const name of checks.named ?? []) {
      const index = this.snapshot.nodeIndexByName.get(name) ?? this.#addedIndexByName.get(name) ?? -1;
      if (index < range.from || index >= range.until || (found !== -1 && index > found)) continue;
      if (this.isOpen(index) && this.#refusal(checks, index) === undefined) found = index;
    }
    return found;
  }

  /** The filters in the scheduler's order; the first that refuses speaks. */
  #refusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { shape, profile } = checks;
    const facts = this.#factsOf(index);
    const others = this.#nodes.pods(index);
    const unfit =
      this.#statics.refusal(profile, { facts, nodeClass: this.#classOf(index) }) ??
      nodePorts(shape, others) ??
      this.#shortage(shape, index);
    return unfit ?? this.#volumeRefusal(checks, index) ?? this.#topologyRefusal(checks, index);
  }

  #volumeRefusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { shape, volumes } = checks;
    if (volumes.length === 0 && shape.disks === undefined) return undefined;
    const context = { node: this.#factsOf(index), lookup: this.#lookup };
    const others = this.#nodes.pods(index);
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
    const served = this.snapshot.objects.deviceResources;
    return (
      podTopologySpread(checks.spread, index) ??
      interPodAffinity({ ...checks.affinity, existing: this.#forbiddingTerms(checks).counters }, index) ??
      deviceResources(shape, { allocatable: this.#nodes.allocatable(index), served }) ??
      nodeDeclaredFeatures(shape, this.#factsOf(index))
    );
  }

  #shortage(shape: PodShape, index: number): Refusal | undefined {
    const served = this.snapshot.objects.deviceResources;
    if (shape.requests.exact !== undefined || this.#nodes.isOdd(index)) {
      return exactResourcesFit(shape.requests, { ...this.#nodes.room(index), served });
    }
    const fits = nextWithRoom(this.#nodes.columns, shape.requests, { from: index, until: index + 1 }) === index;
    if (fits && shape.requests.extended.size === 0) return undefined;
    return nodeResourcesFit(shape.requests, { ...this.#nodes.room(index), served });
  }

  /** Pods that came and went since the beginning: those of the snapshot, then what was done since. */
  #replay(wanted: (shape: PodShape, shapeNumber: number) => boolean, take: (pod: PlacedPod, by: 1 | -1) => void): void {
    const { shapes, columns } = this.snapshot;
    shapes.forEach((shape, shapeNumber) => {
      if (!wanted(shape, shapeNumber)) return;
      for (const entry of columns.podsOfShape[shapeNumber] ?? []) {
        take({ shape, shapeNumber, node: entry >> 1, terminating: (entry & 1) === 1 }, 1);
      }
    });
    const takeIfWanted = (pod: PodObject, change: { node: number; by: 1 | -1 }): void => {
      const placed = this.#placed(pod, change.node);
      if (wanted(placed.shape, placed.shapeNumber)) take(placed, change.by);
    };
    for (const change of this.#log) {
      if (change.kind === 'place') takeIfWanted(change.pod, { node: change.node, by: 1 });
      if (change.kind !== 'removeNode') continue;
      for (const pod of change.pods) takeIfWanted(pod, { node: change.node, by: -1 });
    }
  }

  #placed(pod: PodObject, node: number): PlacedPod {
    return { shape: pod.shape, shapeNumber: this.#shapeNumber(pod.shape), node, terminating: pod.deleting };
  }

  #placeDaemons(index: number, shapes: readonly PodShape[]): void {
    const nodeName = this.nodeName(index);
    shapes.forEach((shape, number) => this.place(daemonPod(shape, { nodeName, number }), index));
  }

  #shapeNumber(shape: PodShape): number {
    const known = this.snapshot.shapeNumbers.get(shape) ?? this.#addedShapeNumbers.get(shape);
    if (known !== undefined) return known;
    const number = this.snapshot.shapes.length + this.#addedShapeNumbers.size;
    this.#addedShapeNumbers.set(shape, number);
    return number;
  }

  #checksOf(shape: PodShape): ShapeChecks {
    const shapeNumber = this.#shapeNumber(shape);
    const known = this.#checks[shapeNumber];
    if (known !== undefined) return known;
    const checks = shapeChecks(shape, shapeNumber, {
      counters: this.#counters,
      statics: this.#statics,
      lookup: () => this.#lookup,
      namespaceLabels: this.#namespaceLabels,
    });
    this.#checks[shapeNumber] = checks;
    return checks;
  }

  /** Volumes are indexed when a pod first asks for one. */
  get #lookup(): VolumeLookup {
    this.#lookupMade ??= volumeLookup(this.snapshot.objects);
    return this.#lookupMade;
  }

  #classOf(index: number): number {
    const known = this.#nodes.classes[index];
    if (known !== undefined) return known;
    const nodeClass = this.#statics.classOf(this.#factsOf(index));
    this.#nodes.classes[index] = nodeClass;
    return nodeClass;
  }

  #noteCarriedTerms(shape: PodShape): void {
    for (const term of shape.podAntiAffinity) {
      const key = termKey(term);
      if (this.#carriedKeys.has(key)) continue;
      this.#carriedKeys.add(key);
      this.#carriedTerms.push(term);
    }
  }

  #forbiddingTerms(checks: ShapeChecks): ForbiddingTerms {
    const { shape, shapeNumber } = checks;
    const terms = this.#forbidding[shapeNumber] ?? { seen: 0, counters: [] };
    this.#forbidding[shapeNumber] = terms;
    for (; terms.seen < this.#carriedTerms.length; terms.seen += 1) {
      const term = this.#carriedTerms[terms.seen];
      if (term === undefined || !termForbids(term, shape, this.#namespaceLabels)) continue;
      terms.counters.push(carriersCounter(term, this.#counters));
    }
    return terms;
  }

  /** Pods left: shapes that other pods kept away from a node may find it open now. */
  #forgetRefusals(): void {
    this.#refusedBelow.forEach((before, shapeNumber) => {
      if (before === 0) return;
      const concerned =
        (this.#checks[shapeNumber]?.affinity.antiAffinity.length ?? 0) > 0 ||
        (this.#forbidding[shapeNumber]?.counters.length ?? 0) > 0;
      if (!concerned) return;
      this.#log.push({ kind: 'refusedBelow', shapeNumber, before });
      this.#refusedBelow[shapeNumber] = 0;
    });
  }

  #factsOf(index: number): NodeFacts {
    const facts = this.#nodes.facts[index];
    if (facts === undefined) throw new Error(`node index must be below ${this.nodeCount}: ${index}`);
    return facts;
  }
}
