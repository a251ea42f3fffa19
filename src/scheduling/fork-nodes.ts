// The nodes of one fork: facts, numbers and pods, as they stand after everything that was supposed so far.
// Knows nothing of undoing: each change has its opposite, and ForkedSnapshot keeps the log.
import type { PodObject, Resources } from '../cluster/cluster-objects.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { addToColumns, emptyColumns, type ResourceColumns } from '../cluster/snapshot-columns.ts';
import { driversPending, type NodeFacts } from './node-facts.ts';
import { NodeUse } from './node-use.ts';

/** Room for this many new nodes before the columns grow; they double from there. */
const SPARE_NODES = 64;
const NO_DRIVERS: ReadonlySet<string> = new Set();
const NO_EXTENDED: ReadonlyMap<string, number> = new Map();

/** What the search for room reads, by node index. */
export interface RoomColumns {
  /** 1: takes new pods. */
  readonly open: Uint8Array;
  readonly allocatable: ResourceColumns;
  readonly requested: ResourceColumns;
}

export class ForkNodes {
  readonly facts: NodeFacts[] = [];
  /** Class of the node for static filters, once somebody asked for it. */
  readonly classes: (number | undefined)[] = [];
  readonly #allocatableExtended: ReadonlyMap<string, number>[] = [];
  readonly #requestedExtended: (ReadonlyMap<string, number> | undefined)[] = [];
  readonly #exactAllocatable: (ReadonlyMap<string, bigint> | undefined)[] = [];
  /** Pods whose requests are odd in the same way. */
  readonly #oddPods: number[] = [];
  /** The snapshot's own list until it is changed. */
  readonly #pods: (readonly PodObject[])[] = [];
  /** Our copy of that list, which may be changed; undefined: not copied yet. */
  readonly #ownPods: (PodObject[] | undefined)[] = [];
  /** Ports, disks and volumes in use, of nodes that were asked for them. */
  readonly #uses = new Map<number, NodeUse>();
  #columns: RoomColumns;

