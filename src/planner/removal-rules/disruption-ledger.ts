// PodDisruptionBudgets over a whole set of nodes: what several removals take from one budget adds up. One node alone may
// hold more pods of a budget than it allows at once: its drain evicts them one after another, as the budget refills.
import { selectorMatches } from '../../cluster/label-selector.ts';
import type { PodDisruptionBudgetObject, PodObject, PodShape } from '../../cluster/cluster-objects.ts';
import { podKey } from './removal-rule.ts';

export interface DisruptionLedger {
  /** How many budgets select this pod. */
  budgetsOf(pod: PodObject): number;
  /** Why these pods of one node may not be evicted besides what is taken already; undefined: they may. */
  refusal(pods: readonly PodObject[]): string | undefined;
  /** Counts the eviction of these pods of one node. */
  take(pods: readonly PodObject[]): void;
}

/** A ledger with nothing taken. */
export function openDisruptionLedger(budgets: readonly PodDisruptionBudgetObject[]): DisruptionLedger {
  const byWord = budgetsByWord(budgets);
  const ofShape = new Map<PodShape, readonly PodDisruptionBudgetObject[]>();
  const taken = new Map<PodDisruptionBudgetObject, number>();
  const selecting = (pod: PodObject): readonly PodDisruptionBudgetObject[] => {
    const known = ofShape.get(pod.shape);
    if (known !== undefined) return known;
    const words = [...pod.shape.labels].map(([key, value]) => labelWord(pod.namespace, key, value));
    const found = [pod.namespace, ...words]
      .flatMap((word) => byWord.get(word) ?? [])
      .filter((budget) => selectorMatches(budget.selector, pod.shape.labels))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    ofShape.set(pod.shape, found);
    return found;
  };
  return {
    budgetsOf: (pod) => selecting(pod).length,
    refusal(pods) {
      const asked = new Map<PodDisruptionBudgetObject, number>();
      for (const pod of pods) {
        const found = selecting(pod);
        // The Eviction API refuses a pod with two budgets, always.
        if (found.length > 1) {
          return `pod ${podKey(pod)} is selected by ${found.length} PodDisruptionBudgets, so it cannot be evicted`;
        }
        for (const budget of found) asked.set(budget, (asked.get(budget) ?? 0) + 1);
      }
      for (const [budget, count] of asked) {
        const name = `PodDisruptionBudget ${budget.namespace}/${budget.name}`;
        const before = taken.get(budget) ?? 0;
        if (budget.disruptionsAllowed < 1) return `${name} allows no disruption now`;
        if (before > 0 && before + count > budget.disruptionsAllowed) {
          return `${name} allows ${budget.disruptionsAllowed} disruptions and ${before} are spoken for`;
        }
      }
      return undefined;
    },
    take(pods) {
      for (const pod of pods) {
        for (const budget of selecting(pod)) taken.set(budget, (taken.get(budget) ?? 0) + 1);
      }
    },
  };
}

/** Each budget under one word that every pod that it selects has: a label that its selector asks for (one entry per value), else the
 *  namespace. There may be as many budgets as kinds of pods, and each kind is to meet its own only. */
function budgetsByWord(
  budgets: readonly PodDisruptionBudgetObject[],
): ReadonlyMap<string, readonly PodDisruptionBudgetObject[]> {
  const byWord = new Map<string, PodDisruptionBudgetObject[]>();
  for (const budget of budgets) {
    const { namespace, selector } = budget;
    const asked = selector?.requirements.find(({ operator }) => operator === 'In');
    const words =
      asked === undefined ? [namespace] : new Set(asked.values.map((value) => labelWord(namespace, asked.key, value)));
    for (const word of words) {
      const known = byWord.get(word);
      if (known === undefined) byWord.set(word, [budget]);
      else known.push(budget);
    }
  }
  return byWord;
}

/** A label in a namespace; no namespace looks like it. */
function labelWord(namespace: string, key: string, value: string): string {
  return `${namespace} ${key}=${value}`;
}
