// Node classes as bits: which classes carry a label, a taint, a cordon. What a pod asks of them whatever runs there becomes
// a few operations on whole words instead of a walk over labels per class. Fields of nodes (names) are not here.
import type { NodeSelectorTerm, PodShape, Requirement, Taint } from '../cluster/cluster-objects.ts';
import { requirementMatches } from '../cluster/label-selector.ts';
import { isValidExpression } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { CORDON_TAINT } from './node-unschedulable.ts';
import { tolerates } from './taint-toleration.ts';

/** One bit per class, 32 to a word. */
export type ClassBits = Uint32Array;

const WORDS_AT_FIRST = 16;

export class ClassIndex {
  #count = 0;
  #words = WORDS_AT_FIRST;
  /** Label → value → classes that carry it. */
  readonly #labels = new Map<string, Map<string, ClassBits>>();
  readonly #taints = new Map<string, { readonly taint: Taint; bits: ClassBits }>();
  #cordoned: ClassBits = new Uint32Array(WORDS_AT_FIRST);

  /** Classes so far. */
  get count(): number {
    return this.#count;
  }

  /** The class with the next number. */
  add(facts: NodeFacts): void {
    const index = this.#count;
    this.#count += 1;
    if (this.#count > this.#words * 32) this.#widen();
    for (const [key, value] of facts.labels) {
      let values = this.#labels.get(key);
      if (values === undefined) this.#labels.set(key, (values = new Map<string, ClassBits>()));
      let bits = values.get(value);
      if (bits === undefined) values.set(value, (bits = this.#none()));
      setBit(bits, index);
    }
    for (const taint of facts.taints) {
      if (taint.effect === 'PreferNoSchedule') continue;
      const key = JSON.stringify([taint.key, taint.value, taint.effect]);
      let entry = this.#taints.get(key);
      if (entry === undefined) this.#taints.set(key, (entry = { taint, bits: this.#none() }));
      setBit(entry.bits, index);
    }
    if (facts.unschedulable) setBit(this.#cordoned, index);
  }

  /** Classes that take the shape as far as cordons, taints, node selector and affinity go. Cost: what the shape asks for
   *  times classes / 32. */
  admits(shape: Pick<PodShape, 'tolerations' | 'nodeSelector' | 'nodeAffinity'>): ClassBits {
    const bits = this.#none().fill(0xffffffff);
    for (const [key, value] of shape.nodeSelector) intersect(bits, this.#labels.get(key)?.get(value) ?? this.#none());
    for (const { taint, bits: tainted } of this.#taints.values()) {
      if (!tolerates(shape.tolerations, taint)) subtract(bits, tainted);
    }
    if (!tolerates(shape.tolerations, CORDON_TAINT)) subtract(bits, this.#cordoned);
    if (shape.nodeAffinity !== undefined) {
      const some = this.#none();
      for (const term of shape.nodeAffinity) unite(some, this.#matches(term));
      intersect(bits, some);
    }
    return bits;
  }

  #matches(term: NodeSelectorTerm): ClassBits {
    if (term.fields.length > 0) throw new Error('fields of nodes are not indexed');
    if (term.expressions.length === 0 || !term.expressions.every(isValidExpression)) return this.#none();
    const bits = this.#none().fill(0xffffffff);
    for (const requirement of term.expressions) intersect(bits, this.#satisfies(requirement));
    return bits;
  }

  /** A class satisfies a requirement by its value of the label, or by having none. */
  #satisfies(requirement: Requirement): ClassBits {
    const values = this.#labels.get(requirement.key);
    const absent = requirementMatches(requirement, undefined);
    const bits = absent ? this.#none().fill(0xffffffff) : this.#none();
    for (const [value, carriers] of values ?? []) {
      const holds = requirementMatches(requirement, value);
      if (holds && !absent) unite(bits, carriers);
      if (!holds && absent) subtract(bits, carriers);
    }
    return bits;
  }

  #none(): ClassBits {
    return new Uint32Array(this.#words);
  }

  #widen(): void {
    this.#words *= 2;
    const wide = (bits: ClassBits): ClassBits => {
      const wider = this.#none();
      wider.set(bits);
      return wider;
    };
    for (const values of this.#labels.values()) for (const [value, bits] of values) values.set(value, wide(bits));
    for (const entry of this.#taints.values()) entry.bits = wide(entry.bits);
    this.#cordoned = wide(this.#cordoned);
  }
}

export function hasBit(bits: ClassBits, index: number): boolean {
  return (((bits[index >> 5] ?? 0) >>> (index & 31)) & 1) === 1;
}

function setBit(bits: ClassBits, index: number): void {
  bits[index >> 5] = (bits[index >> 5] ?? 0) | (1 << (index & 31));
}

function intersect(to: ClassBits, from: ClassBits): void {
  for (let word = 0; word < to.length; word += 1) to[word] = (to[word] ?? 0) & (from[word] ?? 0);
}

function unite(to: ClassBits, from: ClassBits): void {
  for (let word = 0; word < to.length; word += 1) to[word] = (to[word] ?? 0) | (from[word] ?? 0);
}

function subtract(to: ClassBits, from: ClassBits): void {
  for (let word = 0; word < to.length; word += 1) to[word] = (to[word] ?? 0) & ~(from[word] ?? 0);
}
