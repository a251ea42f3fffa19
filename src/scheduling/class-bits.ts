// Node classes as bits: which classes carry a label, a taint, a cordon. What a pod asks of them whatever runs there becomes
// a few operations on whole words instead of a walk over labels per class. Fields of nodes (names) are not here.
import type { NodeSelectorTerm, PodShape, Requirement, Taint } from '../cluster/cluster-objects.ts';
import { parseInt64 } from '../cluster/label-selector.ts';
import { isValidExpression } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { CORDON_TAINT } from './node-unschedulable.ts';
import { tolerates } from './taint-toleration.ts';

/** One bit per class, 32 to a word. */
export type ClassBits = Uint32Array;

const WORDS_AT_FIRST = 16;
const ALL = 0xffffffff;

/** A label's value, and the classes that carry it. */
interface Carriers {
  readonly classes: number[];
  /** The same as bits, of the first `known` entries; made when somebody asks, because most values name few classes. */
  bits: ClassBits | undefined;
  known: number;
  /** The value as Gt and Lt read it; undefined: not a number. */
  readonly integer: bigint | undefined;
}

interface Label {
  readonly values: Map<string, Carriers>;
  /** Classes with any value. */
  present: ClassBits;
}

/** Up to this many classes are set one by one, which is cheaper than whole words. */
const SINGLES_MAX = 8;

export class ClassIndex {
  #count = 0;
  #words = WORDS_AT_FIRST;
  readonly #labels = new Map<string, Label>();
  readonly #taints = new Map<string, { readonly taint: Taint; bits: ClassBits }>();
  #cordoned: ClassBits = new Uint32Array(WORDS_AT_FIRST);
  /** Of one term, and of one requirement: made once, because most of the cost would be making them. */
  #term: ClassBits = new Uint32Array(WORDS_AT_FIRST);
  #holders: ClassBits = new Uint32Array(WORDS_AT_FIRST);

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
      let label = this.#labels.get(key);
      if (label === undefined) this.#labels.set(key, (label = { values: new Map(), present: this.#none() }));
      setBit(label.present, index);
      const carriers = label.values.get(value);
      if (carriers !== undefined) carriers.classes.push(index);
      else label.values.set(value, { classes: [index], bits: undefined, known: 0, integer: parseInt64(value) });
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
    const bits = this.#none().fill(ALL);
    for (const [key, value] of shape.nodeSelector) this.#keepHolders(bits, { key, values: [value] });
    for (const { taint, bits: tainted } of this.#taints.values()) {
      if (!tolerates(shape.tolerations, taint)) subtract(bits, tainted);
    }
    if (!tolerates(shape.tolerations, CORDON_TAINT)) subtract(bits, this.#cordoned);
    if (shape.nodeAffinity === undefined) return bits;
    const some = this.#none();
    for (const term of shape.nodeAffinity) if (this.#matchTerm(term)) unite(some, this.#term);
    intersect(bits, some);
    return bits;
  }

  /** Fills #term with the classes that satisfy all of the term; false: it matches nothing. */
  #matchTerm(term: NodeSelectorTerm): boolean {
    if (term.fields.length > 0) throw new Error('fields of nodes are not indexed');
    if (term.expressions.length === 0 || !term.expressions.every(isValidExpression)) return false;
    this.#term.fill(ALL);
    for (const requirement of term.expressions) this.#narrow(this.#term, requirement);
    return true;
  }

  /** Keeps the classes that satisfy the requirement: by their value of the label, or by having none. */
  #narrow(bits: ClassBits, { key, operator, values }: Requirement): void {
    const label = this.#labels.get(key);
    switch (operator) {
      case 'In':
        this.#keepHolders(bits, { key, values });
        break;
      case 'NotIn':
        this.#holders.fill(0);
        for (const value of values) this.#addCarriers(label?.values.get(value));
        subtract(bits, this.#holders);
        break;
      case 'Exists':
        if (label === undefined) bits.fill(0);
        else intersect(bits, label.present);
        break;
      case 'DoesNotExist':
        if (label !== undefined) subtract(bits, label.present);
        break;
      case 'Gt':
      case 'Lt':
        this.#holders.fill(0);
        this.#addBeyond(label, { operator, bound: parseInt64(values[0]) });
        intersect(bits, this.#holders);
        break;
      default:
        bits.fill(0);
    }
  }

  #keepHolders(bits: ClassBits, wanted: { readonly key: string; readonly values: readonly string[] }): void {
    const label = this.#labels.get(wanted.key);
    this.#holders.fill(0);
    if (label !== undefined) for (const value of wanted.values) this.#addCarriers(label.values.get(value));
    intersect(bits, this.#holders);
  }

  #addBeyond(
    label: Label | undefined,
    than: { readonly operator: 'Gt' | 'Lt'; readonly bound: bigint | undefined },
  ): void {
    const { operator, bound } = than;
    if (label === undefined || bound === undefined) return;
    for (const carriers of label.values.values()) {
      const { integer } = carriers;
      if (integer !== undefined && (operator === 'Gt' ? integer > bound : integer < bound)) this.#addCarriers(carriers);
    }
  }

  /** Adds the classes to #holders. */
  #addCarriers(carriers: Carriers | undefined): void {
    if (carriers === undefined) return;
    const { classes } = carriers;
    if (classes.length <= SINGLES_MAX) {
      for (const index of classes) setBit(this.#holders, index);
      return;
    }
    carriers.bits ??= this.#none();
    for (; carriers.known < classes.length; carriers.known += 1) setBit(carriers.bits, classes[carriers.known] ?? 0);
    unite(this.#holders, carriers.bits);
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
    for (const label of this.#labels.values()) {
      label.present = wide(label.present);
      for (const carriers of label.values.values()) {
        if (carriers.bits !== undefined) carriers.bits = wide(carriers.bits);
      }
    }
    for (const entry of this.#taints.values()) entry.bits = wide(entry.bits);
    this.#cordoned = wide(this.#cordoned);
    this.#term = this.#none();
    this.#holders = this.#none();
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
