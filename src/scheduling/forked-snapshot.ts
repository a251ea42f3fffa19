// A snapshot on which things can be supposed: pods placed, nodes added or taken away, and all of it taken back to a mark.
// Holds the log: every change and its opposite. What fits is asked of fork-filters.ts, where it fits first of fork-search.ts.
// Longer than 250 lines because every change and its opposite belong beside each other.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject, PodShape, Resources } from '../cluster/cluster-objects.ts';
import { CounterBook, type PodsOnNode } from './counter-book.ts';
import { daemonPod, daemonShapesToCome } from './daemon-pods.ts';
import { DynamicResources } from './dynamic-resources.ts';
import { ForkFilters, type WhyNotOptions } from './fork-filters.ts';
import { ForkNodes } from './fork-nodes.ts';
import { ForkSearch, type Learned } from './fork-search.ts';
import type { Refusal } from './refusal.ts';
import { RunningPods } from './running-pods.ts';
import { shapesOf } from './shape-directory.ts';
import { StepBudget } from './step-budget.ts';
import type { TemplateNode } from './template-node.ts';

/** What was done, in order, so that it can be taken back in reverse. */
type Change =
  /** Pods of one shape, all terminating or none. */
  | { readonly kind: 'place'; readonly pods: readonly PodObject[]; readonly node: number }
  | {
      readonly kind: 'removeNode';
      readonly node: number;
      readonly pods: readonly PodObject[];
      readonly wasOpen: boolean;
    }
  | { readonly kind: 'addNode' }
  | { readonly kind: 'learned'; readonly what: Learned };

export class ForkedSnapshot {
  readonly snapshot: ClusterSnapshot;
  readonly #nodes: ForkNodes;
  readonly #addedIndexByName = new Map<string, number>();
  readonly #log: Change[] = [];
  readonly #removed = new Set<number>();
  readonly #counters: CounterBook;
  readonly #budget: StepBudget;
  readonly #running: RunningPods;
  readonly #devices: DynamicResources;
  readonly #filters: ForkFilters;
  readonly #search: ForkSearch;

