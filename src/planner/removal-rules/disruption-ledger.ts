// PodDisruptionBudgets over a whole set of nodes: what several removals take from one budget adds up. One node alone may
// hold more pods of a budget than it allows at once: its drain evicts them one after another, as the budget refills. The budget is
// asked again at each eviction; what is seen to here is that no drain meets its timeout, past which pods go without asking.
import { selectorMatches } from '../../cluster/label-selector.ts';
import type { PodDisruptionBudgetObject, PodObject, PodShape } from '../../cluster/cluster-objects.ts';
import { podKey } from './removal-rule.ts';

/** Until a pod that was evicted has a Ready successor and its budget allows the next: pulled image, started, ready. */
const REFILL_MS = 60_000;

/** How long a node's drain asks budgets, and whether it deletes pods after that. */
export interface DrainTerms {
  readonly timeoutMs: number;
  readonly force: boolean;
}

export interface DisruptionLedger {
  /** How many budgets select this pod. */
  budgetsOf(pod: PodObject): number;
  /** Why these pods of one node may not be evicted now, whatever else is; undefined: they may. */
  blocked(pods: readonly PodObject[], drain: DrainTerms): string | undefined;
  /** Why these pods of one node may not be evicted besides what is taken already; undefined: they may. Asked of pods that
   *  are not blocked. */
  refusal(pods: readonly PodObject[]): string | undefined;
  /** Counts the eviction of these pods of one node. */
  take(pods: readonly PodObject[]): void;
}

/** A ledger with nothing taken. */
export function openDisruptionLedger(budgets: readonly PodDisruptionBudgetObject[]): DisruptionLedger {
  const selecting = (pod: PodObject): readonly PodDisruptionBudgetObject[] => selectionOf(budgets)(pod);
  const taken = new Map<PodDisruptionBudgetObject, number>();
  // Most nodes have no pods of any budget, and a list of pods that is not blocked is asked about twice more.
  const known = new Map<readonly PodObject[], Asked>();
  const askedBy = (pods: readonly PodObject[]): Asked => {
    let asked = known.get(pods);
    if (asked === undefined) known.set(pods, (asked = askedOf(pods, selecting)));
    return asked;
  };
  return {
    budgetsOf: (pod) => selecting(pod).length,
    blocked(pods, drain) {
      let asked: Map<PodDisruptionBudgetObject, number> | undefined;
      for (const pod of pods) {
        const found = selecting(pod);
        // The Eviction API refuses a pod with two budgets, always.
        if (found.length > 1) {
          return `pod ${podKey(pod)} is selected by ${found.length} PodDisruptionBudgets, so it cannot be evicted`;
        }
        for (const budget of found) {
          if (budget.disruptionsAllowed < 1) return `${budgetName(budget)} allows no disruption now`;
          asked ??= new Map();
          asked.set(budget, (asked.get(budget) ?? 0) + 1);
        }
      }
      known.set(pods, asked ?? NOTHING_ASKED);
      for (const [budget, count] of asked ?? NOTHING_ASKED)
        if (takesTooLong(budget, count, drain)) return tooLong(budget, count);
      return undefined;
    },
    refusal(pods) {
      for (const [budget, count] of askedBy(pods)) {
        const before = taken.get(budget) ?? 0;
        if (before > 0 && before + count > budget.disruptionsAllowed) {
          return `${budgetName(budget)} allows ${budget.disruptionsAllowed} disruptions and ${before} are spoken for`;
        }
      }
      return undefined;
    },
    take(pods) {
      for (const [budget, count] of askedBy(pods)) taken.set(budget, (taken.get(budget) ?? 0) + count);
    },
  };
}

/** Pods by budget. */
type Asked = ReadonlyMap<PodDisruptionBudgetObject, number>;

const NOTHING_ASKED: Asked = new Map();

function askedOf(pods: readonly PodObject[], selecting: Selection): Asked {
  const asked = new Map<PodDisruptionBudgetObject, number>();
  for (const pod of pods) for (const budget of selecting(pod)) asked.set(budget, (asked.get(budget) ?? 0) + 1);
  return asked;
}

type Selection = (pod: PodObject) => readonly PodDisruptionBudgetObject[];

/** By list of budgets: made when the first pod is asked about, and kept while no budget changes. */
const selections = new WeakMap<readonly PodDisruptionBudgetObject[], Selection>();

function selectionOf(budgets: readonly PodDisruptionBudgetObject[]): Selection {
  let selection = selections.get(budgets);
  if (selection === undefined) selections.set(budgets, (selection = budgetsOfPods(budgets)));
  return selection;
}

/** The first pods leave at once, the others as the budget refills. */
function takesTooLong(budget: PodDisruptionBudgetObject, count: number, drain: DrainTerms): boolean {
  const refills = Math.ceil(count / budget.disruptionsAllowed) - 1;
  return drain.force && refills * REFILL_MS > drain.timeoutMs;
}

function tooLong(budget: PodDisruptionBudgetObject, count: number): string {
  const allowed = `allows ${budget.disruptionsAllowed} disruptions at a time`;
  return `${budgetName(budget)} ${allowed}, so its ${count} pods here would not be gone within spec.drain.timeoutSeconds`;
}

function budgetName({ namespace, name }: PodDisruptionBudgetObject): string {
  return `PodDisruptionBudget ${namespace}/${name}`;
}

/** The budgets that select a pod, by name; found once per shape. There may be as many budgets as kinds of pods, and each kind is
 *  to meet its own only: a budget is looked up by a label that its selector asks for, else by its namespace. */
function budgetsOfPods(budgets: readonly PodDisruptionBudgetObject[]): Selection {
  const byNamespace = new Map<string, NamespaceBudgets>();
  for (const budget of budgets) enter(byNamespace, budget);
  const ofShape = new WeakMap<PodShape, readonly PodDisruptionBudgetObject[]>();
  return ({ namespace, shape }) => {
    const known = ofShape.get(shape);
    if (known !== undefined) return known;
    const candidates = candidatesOf(byNamespace.get(namespace), shape);
    const found = candidates.filter((budget) => selectorMatches(budget.selector, shape.labels));
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    ofShape.set(shape, found);
    return found;
  };
}

interface NamespaceBudgets {
  /** Label → value → budgets whose selector asks for it. */
  readonly byLabel: Map<string, Map<string, PodDisruptionBudgetObject[]>>;
  /** Those that ask for no value of any label. */
  readonly others: PodDisruptionBudgetObject[];
}

function enter(byNamespace: Map<string, NamespaceBudgets>, budget: PodDisruptionBudgetObject): void {
  let own = byNamespace.get(budget.namespace);
  if (own === undefined) byNamespace.set(budget.namespace, (own = { byLabel: new Map(), others: [] }));
  const asked = budget.selector?.requirements.find(({ operator }) => operator === 'In');
  if (asked === undefined) {
    own.others.push(budget);
    return;
  }
  let byValue = own.byLabel.get(asked.key);
  if (byValue === undefined) own.byLabel.set(asked.key, (byValue = new Map()));
  for (const value of new Set(asked.values)) {
    const alike = byValue.get(value);
    if (alike === undefined) byValue.set(value, [budget]);
    else alike.push(budget);
  }
}

/** Each at most once: a label has one value. */
function candidatesOf(own: NamespaceBudgets | undefined, shape: PodShape): PodDisruptionBudgetObject[] {
  if (own === undefined) return [];
  const found = [...own.others];
  for (const [key, value] of shape.labels) found.push(...(own.byLabel.get(key)?.get(value) ?? []));
  return found;
}
