// All domain counters of one fork. A counter is made when a shape first needs it, from the pods as they are then, and is
// kept up to date from there on. Which shapes an audience holds is decided once per shape, and only for shapes that have a
// word in common with it; counters of one audience over several topologies share that.
import type { PodShape } from '../cluster/cluster-objects.ts';
import { DomainCounter } from './domain-counter.ts';
import type { NodeFacts } from './node-facts.ts';
import { ShapeDirectory } from './shape-directory.ts';
import { type Tokens, tokensOf } from './shape-tokens.ts';
import type { StepBudget } from './step-budget.ts';
import { Topology, type TopologyNodes } from './topology.ts';

/** Whose pods are counted. */
export interface Audience {
  /** Canonical text; equal text = equal audience. */
  readonly key: string;
  /** Every shape that counts has one of these words. */
  readonly tokens: Tokens;
  readonly counts: (shape: PodShape) => boolean;
  /** Steps to ask `counts` once. */
  readonly cost: number;
}

/** Nodes on which pods count. */
export interface Eligibility {
  readonly key: string;
  readonly eligible: (node: NodeFacts) => boolean;
  readonly cost: number;
}

export const EVERYWHERE: Eligibility = { key: '', eligible: () => true, cost: 1 };

export interface CounterRequest {
  readonly audience: Audience;
  /** undefined: one domain for the whole cluster. */
  readonly topologyKey: string | undefined;
  readonly eligibility: Eligibility;
  readonly skipTerminating: boolean;
}

/** Pods of one shape on one node. */
export interface PodsOnNode {
  readonly node: number;
  readonly terminating: boolean;
  readonly by: number;
}

/** What a new counter is filled from. */
export interface CounterSource {
  readonly nodes: TopologyNodes;
  readonly budget: StepBudget;
  /** Shapes of the pods that were there at the beginning. */
  readonly shapes: (tokens: Tokens) => Iterable<PodShape>;
  /** Counts the pods of a shape on nodes that are not gone; returns how many entries that took. */
  readonly fill: (counter: DomainCounter, shape: PodShape) => number;
}

interface OpenAudience extends Audience {
  /** Of all shapes that were met. */
  readonly members: Set<PodShape>;
  readonly counters: Map<string, DomainCounter>;
}

export class CounterBook {
  readonly #source: CounterSource;
  readonly #topologies = new Map<string, Topology>();
  readonly #audiences = new Map<string, OpenAudience>();
  readonly #audiencesByToken = new Map<string, OpenAudience[]>();
  /** Those that any shape may be in. */
  readonly #untokened: OpenAudience[] = [];
  /** Shapes that came with a pod, and the counters that count them. */
  readonly #countersOf = new Map<PodShape, DomainCounter[]>();
  readonly #met = new ShapeDirectory();
  /** Shapes that came while there was no audience yet. */
  readonly #unmet = new Set<PodShape>();

  constructor(source: CounterSource) {
    this.#source = source;
  }

  /** The counter, made if need be; undefined: the budget does not allow it. Cost of making: shapes with a word in common,
   *  and their pods. */
  counter(request: CounterRequest): DomainCounter | undefined {
    const audience = this.#audience(request.audience);
    if (audience === undefined) return undefined;
    const { topologyKey, eligibility, skipTerminating } = request;
    const key = JSON.stringify([topologyKey ?? null, eligibility.key, skipTerminating]);
    const known = audience.counters.get(key);
    if (known !== undefined) return known;
    const topology = this.#topology(topologyKey, eligibility);
    if (topology === undefined) return undefined;
    const counter = new DomainCounter(topology, { skipTerminating });
    const { budget, fill } = this.#source;
    for (const shape of audience.members) {
      budget.spend(fill(counter, shape));
      this.#countersOf.get(shape)?.push(counter);
    }
    audience.counters.set(key, counter);
    return counter;
  }

  popNode(): void {
    for (const topology of this.#topologies.values()) topology.popNode();
  }

  dropNode(node: number): void {
    for (const topology of this.#topologies.values()) topology.dropNode(node);
  }

  restoreNode(node: number): void {
    for (const topology of this.#topologies.values()) topology.restoreNode(node);
  }

  /** Pods of the shape came to a node, or left it (`by` below zero). */
  count(shape: PodShape, pods: PodsOnNode): void {
    if (this.#audiences.size === 0) {
      // Those that leave were there at the beginning, or came.
      if (pods.by > 0) this.#unmet.add(shape);
      return;
    }
    for (const counter of this.#countersOf.get(shape) ?? this.#meet(shape)) {
      counter.count(pods.node, pods.terminating, pods.by);
    }
  }

  /** Finds the audiences of a shape that is new here. */
  #meet(shape: PodShape): readonly DomainCounter[] {
    const counters: DomainCounter[] = [];
    const ask = (audience: OpenAudience): void => {
      if (!audience.members.has(shape)) {
        this.#source.budget.spend(audience.cost);
        if (!audience.counts(shape)) return;
        audience.members.add(shape);
      }
      counters.push(...audience.counters.values());
    };
    const asked = new Set<OpenAudience>();
    for (const token of tokensOf(shape)) for (const one of this.#audiencesByToken.get(token) ?? []) asked.add(one);
    for (const audience of asked) ask(audience);
    for (const audience of this.#untokened) ask(audience);
    this.#countersOf.set(shape, counters);
    this.#met.add(shape);
    return counters;
  }

  #audience(of: Audience): OpenAudience | undefined {
    const known = this.#audiences.get(of.key);
    if (known !== undefined) return known;
    for (const shape of this.#unmet) this.#meet(shape);
    this.#unmet.clear();
    const { budget, shapes } = this.#source;
    const members = new Set<PodShape>();
    budget.spend(of.tokens?.length ?? 0);
    for (const candidates of [shapes(of.tokens), this.#met.withAny(of.tokens)]) {
      for (const shape of candidates) {
        budget.spend(of.cost);
        if (budget.exhausted) return undefined;
        if (of.counts(shape)) members.add(shape);
      }
    }
    const audience: OpenAudience = { ...of, members, counters: new Map() };
    this.#audiences.set(of.key, audience);
    if (of.tokens === undefined) this.#untokened.push(audience);
    for (const token of new Set(of.tokens)) {
      const others = this.#audiencesByToken.get(token);
      if (others === undefined) this.#audiencesByToken.set(token, [audience]);
      else others.push(audience);
    }
    return audience;
  }

  #topology(topologyKey: string | undefined, eligibility: Eligibility): Topology | undefined {
    const key = JSON.stringify([topologyKey ?? null, eligibility.key]);
    const known = this.#topologies.get(key);
    if (known !== undefined) return known;
    const { budget, nodes } = this.#source;
    budget.spend(nodes.count() * eligibility.cost);
    if (budget.exhausted) return undefined;
    const topology = new Topology(nodes, { topologyKey, eligible: eligibility.eligible });
    this.#topologies.set(key, topology);
    return topology;
  }
}
