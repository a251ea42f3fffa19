// Which groups of a plan a selector matches, within a bounded number of comparisons.
import type { PodAffinityTerm, PodShape, SpreadConstraint } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { type NamespaceLabels, termForbids } from '../scheduling/inter-pod-affinity.ts';
import { tokensOf, termTokens, tokensWithin, type Tokens } from '../scheduling/shape-tokens.ts';
import type { PodGroup } from './pod-groups.ts';

/** Comparisons of a selector with a shape, over one plan: some 100 ns each. */
const COMPARISONS_MAX = 200_000;

/** A constraint is of one shape and so of one namespace, unless shapes come to share them: then the last one that asked is kept. */
const constraintKeys = new WeakMap<SpreadConstraint, CountKeys>();

interface CountKeys {
  readonly namespace: string;
  /** Equal where the same pods are counted. */
  readonly counted: string;
  /** Equal where they are counted over the same domains. */
  readonly all: string;
}

/** What constraints of pods in `namespace` are told apart by. */
export function countKeys(namespace: string, constraint: SpreadConstraint): CountKeys {
  const known = constraintKeys.get(constraint);
  if (known?.namespace === namespace) return known;
  const counted = `${namespace} ${JSON.stringify(constraint.selector)}`;
  const keys = { namespace, counted, all: `${namespace} ${constraint.topologyKey}${counted}` };
  constraintKeys.set(constraint, keys);
  return keys;
}

export class GroupMatcher {
  readonly #groups: readonly PodGroup[];
  readonly #running: readonly PodShape[];
  readonly #namespaceLabels: NamespaceLabels;
  readonly #byToken = new Map<string, PodGroup[]>();
  readonly #bySelector = new Map<string, readonly PodGroup[]>();
  #indexed = false;
  #comparisonsLeft = COMPARISONS_MAX;

  /** `running`: the shapes of pods that have a node. */
  constructor(
    groups: readonly PodGroup[],
    of: { readonly running: readonly PodShape[]; readonly namespaceLabels: NamespaceLabels },
  ) {
    this.#groups = groups;
    this.#running = of.running;
    this.#namespaceLabels = of.namespaceLabels;
  }

  /** Groups that the affinity or anti-affinity term means; all that could be, once comparing has taken too long. */
  matchedBy(term: PodAffinityTerm): readonly PodGroup[] {
    return this.#matching(termTokens(term), (shape) => termForbids(term, shape, this.#namespaceLabels));
  }

  /** Groups that a constraint of pods in `namespace` counts; equal constraints get the same list. */
  countedBy(namespace: string, constraint: SpreadConstraint): readonly PodGroup[] {
    const { selector } = constraint;
    const { counted: key } = countKeys(namespace, constraint);
    const known = this.#bySelector.get(key);
    if (known !== undefined) return known;
    const counted = this.#matching(tokensWithin(namespace, selector), (shape) => {
      return shape.namespace === namespace && selectorMatches(selector, shape.labels);
    });
    this.#bySelector.set(key, counted);
    return counted;
  }

  /** Whether a constraint of pods in `namespace` counts a running pod, or may count one. */
  runsFor(namespace: string, { selector }: SpreadConstraint): boolean {
    return (
      selector !== undefined &&
      this.#runs((shape) => shape.namespace === namespace && selectorMatches(selector, shape.labels))
    );
  }

  /** Whether the term means a running pod, or may mean one. */
  runsNear(term: PodAffinityTerm): boolean {
    return this.#runs((shape) => termForbids(term, shape, this.#namespaceLabels));
  }

  /** Nothing was left out so far. */
  get isExact(): boolean {
    return this.#comparisonsLeft >= 0;
  }

  #runs(matches: (shape: PodShape) => boolean): boolean {
    this.#comparisonsLeft -= this.#running.length;
    return !this.isExact || this.#running.some(matches);
  }

  #matching(tokens: Tokens, matches: (shape: PodShape) => boolean): readonly PodGroup[] {
    const candidates = this.#candidates(tokens);
    this.#comparisonsLeft -= candidates.length;
    if (!this.isExact) return candidates;
    // Mostly all of them: then the list is there already.
    const first = candidates.findIndex((group) => !matches(group.shape));
    if (first < 0) return candidates;
    return [...candidates.slice(0, first), ...candidates.slice(first + 1).filter((group) => matches(group.shape))];
  }

  #candidates(tokens: Tokens): readonly PodGroup[] {
    if (tokens === undefined) return this.#groups;
    const byToken = this.#index();
    const [only] = tokens;
    if (only !== undefined && tokens.length === 1) return byToken.get(only) ?? [];
    return [...new Set(tokens.flatMap((token) => byToken.get(token) ?? []))];
  }

  #index(): ReadonlyMap<string, readonly PodGroup[]> {
    if (this.#indexed) return this.#byToken;
    this.#indexed = true;
    for (const group of this.#groups) {
      for (const token of tokensOf(group.shape)) {
        const known = this.#byToken.get(token);
        if (known === undefined) this.#byToken.set(token, [group]);
        else known.push(group);
      }
    }
    return this.#byToken;
  }
}
