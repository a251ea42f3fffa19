// Pods of one kind counted per topology domain (zone, node, …), kept up to date while pods are placed and taken off.
// A node is counted in its domain only when it is eligible; what was excluded from counting still knows its domain.
import type { NodeFacts } from './node-facts.ts';

export interface CounterOptions {
  /** Label that names the domain; undefined: one domain for the whole cluster. */
  readonly topologyKey: string | undefined;
  /** Terminating pods are not counted (topology spread). */
  readonly skipTerminating: boolean;
  readonly eligible: (node: NodeFacts) => boolean;
}

const NO_DOMAIN = -1;

export class DomainCounter {
  readonly #options: CounterOptions;
  readonly #domainNumbers = new Map<string, number>();
  /** Per node: its domain, NO_DOMAIN without the label. */
  readonly #domains: number[] = [];
  readonly #eligible: boolean[] = [];
  /** Per domain. */
  readonly #pods: number[] = [];
  readonly #nodes: number[] = [];
  #total = 0;
  #domainsPresent = 0;
  /** Smallest count of the domains present; undefined: to be found again. */
  #least: number | undefined = 0;

  constructor(options: CounterOptions) {
    this.#options = options;
  }

  /** Pods counted, anywhere. */
  get total(): number {
    return this.#total;
  }

  /** The node with the next index. */
  addNode(facts: NodeFacts): void {
    const { topologyKey, eligible } = this.#options;
    const value = topologyKey === undefined ? '' : facts.labels.get(topologyKey);
    this.#domains.push(value === undefined ? NO_DOMAIN : this.#domainNumber(value));
    this.#eligible.push(false);
    if (value !== undefined && eligible(facts)) this.#setEligible(this.#domains.length - 1, true);
  }

  /** Takes back the last addNode; its pods must be off. */
  popNode(): void {
    this.dropNode(this.#domains.length - 1);
    this.#domains.pop();
    this.#eligible.pop();
  }

  /** The node is gone: no longer a place to count in. Its pods must be off. */
  dropNode(index: number): void {
    if (this.#eligible[index] === true) this.#setEligible(index, false);
  }

  /** Takes back dropNode. */
  restoreNode(index: number, facts: NodeFacts): void {
    if (this.hasDomain(index) && this.#options.eligible(facts)) this.#setEligible(index, true);
  }

  /** Counts `by` (±1) pods of the kind on a node. */
  count(index: number, pod: { readonly terminating: boolean; readonly by: number }): void {
    if (this.#eligible[index] !== true || (pod.terminating && this.#options.skipTerminating)) return;
    const domain = this.#domains[index] ?? NO_DOMAIN;
    const before = this.#pods[domain] ?? 0;
    this.#pods[domain] = before + pod.by;
    this.#total += pod.by;
    // Only a domain at the bottom that rises, or one that falls below it, moves the least.
    if (this.#least !== undefined && (before === this.#least || before + pod.by < this.#least)) this.#least = undefined;
  }

  /** The node carries the topology label. */
  hasDomain(index: number): boolean {
    return this.#domains[index] !== NO_DOMAIN;
  }

  /** Pods in the node's domain; 0 without one. */
  countAt(index: number): number {
    return this.#pods[this.#domains[index] ?? NO_DOMAIN] ?? 0;
  }

  /** Smallest count of the domains that eligible nodes form; 0 when those are fewer than `domainsMin`. */
  least(domainsMin: number): number {
    if (this.#domainsPresent < domainsMin || this.#domainsPresent === 0) return 0;
    if (this.#least === undefined) {
      let least = Infinity;
      for (let domain = 0; domain < this.#nodes.length; domain += 1) {
        if ((this.#nodes[domain] ?? 0) > 0) least = Math.min(least, this.#pods[domain] ?? 0);
      }
      this.#least = least;
    }
    return this.#least;
  }

  #domainNumber(value: string): number {
    const known = this.#domainNumbers.get(value);
    if (known !== undefined) return known;
    this.#domainNumbers.set(value, this.#nodes.length);
    this.#nodes.push(0);
    this.#pods.push(0);
    return this.#nodes.length - 1;
  }

  #setEligible(index: number, eligible: boolean): void {
    const domain = this.#domains[index] ?? NO_DOMAIN;
    const before = this.#nodes[domain] ?? 0;
    this.#eligible[index] = eligible;
    this.#nodes[domain] = before + (eligible ? 1 : -1);
    if (eligible && before === 0) this.#domainsPresent += 1;
    if (!eligible && before === 1) this.#domainsPresent -= 1;
    this.#least = undefined;
  }
}