  constructor(snapshot: ClusterSnapshot) {
    const { columns, nodes } = snapshot;
    this.#columns = {
      open: new Uint8Array(nodes.length + SPARE_NODES),
      allocatable: widened(columns.allocatable, nodes.length + SPARE_NODES),
      requested: widened(columns.requested, nodes.length + SPARE_NODES),
    };
    const csiNodes = new Map(snapshot.objects.csiNodes.map((one) => [one.name, one]));
    for (const node of nodes) {
      const { name, labels, taints, unschedulable } = node;
      const csi = csiNodes.get(name);
      this.facts.push({
        name,
        labels,
        taints,
        unschedulable,
        volumeLimits: csi?.limits ?? NO_EXTENDED,
        ...(csi === undefined ? {} : { csi }),
        ...(driversPending(node, snapshot.objects.observedAtMs) ? {} : { drivers: csi?.drivers ?? NO_DRIVERS }),
        // Before it has joined nothing is known of its features.
        ...(node.node === undefined ? {} : { features: new Set(node.node.declaredFeatures) }),
      });
      this.classes.push(undefined);
      this.#columns.open[node.index] = node.draining ? 0 : 1;
      this.#allocatableExtended.push(node.allocatable.extended);
      this.#exactAllocatable.push(node.allocatable.exact);
      this.#oddPods.push(node.pods.reduce((sum, pod) => sum + (pod.shape.requests.exact === undefined ? 0 : 1), 0));
      this.#requestedExtended.push(columns.extendedRequested.get(node.index));
      this.#pods.push(node.pods);
      this.#ownPods.push(undefined);
    }
  }

  get columns(): RoomColumns {
    return this.#columns;
  }

  get count(): number {
    return this.facts.length;
  }

  factsOf(index: number): NodeFacts {
    const facts = this.facts[index];
    if (facts === undefined) throw new Error(`node index must be below ${this.count}: ${index}`);
    return facts;
  }

  isOpen(index: number): boolean {
    return this.#columns.open[index] === 1;
  }

  setOpen(index: number, open: boolean): void {
    this.#columns.open[index] = open ? 1 : 0;
  }

  /** Adds an open node without pods; returns its index. */
  push(node: { readonly facts: NodeFacts; readonly allocatable: Resources }): number {
    const index = this.facts.length;
    if (index >= this.#columns.open.length) this.#grow();
    this.facts.push(node.facts);
    this.classes.push(undefined);
    addToColumns(this.#columns.allocatable, { index, resources: node.allocatable, times: 1 });
    this.#columns.open[index] = 1;
    this.#allocatableExtended.push(node.allocatable.extended);
    this.#exactAllocatable.push(node.allocatable.exact);
    this.#oddPods.push(0);
    this.#requestedExtended.push(undefined);
    this.#pods.push([]);
    this.#ownPods.push(undefined);
    return index;
  }

  /** Takes back the last push; its pods must be off. */
  pop(): void {
    const index = this.facts.length - 1;
    addToColumns(this.#columns.allocatable, { index, resources: this.allocatable(index), times: -1 });
    this.#columns.open[index] = 0;
    this.facts.pop();
    this.classes.pop();
    this.#allocatableExtended.pop();
    this.#exactAllocatable.pop();
    this.#oddPods.pop();
    this.#requestedExtended.pop();
    this.#pods.pop();
    this.#ownPods.pop();
    this.#uses.delete(index);
  }

  pods(index: number): readonly PodObject[] {
    return this.#pods[index] ?? [];
  }

  /** Ports, disks and volumes that the pods here use. */
  use(index: number): NodeUse {
    let use = this.#uses.get(index);
    if (use === undefined) this.#uses.set(index, (use = new NodeUse(this.pods(index))));
    return use;
  }

  /** Pods of one shape. */
  putPods(index: number, pods: readonly PodObject[]): void {
    const own = this.#ownPods[index] ?? this.#replacePods(index, [...this.pods(index)]);
    for (const pod of pods) own.push(pod);
    this.#accountEqual(index, pods, 1);
  }

  /** Takes back the last putPods of this node. */
  popPods(index: number, pods: readonly PodObject[]): void {
    const own = this.#ownPods[index];
    if (own === undefined || own.length < pods.length) throw new Error(`node ${index} has no pods to take back`);
    own.length -= pods.length;
    this.#accountEqual(index, pods, -1);
  }

  /** Takes all pods off and returns them, in their order. */
  clearPods(index: number): readonly PodObject[] {
    const pods = this.pods(index);
    for (const pod of pods) this.#account(index, pod, -1);
    this.#replacePods(index, []);
    return pods;
  }

  /** Takes back clearPods. */
  refillPods(index: number, pods: readonly PodObject[]): void {
    this.#replacePods(index, [...pods]);
    for (const pod of pods) this.#account(index, pod, 1);
  }

  allocatable(index: number): Resources {
    const exact = this.#exactAllocatable[index];
    const resources = resourcesAt(this.#columns.allocatable, { index, extended: this.#allocatableExtended[index] });
    return exact === undefined ? resources : { ...resources, exact };
  }

  /** Some amount here is below zero or too big for doubles, so that the columns do not say it all. */
  isOdd(index: number): boolean {
    return this.#exactAllocatable[index] !== undefined || (this.#oddPods[index] ?? 0) > 0;
  }

  requested(index: number): Resources {
    return resourcesAt(this.#columns.requested, { index, extended: this.#requestedExtended[index] });
  }

  /** All that the question of room is asked of. */
  room(index: number): {
    readonly allocatable: Resources;
    readonly requested: Resources;
    readonly pods: readonly PodObject[];
  } {
    return { allocatable: this.allocatable(index), requested: this.requested(index), pods: this.pods(index) };
  }

  #account(index: number, pod: PodObject, sign: 1 | -1): void {
    this.#accountEqual(index, [pod], sign);
  }

  #accountEqual(index: number, pods: readonly PodObject[], sign: 1 | -1): void {
    const [first] = pods;
    if (first === undefined) return;
    const { requests } = first.shape;
    const times = sign * pods.length;
    const use = this.#uses.get(index);
    if (use !== undefined) for (const pod of pods) use.count(pod, sign);
    addToColumns(this.#columns.requested, { index, resources: requests, times });
    if (requests.exact !== undefined) this.#oddPods[index] = (this.#oddPods[index] ?? 0) + times;
    if (requests.extended.size === 0) return;
    const sums = new Map(this.#requestedExtended[index]);
    for (const [name, amount] of requests.extended) {
      const sum = (sums.get(name) ?? 0) + times * amount;
      if (sum === 0) sums.delete(name);
      else sums.set(name, sum);
    }
    this.#requestedExtended[index] = sums;
  }

  #replacePods(index: number, own: PodObject[]): PodObject[] {
    this.#pods[index] = own;
    this.#ownPods[index] = own;
    return own;
  }

  #grow(): void {
    const capacity = this.#columns.open.length * 2;
    const open = new Uint8Array(capacity);
    open.set(this.#columns.open);
    this.#columns = {
      open,
      allocatable: widened(this.#columns.allocatable, capacity),
      requested: widened(this.#columns.requested, capacity),
    };
  }
}

function widened(columns: ResourceColumns, capacity: number): ResourceColumns {
  const wide = emptyColumns(capacity);
  wide.cpuMillis.set(columns.cpuMillis);
  wide.memoryBytes.set(columns.memoryBytes);
  wide.ephemeralBytes.set(columns.ephemeralBytes);
  wide.pods.set(columns.pods);
  return wide;
}

function resourcesAt(
  columns: ResourceColumns,
  at: { readonly index: number; readonly extended: ReadonlyMap<string, number> | undefined },
): Resources {
  const { index, extended } = at;
  return {
    cpuMillis: columns.cpuMillis[index] ?? 0,
    memoryBytes: columns.memoryBytes[index] ?? 0,
    ephemeralBytes: columns.ephemeralBytes[index] ?? 0,
    pods: columns.pods[index] ?? 0,
    extended: extended ?? NO_EXTENDED,
  };
}
