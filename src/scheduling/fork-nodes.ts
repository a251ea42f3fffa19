// The nodes of one fork: facts, numbers and pods, as they stand after everything that was supposed so far.
// Knows nothing of undoing: each change has its opposite, and ForkedSnapshot keeps the log. Longer than 250 lines because
// what is known of a node is kept in one place.
import type { PodObject, Resources } from '../cluster/cluster-objects.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { addToColumns, emptyColumns, type ResourceColumns } from '../cluster/resource-columns.ts';
import { DRAINING } from '../cluster/snapshot-columns.ts';
import { type FactsOf, snapshotFacts, templateFacts } from './make-node-facts.ts';
import type { NodeFacts } from './node-facts.ts';
import { NodeUse } from './node-use.ts';
import { openBounds, raiseBounds, type RoomColumns } from './room-kernel.ts';
import type { TemplateNode } from './template-node.ts';

/** Room for this many new nodes before the columns grow; they double from there. */
const SPARE_NODES = 64;
const NO_PODS: readonly PodObject[] = [];
const NO_EXTENDED: ReadonlyMap<string, number> = new Map();

/** A node that was added: its name, and the template that says the rest. */
interface AddedNode {
  readonly name: string;
  readonly template: TemplateNode;
  facts: NodeFacts | undefined;
}

