// Every filter of kube-scheduler's default profile, asked in its order of one pod and one node of a fork. What a kind of
// pod asks is put together once per shape; what does not depend on the pods of a node once per kind of pod and class of node.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { CarriedTerms } from './carried-terms.ts';
import type { CounterBook } from './counter-book.ts';
import type { DynamicResources } from './dynamic-resources.ts';
import { fitsCount } from './fits-count.ts';
import type { DeviceNode } from './devices/device-book.ts';
import type { ForkNodes } from './fork-nodes.ts';
import { interPodAffinity, type NamespaceLabels } from './inter-pod-affinity.ts';
import { namesConflict, notNamed } from './node-affinity.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { nodePorts } from './node-ports.ts';
import { exactResourcesFit, nodeResourcesFit } from './node-resources-fit.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { type Refusal, refuse } from './refusal.ts';
import { nextWithRoom } from './room-kernel.ts';
import { claimRefusal, podRefusal, shapeChecks, type ShapeChecks } from './shape-checks.ts';
import { StaticVerdicts } from './static-verdicts.ts';
import type { StepBudget } from './step-budget.ts';
import type { TemplateNode } from './template-node.ts';
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
  readonly budget: StepBudget;
  readonly devices: DynamicResources;
}

/** Counters that one question may read without being charged for: three times what any real pod has. */
const COUNTERS_FREE = 16;
/** Said of pods whose constraints, or those of pods that run, are more than is looked at for one decision. */
export const TOO_MUCH: Refusal = refuse('Sluice', "pods' constraints on each other are too many to be worked out");

export class ForkFilters {
  readonly #context: FilterContext;
  readonly #statics = new StaticVerdicts();
  readonly #classOfTemplate = new Map<TemplateNode, number>();
  #lookupMade: VolumeLookup | undefined;
  readonly #namespaceLabels: NamespaceLabels;
  readonly #served: ReadonlySet<string> | undefined;
  readonly #checks = new Map<PodShape, ShapeChecks>();
  readonly #carried: CarriedTerms;

  constructor(context: FilterContext) {
    this.#context = context;
    const { namespaces } = context.snapshot.objects;
    this.#served = context.devices.served;
    const labels = new Map(namespaces.map((one) => [one.name, one.labels]));
    this.#namespaceLabels = (namespace) => labels.get(namespace);
    this.#carried = new CarriedTerms({ ...context, namespaceLabels: this.#namespaceLabels });
  }

