// What column generation is asked, and what it comes to: fillings of nodes, and how many of each.
import type { CoveringSimplex } from './covering-simplex.ts';
import type { SearchBudget } from './search-budget.ts';
import type { SharedLimit } from './shared-limit.ts';

export interface FilledNode {
  readonly offer: number;
  readonly rows: Int32Array;
  readonly amounts: Int32Array;
}

export interface ColumnGenerationOptions {
  readonly budget: SearchBudget;
  readonly roundsMax: number;
  /** Most shapes looked at per filling beyond the rounded relaxation; a few at first, more when nothing gains. */
  readonly searchSteps: number;
  /** Fillings that are carried along in the wide search (search-node.ts), once the first one gains nothing; 0: none. */
  readonly states: number;
  /** Lower bound of the cost known before. */
  readonly boundCost: number;
  /** Worths that are not far off, such as those of the LP over types: the first ones are kept near them. */
  readonly worth?: Float64Array;
  /** Fillings known before, that fit this model's counts; with `from`, those that it does not know. */
  readonly known: readonly FilledNode[];
  /** Stop when the bound is within this part of the cost. */
  readonly within: number;
  /** Search harder when a few rounds together gain less than this part of the cost, and stop when that gains as little; 0: go on until
   *  nothing is found. */
  readonly leastGain?: number;
  /** What to do at the end for the bound's sake, unless the cost is close to it anyway: nothing, a look at the offers whose nodes
   *  are worth too much, or all it takes, up to seconds. */
  readonly lastLook: 'none' | 'short' | 'full';
  /** What nodes may not exceed together. Where they leave no room for all pods, the solution is over them. */
  readonly limits?: readonly SharedLimit[];
  /** Where another search has ended, at the same prices and without limits, its offers numbered as here: this one goes on from there. */
  readonly from?: Master;
}

/** The master problem with its columns, and the filling that each of them is. */
export interface Master {
  readonly simplex: CoveringSimplex;
  readonly fillings: readonly (FilledNode | undefined)[];
  readonly dearest: number;
}

export interface ColumnGenerationResult {
  /** Of the columns found: not a bound of anything. */
  readonly cost: number;
  /** True lower bound of the cost, 0 when no round came to one. */
  readonly boundCost: number;
  /** Worth of a pod of each row, latest. */
  readonly worth: Float64Array;
  /** Per offer, what limits make of its price; the prices where there are none. */
  readonly prices: Float64Array;
  readonly columns: readonly FilledNode[];
  /** Basic columns and how many of each. */
  readonly solution: readonly { readonly column: FilledNode; readonly nodes: number }[];
  /** No filling would lower the cost further. */
  readonly solved: boolean;
  readonly master: Master;
}
