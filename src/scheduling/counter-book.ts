// All domain counters of one fork. A counter is made when a shape first needs it, from the pods as they are then, and is
// kept up to date from there on. Which shapes a counter counts is decided once per shape.
import type { PodShape } from '../cluster/cluster-objects.ts';
import { type CounterOptions, DomainCounter } from './domain-counter.ts';
import type { NodeFacts } from './node-facts.ts';

export interface CounterRequest extends CounterOptions {
  /** Canonical text; equal text = equal counter. */
  readonly key: string;
  readonly counts: (shape: PodShape) => boolean;
}

export interface PlacedPod {
  readonly shape: PodShape;
  /** Dense number of the shape within the fork. */
  readonly shapeNumber: number;
  readonly node: number;
  readonly terminating: boolean;
}

/** What a new counter is filled from. */
export interface CounterSource {
  readonly nodes: () => Iterable<{ readonly facts: NodeFacts; readonly removed: boolean }>;
  /** Calls back with every pod that came to a node (1) or left it (−1), only for shapes that `wanted` says yes to. */
  readonly eachPod: (
    wanted: (shape: PodShape, shapeNumber: number) => boolean,
    take: (pod: PlacedPod, by: 1 | -1) => void,
  ) => void;
}

interface Entry {
  readonly counter: DomainCounter;
  readonly counts: (shape: PodShape) => boolean;
  /** Per shape number: does it count? */
  readonly decided: (boolean | undefined)[];
}

export class CounterBook {
  readonly #entries: Entry[] = [];
  readonly #byKey = new Map<string, DomainCounter>();
  readonly #source: CounterSource;

  constructor(source: CounterSource) {
    this.#source = source;
  }

  /** The counter of this key, made if need be. Cost of making: nodes + distinct shapes + pods that count. */
  counter(request: CounterRequest): DomainCounter {
    const known = this.#byKey.get(request.key);
    if (known !== undefined) return known;
    const counter = new DomainCounter(request);
    const entry: Entry = { counter, counts: request.counts, decided: [] };
    let index = 0;
    const removed: number[] = [];
    for (const node of this.#source.nodes()) {
      counter.addNode(node.facts);
      if (node.removed) removed.push(index);
      index += 1;
    }
    this.#source.eachPod(
      (shape, shapeNumber) => counts(entry, { shape, shapeNumber }),
      (pod, by) => counter.count(pod.node, { terminating: pod.terminating, by }),
    );
    for (const node of removed) counter.dropNode(node);
    this.#entries.push(entry);
    this.#byKey.set(request.key, counter);
    return counter;
  }

  addNode(facts: NodeFacts): void {
    for (const { counter } of this.#entries) counter.addNode(facts);
  }

  popNode(): void {
    for (const { counter } of this.#entries) counter.popNode();
  }

  dropNode(node: number): void {
    for (const { counter } of this.#entries) counter.dropNode(node);
  }

  /** `facts` are those of the node: whether it counts is asked again, because counters may have come since. */
  restoreNode(node: number, facts: NodeFacts): void {
    for (const { counter } of this.#entries) counter.restoreNode(node, facts);
  }

  count(pod: PlacedPod, by: 1 | -1): void {
    for (const entry of this.#entries) {
      if (counts(entry, pod)) entry.counter.count(pod.node, { terminating: pod.terminating, by });
    }
  }
}

function counts(entry: Entry, pod: Pick<PlacedPod, 'shape' | 'shapeNumber'>): boolean {
  const decided = entry.decided[pod.shapeNumber];
  if (decided !== undefined) return decided;
  const answer = entry.counts(pod.shape);
  entry.decided[pod.shapeNumber] = answer;
  return answer;
}