  /** Why the pod cannot run on the node now; undefined: it fits. */
  whyNot(pod: PodObject, index: number, options: WhyNotOptions): Refusal | undefined {
    if (!this.#context.nodes.isOpen(index)) return refuse('Sluice', 'node(s) were being removed');
    const checks = this.checksOf(pod.shape);
    if (this.isTooMuch(checks)) return TOO_MUCH;
    const names = { affinity: checks.named, nodeName: options.asBound === true ? pod.nodeName : '' };
    // A pod whose names contradict each other hears that first, one that names other nodes after its volumes.
    return (
      namesConflict(names) ??
      podRefusal(checks, pod, () => this.#lookup) ??
      this.#context.devices.podRefusal(pod.shape) ??
      notNamed(names, this.#context.nodes.factsOf(index).name) ??
      this.refusal(checks, index, pod)
    );
  }

  /** How many more pods like this one the open node takes now, at most `most`; see fits-count.ts. */
  fitsCount(pod: PodObject, index: number, most: number): number {
    if (most < 1 || this.whyNot(pod, index, {}) !== undefined) return 0;
    const { nodes } = this.#context;
    const odd = nodes.isOdd(index) || this.#context.devices.concerns(pod.shape);
    return fitsCount(this.checksOf(pod.shape), { index, room: nodes.room(index), odd, most });
  }

  /** What every node would say to the pod alike. */
  everywhere(checks: ShapeChecks, pod: PodObject): Refusal | undefined {
    if (this.isTooMuch(checks)) return TOO_MUCH;
    return (
      podRefusal(checks, pod, () => this.#lookup) ?? this.#context.devices.podRefusal(pod.shape) ?? claimRefusal(checks)
    );
  }

  /** The filters that ask the node, in the scheduler's order; the first that refuses speaks. */
  refusal(checks: ShapeChecks, index: number, pod?: PodObject): Refusal | undefined {
    const { nodes } = this.#context;
    const { shape, profile } = checks;
    const unfit =
      this.#statics.refusal(profile, { facts: () => nodes.factsOf(index), nodeClass: this.nodeClassOf(index) }) ??
      this.#portRefusal(shape, index) ??
      this.#shortage(shape, index);
    return unfit ?? this.#volumeRefusal(checks, index) ?? this.#topologyRefusal(checks, index, pod);
  }

  /** Everything that pods of this shape ask. */
  checksOf(shape: PodShape): ShapeChecks {
    const known = this.#checks.get(shape);
    if (known !== undefined) return known;
    const checks = shapeChecks(shape, {
      counters: this.#context.counters,
      statics: this.#statics,
      lookup: () => this.#lookup,
      namespaceLabels: this.#namespaceLabels,
    });
    this.#checks.set(shape, checks);
    return checks;
  }

  /** Cordon, taints, labels and names let a pod of this shape onto the node. */
  admits(shape: PodShape, index: number): boolean {
    const { nodes } = this.#context;
    const node = { facts: () => nodes.factsOf(index), nodeClass: this.nodeClassOf(index) };
    return this.#statics.refusal(this.#statics.profileOf(shape), node) === undefined;
  }

  /** Anti-affinity of a pod that is on a node, or was, matches this shape; also when that could not be worked out. */
  isConcerned(shape: PodShape): boolean {
    return this.#carried.forbidding(shape)?.length !== 0;
  }

  /** A pod of this shape is on a node: its anti-affinity concerns others from now on. */
  noteCarriedTerms(shape: PodShape): void {
    this.#carried.note(shape);
  }

  /** As long as this stays the same, so does the answer of opensWhenPodsLeave for a shape. */
  get carriedTerms(): number {
    return this.#carried.size;
  }

  /** Pods that leave may open a node to this shape, room aside. */
  opensWhenPodsLeave(shape: PodShape): boolean {
    const checks = this.#checks.get(shape);
    if (checks === undefined) return false;
    return (
      !checks.monotone ||
      this.#context.devices.concerns(shape) ||
      checks.affinity.antiAffinity.length > 0 ||
      this.#carried.concern(shape)
    );
  }

  /** The budget does not allow to say anything of the shape. */
  isTooMuch(checks: ShapeChecks): boolean {
    const forbidding = this.#carried.forbidding(checks.shape);
    if (!checks.complete || forbidding === undefined) return true;
    return this.#context.budget.exhausted && countersOf(checks, forbidding) > COUNTERS_FREE;
  }

  #portRefusal(shape: PodShape, index: number): Refusal | undefined {
    if (shape.hostPorts.length === 0) return undefined;
    const use = this.#context.nodes.use(index);
    return nodePorts(shape, (port) => use.isTaken(port));
  }

  #volumeRefusal(checks: ShapeChecks, index: number): Refusal | undefined {
    const { shape, volumes } = checks;
    if (volumes.length === 0 && shape.disks === undefined) return undefined;
    const context = { node: this.#context.nodes.factsOf(index), lookup: this.#lookup };
    const others = this.#context.nodes.pods(index);
    const use = this.#context.nodes.use(index);
    return (
      diskConflict(shape, use.diskShapes) ??
      claimRefusal(checks) ??
      nodeVolumeLimits(shape, { ...context, others, attached: (volumesOf) => use.attached(others, volumesOf) }) ??
      volumeBinding(volumes, context) ??
      volumeZone(volumes, context)
    );
  }

  #topologyRefusal(checks: ShapeChecks, index: number, pod: PodObject | undefined): Refusal | undefined {
    const { shape } = checks;
    const { nodes, budget, devices } = this.#context;
    const device = (): DeviceNode => ({ facts: nodes.factsOf(index), allocatable: nodes.allocatable(index) });
    const forbidding = this.#carried.forbidding(shape) ?? [];
    const asked = countersOf(checks, forbidding);
    if (asked > COUNTERS_FREE) {
      budget.spend(asked);
      if (budget.exhausted) return TOO_MUCH;
    }
    return (
      podTopologySpread(checks.spread, index) ??
      interPodAffinity({ ...checks.affinity, existing: forbidding }, index) ??
      devices.nodeRefusal(shape, device, pod) ??
      (shape.features === undefined ? undefined : nodeDeclaredFeatures(shape, nodes.factsOf(index)))
    );
  }

  #shortage(shape: PodShape, index: number): Refusal | undefined {
    const { nodes } = this.#context;
    const served = this.#served;
    if (shape.requests.exact !== undefined || nodes.isOdd(index)) {
      return exactResourcesFit(shape.requests, { ...nodes.room(index), served });
    }
    const fits = nextWithRoom(nodes.columns, shape.requests, { from: index, until: index + 1 }) === index;
    if (fits && shape.requests.extended.size === 0) return undefined;
    return nodeResourcesFit(shape.requests, { ...nodes.room(index), served });
  }

  /** Nodes of one class say the same to pods that name no node, room and running pods aside. */
  nodeClassOf(index: number): number {
    const { nodes } = this.#context;
    const known = nodes.classes[index];
    if (known !== undefined) return known;
    // Nodes of one template differ in name and hostname only, which classes do not see.
    const template = nodes.templateOf(index);
    const like = template === undefined ? undefined : this.#classOfTemplate.get(template);
    const nodeClass = like ?? this.#statics.classOf(nodes.factsOf(index));
    if (template !== undefined) this.#classOfTemplate.set(template, nodeClass);
    nodes.classes[index] = nodeClass;
    return nodeClass;
  }

  /** Volumes are indexed when a pod first asks for one. */
  get #lookup(): VolumeLookup {
    this.#lookupMade ??= volumeLookup(this.#context.snapshot.objects);
    return this.#lookupMade;
  }
}

/** Counters that one question about the shape may read. */
function countersOf({ spread, affinity }: ShapeChecks, forbidding: readonly unknown[]): number {
  return spread.length + affinity.affinity.length + affinity.antiAffinity.length + forbidding.length;
}
