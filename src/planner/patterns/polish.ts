// A plan's packing problems, solved again with more time, and a closer bound of what its pods cost: for a worker thread.
// The bound is of the pods on all that could be had; the problems also know zones, limits and wishes, so it is only theirs
// where they ask for the same.
import { boundOf } from '../bounds/bound-of.ts';
import { generateColumns } from '../bounds/column-generation.ts';
import { bestBound, cheapBounds } from '../bounds/lower-bound.ts';
import { modelOf } from '../bounds/packing-model.ts';
import type { LowerBound, PackingProblem } from '../bounds/packing-problem.ts';
import { type Meter, SearchBudget } from '../bounds/search-budget.ts';
import { improvePatterns, type PatternChoice } from './choose-patterns.ts';
import { isOfOneProblem, type PatternsSolved, type Polishable } from './improved-patterns.ts';
import { POLISH } from './pack-model.ts';
import type { PatternMemory } from './pattern-memory.ts';

export interface Polished {
  /** Answers at least as good, in the order of `Polishable.solved`; those that were improved before are left out. */
  readonly choices: readonly { readonly asked: PatternsSolved; readonly choice: PatternChoice }[];
  /** At least as high as the one that the plan stated. */
  readonly bound: LowerBound;
}

/** All of it within `steps`, as `meter` counts them where there is one: an equal part for each problem and for the bound. */
export function polish(
  { solved, stated }: Polishable,
  options: { readonly steps: number; readonly meter?: Meter },
): Polished {
  const { meter } = options;
  const budget = new SearchBudget(options.steps, { meter });
  const open = solved.filter(({ improved }) => !improved);
  const choices: { readonly asked: PatternsSolved; readonly choice: PatternChoice }[] = [];
  const sameBound = open.length > 0 && isOfOneProblem(solved, stated.problem);
  const parts = open.length + (sameBound ? 0 : 1);
  for (const asked of open) {
    const steps = budget.left / (parts - choices.length);
    const limits = meter === undefined ? { steps } : { steps, meter };
    const choice = improvePatterns(asked.problem, asked.choice, { ...asked.options, ...limits });
    if (meter === undefined) budget.spend(choice.steps);
    choices.push({ asked, choice });
  }
  const found = sameBound ? (choices[0]?.choice.bound ?? stated.bound) : closerBound(stated.problem, budget);
  return { choices, bound: bestBound([stated.bound, found]) };
}

/** Puts what was found where the next plans look for it. */
export function keepPolished(memory: PatternMemory, { stated }: Polishable, { choices, bound }: Polished): void {
  for (const { asked, choice } of choices) memory.keepChoice(asked, choice);
  memory.keepBound(stated.problem, bound);
}

function closerBound(problem: PackingProblem, budget: SearchBudget): LowerBound {
  const model = modelOf(problem);
  const { bound, worth } = cheapBounds(model, budget);
  if (model.rows > POLISH.rowsMax || budget.left === 0) return bound;
  const { boundCost } = generateColumns(model, {
    budget,
    roundsMax: POLISH.rounds,
    searchSteps: POLISH.searchSteps,
    states: POLISH.states,
    boundCost: bound.costPerHour,
    worth,
    known: [],
    within: POLISH.within / 4,
    lastLook: POLISH.lastLook,
  });
  return bestBound([bound, boundOf(model, { kind: 'configurationLp', cost: boundCost })]);
}
