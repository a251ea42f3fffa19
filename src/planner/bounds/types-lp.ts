// The linear program over node types: pods may be cut in pieces and only sums count, per axis and per class of pods that
// fit on the same offers; but what is bought of a node must be a filling that these pods can make of it, so an offer that
// fits none of the big ones covers none of their demand. By column generation with a handful of rows; every full round
// gives a true bound, so it may stop anywhere. Its prices say what a pod is worth before anything has been packed.
import { boundOf, dearestOf } from './bound-of.ts';
import type { Column } from './column-store.ts';
import { CoveringSimplex } from './covering-simplex.ts';
import { NodeRelaxation } from './node-relaxation.ts';
import type { PackingModel } from './packing-model.ts';
import type { LowerBound } from './packing-problem.ts';
import type { SearchBudget } from './search-budget.ts';

/** Classes told apart; the rest is summed up, which is a weaker bound but a bound. With 4 axes 64 rows. */
const CLASSES_MAX = 16;
const ROUNDS_MAX = 60;
/** Steps of one solution of the master: some hundred pivots of as many rows as there are at most. */
const MASTER_STEPS_MAX = 2_000_000;
/** A bound so close to the cost is as good as solved: the configuration LP is further away. */
const WITHIN = 1e-4;
/** A start column costs so many times what it could: it must leave. */
const START_DEARER = 8;
const PAYS_ABOVE = 1e-7;

export interface TypesLp {
  readonly bound: LowerBound;
  /** Per row: what a pod of it is worth per hour. */
  readonly worth: Float64Array;
}

/** Bound and worths; more rounds while `budget` lasts, at least one. */
export function typesLp(model: PackingModel, budget: SearchBudget): TypesLp {
  if (model.rows === 0) return { bound: { kind: 'typesLp', costPerHour: 0, nodes: 0 }, worth: new Float64Array() };
  const classes = classesOf(model);
  const master = openMaster(model, classes);
  const relaxation = new NodeRelaxation(model);
  const dearest = dearestOf(model);
  let best = { cost: 0, worth: new Float64Array(model.rows) };
  for (let round = 0; round < ROUNDS_MAX; round++) {
    master.solve({ stepsMax: MASTER_STEPS_MAX, leastGain: 0 });
    const worth = worthOf(model, { classes, duals: master.duals, scale: dearest });
    let worst = 0;
    let gains = false;
    for (let offer = 0; offer < model.offers; offer++) {
      const price = model.prices[offer] ?? 0;
      let most = relaxation.roughly(offer, worth);
      if (most > price) most = relaxation.solve(offer, worth);
      worst = Math.max(worst, most / price);
      if (most <= price * (1 + PAYS_ABOVE)) continue;
      gains = true;
      master.add(projected(model, { classes, amounts: relaxation.amounts, cost: price / dearest }));
    }
    const total = worth.reduce((sum, value, row) => sum + value * (model.counts[row] ?? 0), 0);
    if (worst > 0 && total / worst > best.cost)
      best = { cost: total / worst, worth: worth.map((value) => value / worst) };
    const goesOn = budget.spend(relaxation.takeSteps() * model.axes + master.takeSteps());
    if (!gains || !goesOn || best.cost >= master.cost() * dearest * (1 - WITHIN)) break;
  }
  return { worth: best.worth, bound: boundOf(model, { kind: 'typesLp', cost: best.cost }) };
}

interface Classes {
  readonly of: Int32Array;
  readonly count: number;
  /** Per axis: room of the roomiest offer, the unit of the master's rows. */
  readonly unit: Float64Array;
}

/** Rows that fit on the same offers make a class; the ones with most pods get classes of their own. */
function classesOf(model: PackingModel): Classes {
  const pods = new Map<string, number>();
  const keys: string[] = [];
  for (let row = 0; row < model.rows; row++) {
    let key = '';
    for (let offer = 0; offer < model.offers; offer++) key += (model.most[offer]?.[row] ?? 0) > 0 ? '1' : '0';
    keys.push(key);
    pods.set(key, (pods.get(key) ?? 0) + (model.counts[row] ?? 0));
  }
  const ranked = [...pods.keys()].sort((a, b) => (pods.get(b) ?? 0) - (pods.get(a) ?? 0) || (a < b ? -1 : 1));
  const classOf = new Map(ranked.map((key, rank) => [key, Math.min(rank, CLASSES_MAX - 1)]));
  const unit = Float64Array.from({ length: model.axes }, (_, axis) => {
    let most = 1;
    for (let offer = 0; offer < model.offers; offer++)
      most = Math.max(most, model.capacities[offer * model.axes + axis] ?? 0);
    return most;
  });
  return {
    of: Int32Array.from(keys, (key) => classOf.get(key) ?? 0),
    count: Math.min(ranked.length, CLASSES_MAX),
    unit,
  };
}

function openMaster(model: PackingModel, classes: Classes): CoveringSimplex {
  const { axes } = model;
  const width = classes.count * axes;
  const demand = projected(model, { classes, amounts: model.counts, cost: 0 });
  const dense = new Float64Array(width);
  demand.rows.forEach((row, k) => (dense[row] = demand.amounts[k] ?? 0));
  const cheapest = model.prices.reduce((least, price) => Math.min(least, price), Infinity);
  const start = Array.from({ length: width }, (_, row): Column => {
    let best = 0;
    for (let offer = 0; offer < model.offers; offer++) {
      const room = (model.capacities[offer * axes + (row % axes)] ?? 0) / (classes.unit[row % axes] ?? 1);
      best = Math.max(best, room / (model.prices[offer] ?? 1));
    }
    const amount = Math.max(best * cheapest, 1e-6);
    return {
      rows: Int32Array.of(row),
      amounts: Float64Array.of(amount),
      cost: (START_DEARER * cheapest) / dearestOf(model),
    };
  });
  return new CoveringSimplex(dense, start);
}

/** What `amounts` pods of each row ask for, per class and axis in the master's units. */
function projected(
  model: PackingModel,
  by: { readonly classes: Classes; readonly amounts: ArrayLike<number>; readonly cost: number },
): Column {
  const { axes } = model;
  const sums = new Float64Array(by.classes.count * axes);
  for (let row = 0; row < model.rows; row++) {
    const pods = by.amounts[row] ?? 0;
    if (pods === 0) continue;
    const at = (by.classes.of[row] ?? 0) * axes;
    for (let axis = 0; axis < axes; axis++) {
      const asked = (pods * (model.requests[row * axes + axis] ?? 0)) / (by.classes.unit[axis] ?? 1);
      sums[at + axis] = (sums[at + axis] ?? 0) + asked;
    }
  }
  const rows = Int32Array.from([...sums.keys()].filter((row) => (sums[row] ?? 0) > 0));
  return { rows, amounts: Float64Array.from(rows, (row) => sums[row] ?? 0), cost: by.cost };
}

function worthOf(
  model: PackingModel,
  by: { readonly classes: Classes; readonly duals: Float64Array; readonly scale: number },
): Float64Array {
  const { axes } = model;
  return Float64Array.from({ length: model.rows }, (_, row) => {
    const at = (by.classes.of[row] ?? 0) * axes;
    let worth = 0;
    for (let axis = 0; axis < axes; axis++) {
      const dual = Math.max(0, by.duals[at + axis] ?? 0);
      worth += (dual * by.scale * (model.requests[row * axes + axis] ?? 0)) / (by.classes.unit[axis] ?? 1);
    }
    return worth;
  });
}