  /** `stepsMax` bounds what is spent on constraints of pods on each other; see step-budget.ts. */
  constructor(snapshot: ClusterSnapshot, options: { readonly stepsMax?: number } = {}) {
    this.snapshot = snapshot;
    this.#nodes = new ForkNodes(snapshot);
    this.#running = new RunningPods(snapshot, this.#removed);
    this.#budget = new StepBudget(options);
    this.#counters = new CounterBook({
      nodes: {
        count: () => this.#nodes.count,
        factsOf: (index) => this.#nodes.factsOf(index),
        isGone: (index) => this.#removed.has(index),
      },
      budget: this.#budget,
      shapes: (tokens) => shapesOf(snapshot).withAny(tokens),
      fill: (counter, shape) => this.#running.fill(counter, shape),
    });
    this.#devices = new DynamicResources(snapshot.objects);
    this.#filters = new ForkFilters({
      snapshot,
      nodes: this.#nodes,
      counters: this.#counters,
      budget: this.#budget,
      devices: this.#devices,
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
    return this.#nodes.nameOf(index);
  }

  /** Adds a node as the template promises it, with its daemon pods on it; returns its index, which is the highest. */
  addTemplateNode(template: TemplateNode, name: string): number {
    const index = this.#nodes.push(template, name);
    this.#addedIndexByName.set(name, index);
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
    this.#nodes.nameOf(index);
    return this.#filters.whyNot(pod, index, options);
  }

  /** Cordon, taints, labels and names let a pod of this shape onto the node, whatever runs there. */
  admits(shape: PodShape, index: number): boolean {
    return this.#filters.admits(shape, index);
  }

  /** Nodes with the same number answer `admits` alike for shapes that name no node. */
  nodeClassOf(index: number): number {
    return this.#filters.nodeClassOf(index);
  }

  /** Anti-affinity of pods on nodes may keep pods of this shape off a node. */
  isConcerned(shape: PodShape): boolean {
    return this.#filters.isConcerned(shape);
  }

  /** Amounts on the node are below zero or too big for doubles: requestedOn and allocatableOn do not say it all. */
  isOdd(index: number): boolean {
    return this.#nodes.isOdd(index);
  }

  /** The lowest open node in [from, until) that takes the pod; −1: none. */
  firstFit(pod: PodObject, options: { readonly from?: number; readonly until?: number } = {}): number {
    return this.#search.firstFit(pod, options);
  }

  /** How many more pods like this one (of its shape) the node takes now, at most `most`: what `whyNot` would say one placing
   *  after the other. 0 where `whyNot` refuses. May say 1 where more fit (odd amounts, claimed devices): place and ask again.
   *  Costs the shape's constraints, not the pods. */
  fitsCount(pod: PodObject, index: number, options: { readonly most?: number } = {}): number {
    this.#nodes.nameOf(index);
    return this.#filters.fitsCount(pod, index, options.most ?? Infinity);
  }

  /** Puts the pod on the node. Does not ask whether it fits: what runs there already does. */
  place(pod: PodObject, index: number): void {
    this.#placeEqual([pod], index);
  }

  /** Puts the pods of [from, until) on the node, in their order. Runs of one shape are one step, however long. */
  placeMany(
    pods: readonly PodObject[],
    index: number,
    range: { readonly from?: number; readonly until?: number } = {},
  ): void {
    const until = Math.min(range.until ?? pods.length, pods.length);
    let start = range.from ?? 0;
    for (let end = start + 1; start < until; end += 1) {
      const [first, next] = [pods[start], pods[end]];
      if (end < until && next?.shape === first?.shape && next?.deleting === first?.deleting) continue;
      this.#placeEqual(pods.slice(start, end), index);
      start = end;
    }
  }

  /** Takes the node away: it is closed, and its pods, which are returned, are off. */
  removeNode(index: number): readonly PodObject[] {
    this.#nodes.nameOf(index);
    if (this.#removed.has(index)) throw new Error(`node ${this.nodeName(index)} was removed before`);
    const wasOpen = this.isOpen(index);
    const pods = this.#nodes.clearPods(index);
    for (const pod of pods) this.#counters.count(pod.shape, { node: index, terminating: pod.deleting, by: -1 });
    this.#counters.dropNode(index);
    this.#devices.release(pods);
    this.#removed.add(index);
    this.#nodes.setOpen(index, false);
    this.#log.push({ kind: 'removeNode', node: index, pods, wasOpen });
    if (pods.length > 0) this.#search.forgetRefusals();
    return pods;
  }

  podsOn(index: number): readonly PodObject[] {
    return [...this.#nodes.pods(index)];
  }

  /** Its pods where some were placed or taken off on this fork; else none, as all are the snapshot's. */
  placedOn(index: number): readonly PodObject[] {
    return this.#nodes.changedPods(index);
  }

  /** Nodes for which `placedOn` may have pods. */
  touched(): Iterable<number> {
    return this.#nodes.touched();
  }

  /** Devices that the pod's claims have now, `driver/pool/device`, sorted. */
  devicesOf(pod: PodObject): readonly string[] {
    return this.#devices.devicesOf(pod);
  }

  requestedOn(index: number): Resources {
    return this.#nodes.requested(index);
  }

  allocatableOn(index: number): Resources {
    return this.#nodes.allocatable(index);
  }

  /** What could not be looked at because pods' constraints on each other are too many; undefined: all was. */
  get cutShort(): string | undefined {
    if (!this.#budget.exhausted) return undefined;
    return `constraints of pods on each other were not worked out further after ${this.#budget.spent} steps`;
  }

  /** Steps spent on constraints of pods on each other. */
  get stepsSpent(): number {
    return this.#budget.spent;
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
        this.#unplaceEqual(change.pods, change.node);
        break;
      case 'removeNode':
        this.#removed.delete(change.node);
        this.#devices.unrelease(change.pods);
        this.#counters.restoreNode(change.node);
        this.#nodes.refillPods(change.node, change.pods);
        for (const { shape, deleting } of change.pods) {
          this.#counters.count(shape, { node: change.node, terminating: deleting, by: 1 });
        }
        this.#nodes.setOpen(change.node, change.wasOpen);
        break;
      case 'addNode':
        this.#addedIndexByName.delete(this.nodeName(this.nodeCount - 1));
        this.#counters.popNode();
        this.#nodes.pop();
        break;
      case 'learned':
        this.#search.unlearn(change.what);
        break;
    }
  }

  #placeEqual(pods: readonly PodObject[], node: number): void {
    const [first] = pods;
    this.#nodes.nameOf(node);
    if (first === undefined) return;
    const { shape, deleting } = first;
    const entry: PodsOnNode = { node, terminating: deleting, by: pods.length };
    this.#nodes.putPods(node, pods);
    this.#running.push(shape, entry);
    this.#counters.count(shape, entry);
    this.#filters.noteCarriedTerms(shape);
    this.#devices.take(pods, () => ({ facts: this.#nodes.factsOf(node), allocatable: this.#nodes.allocatable(node) }));
    this.#log.push({ kind: 'place', pods, node });
  }

  #unplaceEqual(pods: readonly PodObject[], node: number): void {
    const [first] = pods;
    if (first === undefined) return;
    this.#devices.untake(pods);
    this.#nodes.popPods(node, pods);
    this.#running.pop(first.shape);
    this.#counters.count(first.shape, { node, terminating: first.deleting, by: -pods.length });
  }

  #placeDaemons(index: number, shapes: readonly PodShape[]): void {
    const nodeName = this.nodeName(index);
    shapes.forEach((shape, number) => this.place(daemonPod(shape, { nodeName, number }), index));
  }
}