export class ForkNodes {
  /** Class of the node for static filters, once somebody asked for it. */
  readonly classes: (number | undefined)[] = [];
  readonly #snapshot: ClusterSnapshot;
  readonly #snapshotFacts: FactsOf;
  /** After the nodes of the snapshot. */
  readonly #added: AddedNode[] = [];
  // What was changed; all else is as in the snapshot.
  readonly #requestedExtended = new Map<number, ReadonlyMap<string, number>>();
  readonly #oddPods = new Map<number, number>();
  readonly #ownPods = new Map<number, PodObject[]>();
  /** Ports, disks and volumes in use, of nodes that were asked for them. */
  readonly #uses = new Map<number, NodeUse>();
  /** undefined: as in the snapshot. */
  #own: RoomColumns | undefined;

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot;
    this.#snapshotFacts = snapshotFacts(snapshot);
  }

  /** Copied from the snapshot when they are first asked for: some 0.3 ms for 5,000 nodes. */
  get columns(): RoomColumns {
    this.#own ??= copyOf(this.#snapshot);
    return this.#own;
  }

  get #columns(): RoomColumns {
    return this.columns;
  }

  get count(): number {
    return this.#snapshot.nodes.length + this.#added.length;
  }

  nameOf(index: number): string {
    return this.#snapshot.nodes[index]?.name ?? this.#addedAt(index).name;
  }

  factsOf(index: number): NodeFacts {
    if (index < this.#snapshot.nodes.length) return this.#snapshotFacts(index);
    const added = this.#addedAt(index);
    added.facts ??= templateFacts(added.template, added.name);
    return added.facts;
  }

  /** The template that the node came from; undefined: it is one of the snapshot. */
  templateOf(index: number): TemplateNode | undefined {
    return this.#added[index - this.#snapshot.nodes.length]?.template;
  }

  isOpen(index: number): boolean {
    if (this.#own === undefined) return this.#snapshot.nodes[index]?.draining === false;
    return this.#own.open[index] === 1;
  }

  setOpen(index: number, open: boolean): void {
    this.#columns.open[index] = open ? 1 : 0;
    raiseBounds(this.#columns, index);
  }

  /** Adds an open node without pods; returns its index. */
  push(template: TemplateNode, name: string): number {
    const index = this.count;
    if (index >= this.#columns.open.length) this.#grow();
    this.#added.push({ name, template, facts: undefined });
    addToColumns(this.#columns.allocatable, { index, resources: template.allocatable, times: 1 });
    this.#columns.open[index] = 1;
    raiseBounds(this.#columns, index);
    return index;
  }

  /** Takes back the last push; its pods must be off. */
  pop(): void {
    const added = this.#added.pop();
    if (added === undefined) throw new Error('no node was added');
    const index = this.count;
    addToColumns(this.#columns.allocatable, { index, resources: added.template.allocatable, times: -1 });
    this.#columns.open[index] = 0;
    this.classes.length = Math.min(this.classes.length, index);
    for (const overlay of [this.#requestedExtended, this.#oddPods, this.#ownPods, this.#uses]) overlay.delete(index);
  }

  pods(index: number): readonly PodObject[] {
    return this.#ownPods.get(index) ?? this.#snapshot.nodes[index]?.pods ?? NO_PODS;
  }

  /** The same where they are not the snapshot's any longer; else none. */
  changedPods(index: number): readonly PodObject[] {
    return this.#ownPods.get(index) ?? NO_PODS;
  }

  /** Nodes for which `changedPods` may have some. */
  touched(): Iterable<number> {
    return this.#ownPods.keys();
  }

  /** Ports, disks and volumes that the pods here use. */
  use(index: number): NodeUse {
    let use = this.#uses.get(index);
    if (use === undefined) this.#uses.set(index, (use = new NodeUse(this.pods(index))));
    return use;
  }

  /** Pods of one shape. */
  putPods(index: number, pods: readonly PodObject[]): void {
    const own = this.#ownPods.get(index) ?? this.#replacePods(index, [...this.pods(index)]);
    for (const pod of pods) own.push(pod);
    this.#accountEqual(index, pods, 1);
  }

  /** Takes back the last putPods of this node. */
  popPods(index: number, pods: readonly PodObject[]): void {
    const own = this.#ownPods.get(index);
    if (own === undefined || own.length < pods.length) throw new Error(`node ${index} has no pods to take back`);
    own.length -= pods.length;
    this.#accountEqual(index, pods, -1);
  }

  /** Takes all pods off and returns them, in their order. What is left of a sum without its parts is nothing. */
  clearPods(index: number): readonly PodObject[] {
    const pods = this.pods(index);
    const { requested } = this.#columns;
    requested.cpuMillis[index] = 0;
    requested.memoryBytes[index] = 0;
    requested.ephemeralBytes[index] = 0;
    requested.pods[index] = 0;
    if (this.#extendedOn(index) !== undefined) this.#requestedExtended.set(index, NO_EXTENDED);
    if (this.#oddPodsOn(index) > 0) this.#oddPods.set(index, 0);
    this.#uses.delete(index);
    raiseBounds(this.#columns, index);
    this.#replacePods(index, []);
    return pods;
  }

  /** Takes back clearPods. */
  refillPods(index: number, pods: readonly PodObject[]): void {
    this.#replacePods(index, [...pods]);
    for (const pod of pods) this.#account(index, pod, 1);
  }

  allocatable(index: number): Resources {
    return this.#snapshot.nodes[index]?.allocatable ?? this.#addedAt(index).template.allocatable;
  }

  /** Some amount here is below zero or too big for doubles, so that the columns do not say it all. */
  isOdd(index: number): boolean {
    return this.#oddPodsOn(index) > 0 || this.allocatable(index).exact !== undefined;
  }

  requested(index: number): Resources {
    const columns = this.#own ?? this.#snapshot.columns;
    return resourcesAt(columns.requested, { index, extended: this.#extendedOn(index) });
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
    if (times < 0) raiseBounds(this.#columns, index);
    if (requests.exact !== undefined) this.#oddPods.set(index, this.#oddPodsOn(index) + times);
    if (requests.extended.size === 0) return;
    const sums = new Map(this.#extendedOn(index));
    for (const [name, amount] of requests.extended) {
      const sum = (sums.get(name) ?? 0) + times * amount;
      if (sum === 0) sums.delete(name);
      else sums.set(name, sum);
    }
    this.#requestedExtended.set(index, sums);
  }

  #replacePods(index: number, own: PodObject[]): PodObject[] {
    this.#ownPods.set(index, own);
    return own;
  }

  #extendedOn(index: number): ReadonlyMap<string, number> | undefined {
    return this.#requestedExtended.get(index) ?? this.#snapshot.columns.extendedRequested.get(index);
  }

  /** Pods whose requests are odd: below zero, or too big for doubles. */
  #oddPodsOn(index: number): number {
    return this.#oddPods.get(index) ?? this.#snapshot.columns.oddPods.get(index) ?? 0;
  }

  #addedAt(index: number): AddedNode {
    const added = this.#added[index - this.#snapshot.nodes.length];
    if (added === undefined) throw new Error(`node index must be below ${this.count}: ${index}`);
    return added;
  }

  #grow(): void {
    const capacity = this.#columns.open.length * 2;
    const open = new Uint8Array(capacity);
    open.set(this.#columns.open);
    this.#own = {
      open,
      allocatable: widened(this.#columns.allocatable, capacity),
      requested: widened(this.#columns.requested, capacity),
      bounds: openBounds(capacity),
    };
  }
}

function copyOf({ columns, nodes }: ClusterSnapshot): RoomColumns {
  const open = new Uint8Array(nodes.length + SPARE_NODES);
  for (let index = 0; index < nodes.length; index += 1) {
    open[index] = ((columns.states[index] ?? 0) & DRAINING) === 0 ? 1 : 0;
  }
  return {
    open,
    allocatable: widened(columns.allocatable, open.length),
    requested: widened(columns.requested, open.length),
    bounds: openBounds(open.length),
  };
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
