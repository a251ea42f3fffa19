// Anti-affinity of pods on nodes, and which of it concerns a shape that looks for a place. Terms and shapes find each other
// by words they have in common; each pair is compared once.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodAffinityTerm, PodShape } from '../cluster/cluster-objects.ts';
import type { CounterBook } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';
import { type NamespaceLabels, termForbids } from './inter-pod-affinity.ts';
import { carriersCounter } from './shape-checks.ts';
import { selectorCost, termKey, termTokens, tokensOf } from './shape-tokens.ts';
import type { StepBudget } from './step-budget.ts';

export interface CarriedContext {
  readonly snapshot: ClusterSnapshot;
  readonly counters: CounterBook;
  readonly budget: StepBudget;
  readonly namespaceLabels: NamespaceLabels;
}

/** What is known of one shape. */
interface Concern {
  /** Lists of terms that have a word in common with it, and how many of each were compared. */
  readonly lists: { readonly terms: readonly PodAffinityTerm[]; seen: number }[];
  readonly counters: DomainCounter[];
  readonly compared: Set<PodAffinityTerm>;
  complete: boolean;
}

const ANYTHING = '';

/** Terms, each once, by the words of the shapes that they may match. */
class TermIndex {
  readonly #keys = new Set<string>();
  readonly #byToken = new Map<string, PodAffinityTerm[]>();

  get size(): number {
    return this.#keys.size;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(term: PodAffinityTerm, key: string): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    for (const token of new Set(termTokens(term) ?? [ANYTHING])) this.termsOf(token).push(term);
  }

  /** The list stays the same one while it grows. */
  termsOf(token: string): PodAffinityTerm[] {
    let terms = this.#byToken.get(token);
    if (terms === undefined) this.#byToken.set(token, (terms = []));
    return terms;
  }
}

export class CarriedTerms {
  readonly #context: CarriedContext;
  /** Of the snapshot's pods; shared by all its forks. */
  readonly #atFirst: TermIndex;
  readonly #since = new TermIndex();
  readonly #concerns = new Map<PodShape, Concern>();

  constructor(context: CarriedContext) {
    this.#context = context;
    this.#atFirst = termsOf(context.snapshot);
  }

  /** How many terms there are; it only grows. */
  get size(): number {
    return this.#atFirst.size + this.#since.size;
  }

  /** A pod of this shape is, or was, on a node. */
  note(shape: PodShape): void {
    for (const term of shape.podAntiAffinity) {
      const key = termKey(term);
      if (!this.#atFirst.has(key)) this.#since.add(term, key);
    }
  }

  /** Counters of the terms that match the shape; undefined: the budget does not allow to find them all. */
  forbidding(shape: PodShape): readonly DomainCounter[] | undefined {
    if (this.#atFirst.size + this.#since.size === 0) return [];
    const concern = this.#concerns.get(shape) ?? this.#open(shape);
    for (const list of concern.lists) {
      for (; list.seen < list.terms.length && concern.complete; list.seen += 1) {
        const term = list.terms[list.seen];
        if (term !== undefined) this.#compare(concern, { shape, term });
      }
    }
    return concern.complete ? concern.counters : undefined;
  }

  /** Some term that was found so far matches the shape. */
  concern(shape: PodShape): boolean {
    return (this.#concerns.get(shape)?.counters.length ?? 0) > 0;
  }

  #compare(concern: Concern, pair: { readonly shape: PodShape; readonly term: PodAffinityTerm }): void {
    const { shape, term } = pair;
    if (concern.compared.has(term)) return;
    const { budget, counters, namespaceLabels } = this.#context;
    budget.spend(selectorCost(term.selector));
    if (termForbids(term, shape, namespaceLabels)) {
      const counter = budget.exhausted ? undefined : carriersCounter(term, counters);
      if (counter === undefined) concern.complete = false;
      else concern.counters.push(counter);
    }
    // A term with several words is in several lists.
    if ((termTokens(term)?.length ?? 1) > 1) concern.compared.add(term);
  }

  #open(shape: PodShape): Concern {
    const lists = [this.#atFirst, this.#since].flatMap((index) =>
      [ANYTHING, ...tokensOf(shape)].map((token) => ({ terms: index.termsOf(token), seen: 0 })),
    );
    const concern: Concern = { lists, counters: [], compared: new Set(), complete: true };
    this.#concerns.set(shape, concern);
    return concern;
  }
}

const kept = new WeakMap<ClusterSnapshot['lineage'], { readonly index: TermIndex; known: number }>();

/** Some pod on a snapshot's nodes keeps others away, or one did that was there before it. */
export function carriesTerms(snapshot: ClusterSnapshot): boolean {
  return termsOf(snapshot).size > 0;
}

/** Terms that a snapshot's pods carry, and maybe some that pods carried before it; looked for once for all forks, and added
 *  to for snapshots that were updated from each other. */
function termsOf({ lineage, shapes }: ClusterSnapshot): TermIndex {
  let entry = kept.get(lineage);
  if (entry === undefined) kept.set(lineage, (entry = { index: new TermIndex(), known: 0 }));
  for (; entry.known < shapes.length; entry.known += 1) {
    for (const term of shapes[entry.known]?.podAntiAffinity ?? []) entry.index.add(term, termKey(term));
  }
  return entry.index;
}
