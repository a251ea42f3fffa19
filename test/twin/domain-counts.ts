// Pods counted per value of a topology label while a packing is checked. Pods only ever come, so that the least count of all
// domains only rises, but for the first pods of a domain that was not there.
import type { V1Node } from './v1.ts';
import { labelsOf } from './world.ts';

export class DomainCounts {
  readonly #topologyKey: string;
  readonly #takesPart: (node: V1Node) => boolean;
  readonly #counts = new Map<string, number>();
  /** How many domains have that many pods. */
  readonly #domainsWith = new Map<number, number>();
  #least = 0;
  total = 0;

  /** `nodes` that do not take part neither form a domain nor count for one. */
  constructor(options: {
    readonly topologyKey: string;
    readonly nodes: Iterable<V1Node>;
    readonly takesPart?: (node: V1Node) => boolean;
  }) {
    this.#topologyKey = options.topologyKey;
    this.#takesPart = options.takesPart ?? (() => true);
    for (const node of options.nodes) {
      const domain = this.domainOf(node);
      if (domain !== undefined && this.#takesPart(node)) this.#counts.set(domain, 0);
    }
    this.#domainsWith.set(0, this.#counts.size);
  }

  domainOf(node: V1Node): string | undefined {
    return labelsOf(node).get(this.#topologyKey);
  }

  add(node: V1Node): void {
    const domain = this.domainOf(node);
    if (domain === undefined || !this.#takesPart(node)) return;
    const before = this.#counts.get(domain) ?? 0;
    this.#counts.set(domain, before + 1);
    this.#domainsWith.set(before, (this.#domainsWith.get(before) ?? 0) - 1);
    this.#domainsWith.set(before + 1, (this.#domainsWith.get(before + 1) ?? 0) + 1);
    this.total += 1;
    while (this.#domainsWith.get(this.#least) === 0) this.#least += 1;
  }

  at(node: V1Node): number {
    return this.#counts.get(this.domainOf(node) ?? '') ?? 0;
  }

  /** Fewest pods of any domain; 0 when there are fewer domains than `domainsMin`. */
  least(domainsMin: number): number {
    return this.#counts.size < domainsMin ? 0 : this.#least;
  }
}
