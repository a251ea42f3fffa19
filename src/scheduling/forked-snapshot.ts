// A snapshot on which things can be supposed: pods placed, nodes added or taken away, and all of it taken back to a mark.
// Holds the log: every change and its opposite. What fits is asked of fork-filters.ts, where it fits first of fork-search.ts.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject, PodShape, Resources } from '../cluster/cluster-objects.ts';
import { expectedLabels } from '../cluster/expected-node.ts';
import { CounterBook, type PlacedPod } from './counter-book.ts';
import { daemonPod, daemonShapesToCome } from './daemon-pods.ts';
import { ForkFilters, type WhyNotOptions } from './fork-filters.ts';
import { ForkNodes } from './fork-nodes.ts';
import { ForkSearch, type RefusedBelow } from './fork-search.ts';
import type { Refusal } from './refusal.ts';
import type { TemplateNode } from './template-node.ts';

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
  | { readonly kind: 'learned'; readonly what: RefusedBelow };

export class ForkedSnapshot {
  readonly snapshot: ClusterSnapshot;
  readonly #nodes: ForkNodes;
  readonly #addedIndexByName = new Map<string, number>();
  readonly #log: Change[] = [];
  readonly #removed = new Set<number>();
  readonly #counters: CounterBook;
  readonly #addedShapeNumbers = new Map<PodShape, number>();
  readonly #filters: ForkFilters;
  readonly #search: ForkSearch;

  constructor(snapshot: ClusterSnapshot) {
    this.snapshot = snapshot;
    this.#nodes = new ForkNodes(snapshot);
    this.#counters = new CounterBook({
      nodes: () => this.#nodes.facts.map((facts, index) => ({ facts, removed: this.#removed.has(index) })),
      eachPod: (wanted, take) => this.#replay(wanted, take),
    });
    this.#filters = new ForkFilters({
      snapshot,
      nodes: this.#nodes,
      counters: this.#counters,
      shapeNumber: (shape) => this.#shapeNumber(shape),
    });
    this.#search = new ForkSearch({
      nodes: this.#nodes,
      filters: this.#filters,
      indexOf: (name) => snapshot.nodeIndexByName.get(name) ?? this.#addedIndexByName.get(name) ?? -1,
      learned: (what) => this.#log.push({ kind: 'learned', what }),
    });
    for (const [index, shapes] of daemonShapesToCome(snapshot)) this.#placeDaemons(index, shapes);
  }

  get nodeCount(): number {
    return this.#nodes.count;
  }

  nodeName(index: number): string {
    return this.#nodes.factsOf(index).name;
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
      ...(template.drivers === undefined ? {} : { drivers: template.drivers }),
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
    this.#nodes.factsOf(index);
    return this.#filters.whyNot(pod, index, options);
  }

  /** The lowest open node in [from, until) that takes the pod; −1: none. */
  firstFit(pod: PodObject, options: { readonly from?: number; readonly until?: number } = {}): number {
    return this.#search.firstFit(pod, options);
  }

  /** Puts the pod on the node. Does not ask whether it fits: what runs there already does. */
  place(pod: PodObject, index: number): void {
    this.#nodes.factsOf(index);
    this.#nodes.putPod(index, pod);
    this.#counters.count(this.#placed(pod, index), 1);
    this.#filters.noteCarriedTerms(pod.shape);
    this.#log.push({ kind: 'place', pod, node: index });
  }

  /** Takes the node away: it is closed, and its pods, which are returned, are off. */
  removeNode(index: number): readonly PodObject[] {
    this.#nodes.factsOf(index);
    if (this.#removed.has(index)) throw new Error(`node ${this.nodeName(index)} was removed before`);
    const wasOpen = this.isOpen(index);
    const pods = this.#nodes.clearPods(index);
    for (const pod of pods) this.#counters.count(this.#placed(pod, index), -1);
    this.#counters.dropNode(index);
    this.#removed.add(index);
    this.#nodes.setOpen(index, false);
    this.#log.push({ kind: 'removeNode', node: index, pods, wasOpen });
    if (pods.length > 0) this.#search.forgetRefusals();
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
        this.#counters.restoreNode(change.node, this.#nodes.factsOf(change.node));
        this.#nodes.refillPods(change.node, change.pods);
        for (const pod of change.pods) this.#counters.count(this.#placed(pod, change.node), 1);
        this.#nodes.setOpen(change.node, change.wasOpen);
        break;
      case 'addNode':
        this.#addedIndexByName.delete(this.#nodes.factsOf(this.nodeCount - 1).name);
        this.#counters.popNode();
        this.#nodes.pop();
        break;
      case 'learned':
        this.#search.unlearn(change.what);
        break;
    }
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
}
