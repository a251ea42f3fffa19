// Which fillings, and how many nodes of each, for one model: greedy first, which is enough where pods are many and small;
// column generation and rounding where it is not. Stops as soon as the answer is as close to the lower bound as wished.
import { boundOf } from '../bounds/bound-of.ts';
import { type ColumnGenerationOptions, type FilledNode, generateColumns } from '../bounds/column-generation.ts';
import { bestBound, cheapBounds } from '../bounds/lower-bound.ts';
import type { PackingModel } from '../bounds/packing-model.ts';
import type { LowerBound } from '../bounds/packing-problem.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { cheapestFill, costOf, roundColumns } from './round-columns.ts';
import { downsize } from './downsize.ts';
import { mergeNodes } from './merge-nodes.ts';

/** How hard to try. */
export interface Effort {
  /** Good enough: cost over the lower bound. */
  readonly within: number;
  /** Column generation is for models with at most so many rows: a pivot costs their square. */
  readonly rowsMax: number;
  readonly rounds: number;
  readonly searchSteps: number;
  readonly dives: number;
  readonly diveRounds: number;
  /** Parts of all steps that go into the cheap bounds, and into column generation; rounding has the rest. */
  readonly boundPart: number;
  readonly columnsPart: number;
  /** What column generation does at its end for the bound's sake. */
  readonly lastLook: ColumnGenerationOptions['lastLook'];
}

/** For the first answer of a decision: milliseconds. */
export const AT_ONCE: Effort = {
  within: 0.01,
  rowsMax: 400,
  rounds: 150,
  searchSteps: 4096,
  dives: 1,
  diveRounds: 10,
  boundPart: 0.3,
  columnsPart: 0.5,
  lastLook: 'short',
};
/** For a worker thread: seconds. */
export const POLISH: Effort = {
  within: 1e-5,
  rowsMax: 2000,
  rounds: 3000,
  searchSteps: 65_536,
  dives: 60,
  diveRounds: 40,
  boundPart: 0.2,
  columnsPart: 0.7,
  lastLook: 'full',
};

export interface Packed {
  readonly filled: readonly NodesFilled[];
  readonly bound: LowerBound;
  /** Per row. */
  readonly worth: Float64Array;
  /** All fillings that were looked at. */
  readonly columns: readonly FilledNode[];
}

/** Whole nodes for everything in `model` that can be placed, and a bound of what it must cost. */
export function packModel(
  model: PackingModel,
  { effort, budget }: { readonly effort: Effort; readonly budget: SearchBudget },
): Packed {
  const all = budget.left;
  const { bound, worth } = cheapBounds(model, budget.share(effort.boundPart));
  const goesOn = model.rows <= effort.rowsMax;
  const fitted = (filled: readonly NodesFilled[]): readonly NodesFilled[] =>
    mergeNodes(model, downsize(model, filled), budget);
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
  if (fine || !goesOn || budget.left === 0) return { filled: greedy, bound, worth, columns: greedy };
  const generated = generateColumns(model, {
    budget: budget.share(Math.min(1, (effort.columnsPart * all) / budget.left)),
    roundsMax: effort.rounds,
    searchSteps: effort.searchSteps,
    boundCost: bound.costPerHour,
    worth,
    known: greedy,
    within: effort.within / 4,
    lastLook: effort.lastLook,
  });
  const rounded = fitted(
    roundColumns(model, {
      ...generated,
      budget,
      dives: effort.dives,
      rounds: effort.diveRounds,
      searchSteps: effort.searchSteps / 4,
      enough: enough(bound, effort),
    }),
  );
  const configuration = boundOf(model, { kind: 'configurationLp', cost: generated.boundCost });
  return {
    filled: podsOf(rounded) >= podsOf(greedy) && costOf(model, rounded) < costOf(model, greedy) ? rounded : greedy,
    bound: bestBound([bound, configuration]),
    worth: generated.worth,
    columns: generated.columns,
  };
}

/** As packModel at other prices, from what it has found at the first ones; nothing is said of a bound. */
export function repackModel(
  model: PackingModel,
  of: {
    readonly effort: Effort;
    readonly budget: SearchBudget;
    readonly worth: Float64Array;
    readonly columns: readonly FilledNode[];
  },
): Omit<Packed, 'bound'> {
  const { effort, budget, worth } = of;
  const greedy = cheapestFill(model, { left: model.counts, worth, budget, enough: 0, variantsMax: 1 });
  if (model.rows > effort.rowsMax) return { filled: greedy, worth, columns: greedy };
  const generated = generateColumns(model, {
    budget: budget.share(effort.columnsPart),
    roundsMax: effort.rounds,
    searchSteps: effort.searchSteps,
    boundCost: 0,
    worth,
    known: [...of.columns, ...greedy],
    within: effort.within / 4,
    lastLook: 'none',
  });
  const rounding = { ...generated, budget, dives: 0, rounds: 0, searchSteps: 0, enough: 0 };
  const rounded = roundColumns(model, rounding);
  const better = podsOf(rounded) >= podsOf(greedy) && costOf(model, rounded) < costOf(model, greedy);
  return { filled: better ? rounded : greedy, worth: generated.worth, columns: generated.columns };
}

/** Cost that needs no further search: within the wished part, or the bound itself. */
function enough(bound: LowerBound, { within }: Effort): number {
  return bound.costPerHour * (1 + within) + 1e-9;
}

function podsOf(filled: readonly NodesFilled[]): number {
  let pods = 0;
  for (const { amounts, nodes } of filled) for (const amount of amounts) pods += amount * nodes;
  return pods;
}
