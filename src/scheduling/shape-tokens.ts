// Short words by which shapes and the selectors that may match them find each other, so that a selector is only compared
// with shapes that have a word in common with it. Words may promise too much, never too little.
import type { LabelSelector, PodAffinityTerm, PodShape } from '../cluster/cluster-objects.ts';

/** undefined: any shape may match. Else one of the words must be among the shape's. */
export type Tokens = readonly string[] | undefined;

/** Above this a set finds doubles faster than looking. */
const DISTINCT_ANYWAY = 16;

const known = new WeakMap<PodShape, readonly string[]>();
const termKeys = new WeakMap<PodAffinityTerm, string>();

/** All words of a shape: namespace, labels, anti-affinity terms that it carries, claims that it uses. */
export function tokensOf(shape: PodShape): readonly string[] {
  let tokens = known.get(shape);
  if (tokens === undefined) {
    const words = [namespaceToken(shape.namespace)];
    for (const [key, value] of shape.labels) words.push(labelToken(key, value));
    for (const term of shape.podAntiAffinity) words.push(carrierToken(termKey(term)));
    for (const { claim } of shape.volumes) words.push(claimToken(shape.namespace, claim));
    tokens = words.length > DISTINCT_ANYWAY ? [...new Set(words)] : distinct(words);
    known.set(shape, tokens);
  }
  return tokens;
}

/** Canonical text of an affinity term; equal text = equal term. */
export function termKey(term: PodAffinityTerm): string {
  let key = termKeys.get(term);
  if (key === undefined) termKeys.set(term, (key = JSON.stringify(term)));
  return key;
}

export function carrierToken(key: string): string {
  return `!carries ${key}`;
}

export function claimToken(namespace: string, claim: string): string {
  return `!claim ${namespace}/${claim}`;
}

/** Words of the shapes that a term may select. */
export function termTokens(term: PodAffinityTerm): Tokens {
  const bySelector = selectorTokens(term.selector);
  if (bySelector !== undefined || term.namespaceSelector !== undefined) return bySelector;
  return term.namespaces.map(namespaceToken);
}

/** Words of the shapes of a namespace that a selector may match. */
export function tokensWithin(namespace: string, selector: LabelSelector | undefined): Tokens {
  return selectorTokens(selector) ?? [namespaceToken(namespace)];
}

/** The shortest of several lists of words, one of which is enough. */
export function fewest(lists: readonly Tokens[]): Tokens {
  let best: Tokens;
  for (const list of lists) if (list !== undefined && (best === undefined || list.length < best.length)) best = list;
  return best;
}

/** What it costs to compare the selector with one shape, in steps. */
export function selectorCost(selector: LabelSelector | undefined): number {
  let steps = 1;
  for (const { values } of selector?.requirements ?? []) steps += 1 + values.length;
  return steps;
}

/** By selector: a plan asks for each of thousands, and words that are kept are found in a map without being read again. */
const tokensOfSelectors = new WeakMap<LabelSelector, { readonly tokens: Tokens }>();

function selectorTokens(selector: LabelSelector | undefined): Tokens {
  if (selector === undefined) return [];
  let known = tokensOfSelectors.get(selector);
  if (known === undefined) {
    const tokens = fewest(
      selector.requirements.map(({ key, operator, values }) =>
        operator === 'In' ? values.map((value) => labelToken(key, value)) : undefined,
      ),
    );
    tokensOfSelectors.set(selector, (known = { tokens }));
  }
  return known.tokens;
}

function namespaceToken(namespace: string): string {
  return `!in ${namespace}`;
}

function labelToken(key: string, value: string): string {
  return `${key}=${value}`;
}

function distinct(words: readonly string[]): readonly string[] {
  return words.every((word, index) => words.indexOf(word) === index) ? words : [...new Set(words)];
}
