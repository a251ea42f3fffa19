// Pods of one kind counted per topology domain (zone, node, …), kept up to date while pods are placed and taken off. Every
// operation takes the same time however many pods and domains there are.
import { NO_DOMAIN, type Topology } from './topology.ts';

export class DomainCounter {
  readonly topology: Topology;
  readonly #skipTerminating: boolean;
  /** Per domain with pods. A domain without eligible nodes has none. */
  readonly #pods = new Map<number, number>();
  /** Count of pods → domains that have so many; undefined until somebody asks for the least. */
  #domainsWith: Map<number, number> | undefined;
  #total = 0;
  #openings = 0;
  /** Smallest count of a domain with pods; undefined: to be found again. */
  #leastUsed: number | undefined;

  /** `skipTerminating`: terminating pods are not counted (topology spread). */
  constructor(topology: Topology, options: { readonly skipTerminating: boolean }) {
    this.topology = topology;
    this.#skipTerminating = options.skipTerminating;
  }

  /** Pods counted, anywhere. */
  get total(): number {
    return this.#total;
  }

  /** How often a domain got its first pod; never falls. */
  get openings(): number {
    return this.#openings;
  }

  /** Counts `by` pods more (or less) of the kind on a node. */
  count(index: number, terminating: boolean, by: number): void {
    if (terminating && this.#skipTerminating) return;
    const domain = this.topology.countedDomainOf(index);
    if (domain === NO_DOMAIN) return;
    const before = this.#pods.get(domain) ?? 0;
    const after = before + by;
    this.#total += by;
    if (after === 0) this.#pods.delete(domain);
    else this.#pods.set(domain, after);
    if (before === 0 && after > 0) this.#openings += 1;
    if (this.#domainsWith !== undefined) this.#move(this.#domainsWith, { before, after });
  }

  /** The node carries the topology label. */
  hasDomain(index: number): boolean {
    return this.topology.domainOf(index) !== NO_DOMAIN;
  }

  /** Pods in the node's domain; 0 without one. */
  countAt(index: number): number {
    return this.#pods.get(this.topology.domainOf(index)) ?? 0;
  }

  /** Smallest count of the domains that eligible nodes form; 0 when those are fewer than `domainsMin`. */
  least(domainsMin: number): number {
    const { present } = this.topology;
    if (present < domainsMin || present > this.#pods.size || present === 0) return 0;
    return this.#smallest();
  }

  /** The same without the domain in which pods of this node count; Infinity: there is no other. */
  leastElsewhere(index: number, domainsMin: number): number {
    const own = this.topology.countedDomainOf(index);
    const { present } = this.topology;
    if (own === NO_DOMAIN || present < domainsMin) return this.least(domainsMin);
    const ownCount = this.#pods.get(own) ?? 0;
    if (present === 1) return Infinity;
    if (present - 1 > this.#pods.size - (ownCount > 0 ? 1 : 0)) return 0;
    const domainsWith = this.#counted();
    const least = this.#smallest();
    if (ownCount !== least || (domainsWith.get(least) ?? 0) > 1) return least;
    let next = Infinity;
    for (const count of domainsWith.keys()) if (count !== least) next = Math.min(next, count);
    return next;
  }

  #counted(): Map<number, number> {
    if (this.#domainsWith === undefined) {
      this.#domainsWith = new Map();
      for (const count of this.#pods.values()) this.#domainsWith.set(count, (this.#domainsWith.get(count) ?? 0) + 1);
    }
    return this.#domainsWith;
  }

  #smallest(): number {
    if (this.#leastUsed === undefined) {
      let least = Infinity;
      for (const count of this.#counted().keys()) least = Math.min(least, count);
      this.#leastUsed = least;
    }
    return this.#leastUsed;
  }

  /** A domain went from one count to another. */
  #move(domainsWith: Map<number, number>, of: { readonly before: number; readonly after: number }): void {
    const { before, after } = of;
    let emptied = false;
    if (before > 0) {
      const left = (domainsWith.get(before) ?? 0) - 1;
      emptied = left === 0;
      if (emptied) domainsWith.delete(before);
      else domainsWith.set(before, left);
    }
    if (after > 0) domainsWith.set(after, (domainsWith.get(after) ?? 0) + 1);
    if (this.#leastUsed === undefined) return;
    if (after > 0 && after < this.#leastUsed) this.#leastUsed = after;
    // The next smallest is near: a domain that rose by one is there itself.
    else if (emptied && before === this.#leastUsed) this.#leastUsed = after === before + 1 ? after : undefined;
  }
}
