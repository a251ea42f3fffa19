// Worths of the pods at which no node of any offer is worth more than its price: their sum over all pods is a lower bound of
// the cost. Worths that column generation has left on its way are too high for some nodes; scaling them all down costs as
// much as the worst node is over its price, so only what is on such a node is made cheaper, the rows first of which
// there are few pods per one on it. Worths only fall, so an offer that has been looked at stays fine.
import type { PackingModel } from './packing-model.ts';
import type { NodePricer } from './price-node.ts';
import type { SearchBudget } from './search-budget.ts';

/** A node worth so much more than its price is as good as none: the bound is scaled by what is left of it. */
const OVER_MAX = 1.0001;
/** Cuts per offer; a few dozen are usual, and what is left over then is scaled. */
const CUTS_MAX = 200;

export interface Feasible {
  readonly worth: Float64Array;
  /** No node is worth more than so many times its price. */
  readonly over: number;
}

/** `worth` cut down, in units of `prices` (per offer); undefined: it would come to no more than `least`, the bound that is known.
 *  `prove`: look at every filling where the searches come to none that is worth too much. */
export function feasibleWorth(
  model: PackingModel,
  of: {
    readonly pricer: NodePricer;
    readonly worth: Float64Array;
    readonly prices: Float64Array;
    readonly budget: SearchBudget;
    readonly searchSteps: number;
    readonly states: number;
    readonly least: number;
    readonly prove: boolean;
  },
): Feasible | undefined {
  const { pricer, budget } = of;
  const worth = of.worth.slice();
  let over = 0;
  let total = worth.reduce((sum, value, row) => sum + value * (model.counts[row] ?? 0), 0);
  for (let offer = 0; offer < model.offers; offer++) {
    const price = of.prices[offer] ?? 0;
    let most = pricer.relaxed(offer, worth, budget);
    for (let cuts = 0; cuts <= CUTS_MAX && most > price * OVER_MAX; cuts++) {
      const filling = pricer.fill(offer, worth, { ...of, price: price * OVER_MAX });
      most = filling.worthMax;
      if (most <= price * OVER_MAX || cuts === CUTS_MAX || budget.left === 0) break;
      const tooMuch = filling.worth > price * OVER_MAX ? { ...filling, by: filling.worth - price } : undefined;
      total -= cut(model, worth, tooMuch ?? { ...inParts(pricer), by: most - price });
      if (total <= of.least) return undefined;
    }
    over = Math.max(over, most / price);
  }
  return { worth, over };
}

interface Cut {
  readonly rows: ArrayLike<number>;
  readonly amounts: ArrayLike<number>;
  /** What the filling is to be worth less. */
  readonly by: number;
}

/** How much less all pods are worth. */
function cut(model: PackingModel, worth: Float64Array, { rows, amounts, by }: Cut): number {
  const lossOf = (k: number): number => (model.counts[rows[k] ?? 0] ?? 0) / (amounts[k] ?? 1);
  const order = Array.from({ length: rows.length }, (_, k) => k).sort((a, b) => lossOf(a) - lossOf(b) || a - b);
  let left = by;
  let lost = 0;
  for (const k of order) {
    const row = rows[k] ?? 0;
    const pods = amounts[k] ?? 0;
    const less = Math.min(worth[row] ?? 0, left / pods);
    worth[row] = (worth[row] ?? 0) - less;
    lost += less * (model.counts[row] ?? 0);
    left -= less * pods;
    if (left <= 0) break;
  }
  return lost;
}

/** The relaxed filling that was found last. */
function inParts({ parts }: NodePricer): Omit<Cut, 'by'> {
  const rows: number[] = [];
  parts.forEach((pods, row) => {
    if (pods > 1e-9) rows.push(row);
  });
  return { rows, amounts: rows.map((row) => parts[row] ?? 0) };
}
