// Which fillings, and how many nodes of each, for one model: greedy first, which is enough where pods are many and small;
// column generation and rounding where it is not. Stops as soon as the answer is as close to the lower bound as wished.
import { boundOf } from '../bounds/bound-of.ts';
import { generateColumns } from '../bounds/column-generation.ts';
import type { ColumnGenerationOptions, FilledNode, Master } from '../bounds/column-search.ts';
import { bestBound, cheapBounds } from '../bounds/lower-bound.ts';
import type { PackingModel } from '../bounds/packing-model.ts';
import type { LowerBound } from '../bounds/packing-problem.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { cheapestFill, costOf, placedBy, roundColumns } from './round-columns.ts';
import { downsize } from './downsize.ts';
import { mergeNodes } from './merge-nodes.ts';

/** How hard to try. */
export interface Effort {
  /** Good enough: cost over the lower bound. */
  readonly within: number;
  /** Column generation is for models with at most so many rows: a pivot costs their square. */
  readonly rowsMax: number;
  /** With at most so many, limits are part of it: with more, what they cut off is packed on what they leave. */
  readonly limitedRowsMax: number;
  readonly rounds: number;
  readonly searchSteps: number;
  readonly states: number;
  /** Column generation ends when a few rounds gain less than this part of the cost. */
  readonly leastGain: number;
  readonly dives: number;
  readonly diveRounds: number;
  /** Parts of all steps that go into the cheap bounds, and into column generation; rounding has the rest. */
  readonly boundPart: number;
  readonly columnsPart: number;
  /** The latter where limits will be in the way: the search goes on with them. */
  readonly overLimitsPart: number;
  /** What column generation does at its end for the bound's sake. */
  readonly lastLook: ColumnGenerationOptions['lastLook'];
}

/** For the first answer of a decision: milliseconds. */
export const AT_ONCE: Effort = {
  within: 0.01,
  rowsMax: 400,
  limitedRowsMax: 0,
  rounds: 150,
  searchSteps: 4096,
  states: 8,
  leastGain: 1e-4,
  dives: 1,
  diveRounds: 10,
  boundPart: 0.3,
  columnsPart: 0.5,
  overLimitsPart: 0.5,
  lastLook: 'short',
};
/** For a worker thread: seconds. */
export const POLISH: Effort = {
  within: 1e-5,
  rowsMax: 2000,
  limitedRowsMax: 2000,
  rounds: 3000,
  searchSteps: 65_536,
  states: 64,
  leastGain: 1e-5,
  dives: 60,
  diveRounds: 40,
  boundPart: 0.2,
  columnsPart: 0.7,
  overLimitsPart: 0.35,
  lastLook: 'full',
};

export interface Packed {
  readonly filled: readonly NodesFilled[];
  readonly bound: LowerBound;
  /** Per row. */
  readonly worth: Float64Array;
  /** All fillings that were looked at. */
  readonly columns: readonly FilledNode[];
  /** What is cheapest does not keep the limits: it is left in parts, or as it was. */
  readonly overLimits: boolean;
  /** Where the search for fillings ended, if there was one. */
  readonly master?: Master;
}

/** Whole nodes for everything in `model` that can be placed, and a bound of what it must cost. `keepsLimits` tells whether nodes (in parts
 *  perhaps) keep the limits that the model knows nothing of. */
export function packModel(
  model: PackingModel,
  of: {
    readonly effort: Effort;
    readonly budget: SearchBudget;
    readonly keepsLimits: (filled: readonly NodesFilled[]) => boolean;
  },
): Packed {
  const { effort, budget } = of;
  const all = budget.left;
  const { bound, worth } = cheapBounds(model, budget.share(effort.boundPart));
  const goesOn = model.rows <= effort.rowsMax;
  const fitted = (filled: readonly NodesFilled[]): readonly NodesFilled[] =>
    mergeNodes(model, downsize(model, filled), { budget });
  const greedy = fitted(
    cheapestFill(model, {
      left: model.counts,
      worth,
      budget,
      enough: enough(bound, effort),
      // The others come again after column generation.
      ...(goesOn ? { variantsMax: 1 } : {}),
    }),
  );
  const fine = costOf(model, greedy) <= enough(bound, effort);
  if (fine || !goesOn || budget.left === 0) {
    return { filled: greedy, bound, worth, columns: greedy, overLimits: !of.keepsLimits(greedy) };
  }
  const part = of.keepsLimits(greedy) ? effort.columnsPart : effort.overLimitsPart;
  const generated = generateColumns(model, {
    ...searchOf(effort),
    budget: budget.share(Math.min(1, (part * all) / budget.left)),
    boundCost: bound.costPerHour,
    worth,
    known: greedy,
    lastLook: effort.lastLook,
  });
  const best = bestBound([bound, boundOf(model, { kind: 'configurationLp', cost: generated.boundCost })]);
  const { columns } = generated;
  const limited = model.rows <= effort.limitedRowsMax;
  if (limited && !of.keepsLimits(generated.solution.map(({ column, nodes }) => ({ ...column, nodes })))) {
    return { filled: greedy, bound: best, worth: generated.worth, columns, overLimits: true, master: generated.master };
  }
  const rounded = fitted(
    roundColumns(model, {
      ...generated,
      budget,
      dives: effort.dives,
      rounds: effort.diveRounds,
      searchSteps: effort.searchSteps / 4,
      states: effort.states / 4,
      enough: enough(bound, effort),
      least: best.costPerHour,
    }),
  );
  const better = placedBy(rounded) >= placedBy(greedy) && costOf(model, rounded) < costOf(model, greedy);
  const filled = better ? rounded : greedy;
  const { worth: worths, master } = generated;
  return { filled, bound: best, worth: worths, columns, overLimits: !of.keepsLimits(filled), master };
}

/** How hard column generation tries. */
export function searchOf(
  effort: Effort,
): Pick<ColumnGenerationOptions, 'roundsMax' | 'searchSteps' | 'states' | 'leastGain' | 'within'> {
  const { rounds, searchSteps, states, leastGain, within } = effort;
  return { roundsMax: rounds, searchSteps, states, leastGain, within: within / 4 };
}

/** Cost that needs no further search: within the wished part, or the bound itself. */
export function enough(bound: LowerBound, { within }: Effort): number {
  return bound.costPerHour * (1 + within) + 1e-9;
}
