// Which domain (zone, node, …) each node of a fork is in, by one label, and whether pods there count. Shared by all counters
// that ask for the same label with the same policies. Learns of nodes when it is asked, not when they come.
import type { NodeFacts } from './node-facts.ts';

/** The nodes of a fork, by index. */
export interface TopologyNodes {
  readonly count: () => number;
  readonly factsOf: (index: number) => NodeFacts;
  /** Taken away: no longer a place to count in. */
  readonly isGone: (index: number) => boolean;
}

export interface TopologyOptions {
  /** Label that names the domain; undefined: one domain for the whole cluster. */
  readonly topologyKey: string | undefined;
  readonly eligible: (node: NodeFacts) => boolean;
}

export const NO_DOMAIN = -1;

export class Topology {
  readonly #nodes: TopologyNodes;
  readonly #options: TopologyOptions;
  readonly #numbers = new Map<string, number>();
  /** Per node that is known: its domain, NO_DOMAIN without the label. */
  readonly #domains: number[] = [];
  /** Per node that is known: pods there count. */
  readonly #eligible: boolean[] = [];
  /** Per domain: eligible nodes. */
  readonly #nodesIn: number[] = [];
  #present = 0;

  constructor(nodes: TopologyNodes, options: TopologyOptions) {
    this.#nodes = nodes;
    this.#options = options;
  }

  /** Domains that eligible nodes form. */
  get present(): number {
    this.#learn();
    return this.#present;
  }

  /** The node's domain, NO_DOMAIN without one. A node that does not count still has its domain. */
  domainOf(index: number): number {
    if (index >= this.#domains.length) this.#learn();
    return this.#domains[index] ?? NO_DOMAIN;
  }

  /** The domain in which pods of the node count; NO_DOMAIN: in none. */
  countedDomainOf(index: number): number {
    if (index >= this.#domains.length) this.#learn();
    return this.#eligible[index] === true ? (this.#domains[index] ?? NO_DOMAIN) : NO_DOMAIN;
  }

  /** Eligible nodes in a domain. */
  nodesIn(domain: number): number {
    this.#learn();
    return this.#nodesIn[domain] ?? 0;
  }

  /** The last node is taken back; its pods must be off. */
  popNode(): void {
    if (this.#domains.length < this.#nodes.count()) return;
    this.dropNode(this.#domains.length - 1);
    this.#domains.pop();
    this.#eligible.pop();
  }

  /** The node is gone; its pods must be off. */
  dropNode(index: number): void {
    if (this.#eligible[index] === true) this.#setEligible(index, false);
  }

  /** Takes back dropNode. */
  restoreNode(index: number): void {
    if (index >= this.#domains.length || this.#domains[index] === NO_DOMAIN) return;
    if (this.#options.eligible(this.#nodes.factsOf(index))) this.#setEligible(index, true);
  }

  #learn(): void {
    const count = this.#nodes.count();
    const { topologyKey, eligible } = this.#options;
    for (let index = this.#domains.length; index < count; index += 1) {
      const facts = this.#nodes.factsOf(index);
      const value = topologyKey === undefined ? '' : facts.labels.get(topologyKey);
      this.#domains.push(value === undefined ? NO_DOMAIN : this.#domainNumber(value));
      this.#eligible.push(false);
      if (value !== undefined && !this.#nodes.isGone(index) && eligible(facts)) this.#setEligible(index, true);
    }
  }

  #domainNumber(value: string): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#nodesIn.length);
    this.#nodesIn.push(0);
    return this.#nodesIn.length - 1;
  }

  #setEligible(index: number, eligible: boolean): void {
    const domain = this.#domains[index] ?? NO_DOMAIN;
    const before = this.#nodesIn[domain] ?? 0;
    this.#eligible[index] = eligible;
    this.#nodesIn[domain] = before + (eligible ? 1 : -1);
    if (eligible && before === 0) this.#present += 1;
    if (!eligible && before === 1) this.#present -= 1;
  }
}
