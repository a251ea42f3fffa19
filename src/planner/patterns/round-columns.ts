// From so many and a half nodes of each filling to whole ones. Whole parts are taken; what is left over is a smaller
// problem of the same kind, solved again with the fillings cut down to it, and so on (diving), until greedy packing does
// the rest as well. The cheapest of all ways tried is the answer.
import { generateColumns } from '../bounds/column-generation.ts';
import type { FilledNode } from '../bounds/column-search.ts';
import { withCounts, type PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { LimitsLeft } from '../bounds/shared-limit.ts';
import { fillNodes, type NodesFilled } from './fill-nodes.ts';

/** A filling whose fraction is above it is rounded up with the others of a dive. */
const ROUND_UP_ABOVE = 0.85;
/** Fillings that are carried into the next dive: basic ones first, then the newest. */
const COLUMNS_CARRIED = 600;
/** Greedy variants tried on what is left; see FillOptions. */
const VARIANTS = [
  { batch: 0.5, scarcity: 0 },
  { batch: 0.25, scarcity: 2 },
  { batch: 0.02, scarcity: 0.5 },
] as const;

export interface Rounding {
  readonly worth: Float64Array;
  /** Per offer, with what limits add. */
  readonly prices: Float64Array;
  readonly columns: readonly FilledNode[];
  readonly solution: readonly { readonly column: FilledNode; readonly nodes: number }[];
  readonly budget: SearchBudget;
  /** Dives at most; 0: greedy after the whole parts. */
  readonly dives: number;
  /** Rounds of column generation, and shapes looked at per filling, in each dive. */
  readonly rounds: number;
  readonly searchSteps: number;
  readonly states: number;
  /** A cost that needs no further dive. */
  readonly enough: number;
  /** A cost that nothing is below: whoever comes to it needs no further try. */
  readonly least: number;
  readonly limits?: LimitsLeft | undefined;
}

/** Whole nodes for all that can be placed, of those with most pods the cheapest found. */
export function roundColumns(model: PackingModel, rounding: Rounding): readonly NodesFilled[] {
  const left = model.counts.slice();
  const taken: NodesFilled[] = [];
  const limits = rounding.limits?.copy();
  let { worth, columns, solution, prices } = rounding;
  let best: readonly NodesFilled[] | undefined;
  for (let dive = 0; ; dive++) {
    takeWhole(left, { solution, taken, roundUp: dive > 0, limits });
    const { budget } = rounding;
    // Of whole nodes the cost cannot fall by less than rounding, so that at the bound no variant would be taken for another.
    const enough = rounding.least * (1 + 1e-12) - costOf(model, taken);
    const done = [...taken, ...cheapestFill(model, { left, worth, budget, enough, prices, limits })];
    if (best === undefined || isBetter(model, done, best)) best = done;
    if (dive >= rounding.dives || rounding.budget.left === 0 || isEnough(model, best, rounding)) return best;
    if (left.every((pods) => pods <= 0)) return best;
    const rest = withCounts(model, left);
    const solved = generateColumns(rest.model, {
      budget: rounding.budget,
      roundsMax: rounding.rounds,
      searchSteps: rounding.searchSteps,
      states: rounding.states,
      boundCost: 0,
      known: cutDown(columns, { left, rowOf: rest.rowOf }),
      within: 1e-6,
      lastLook: 'none',
      ...(limits === undefined ? {} : { limits: limits.rest() }),
    });
    const back = (column: FilledNode): FilledNode => ({
      ...column,
      rows: Int32Array.from(column.rows, (row) => rest.rowOf[row] ?? 0),
    });
    const basic = solved.solution.map(({ column, nodes }) => ({ column: back(column), nodes }));
    solution = basic;
    prices = solved.prices;
    columns = [...basic.map(({ column }) => column), ...solved.columns.slice(-COLUMNS_CARRIED).map(back)];
    const next = worth.slice();
    rest.rowOf.forEach((row, at) => (next[row] = solved.worth[at] ?? 0));
    worth = next;
  }
}

/** Limits may leave pods out, which makes it cheap and not good. */
function isEnough(model: PackingModel, best: readonly NodesFilled[], { enough, limits }: Rounding): boolean {
  if (costOf(model, best) > enough) return false;
  return limits === undefined || placedBy(best) === model.counts.reduce((sum, pods) => sum + pods, 0);
}

function isBetter(model: PackingModel, one: readonly NodesFilled[], other: readonly NodesFilled[]): boolean {
  const pods = placedBy(one) - placedBy(other);
  return pods > 0 || (pods === 0 && costOf(model, one) < costOf(model, other) - 1e-9);
}

/** Pods on all nodes. */
export function placedBy(filled: readonly NodesFilled[]): number {
  let pods = 0;
  for (const node of filled) pods += podsOf(node) * node.nodes;
  return pods;
}

/** Cheapest of the greedy variants for what is left. */
export function cheapestFill(
  model: PackingModel,
  of: {
    readonly left: Int32Array;
    readonly worth: Float64Array;
    readonly budget: SearchBudget;
    /** A cost that needs no further variant. */
    readonly enough: number;
    readonly variantsMax?: number;
    readonly prices?: Float64Array;
    /** What there may still be of nodes; it stays as it is. */
    readonly limits?: LimitsLeft | undefined;
  },
): readonly NodesFilled[] {
  let best: readonly NodesFilled[] = [];
  let bestCost = Infinity;
  let bestLeft = Infinity;
  for (const variant of VARIANTS.slice(0, of.variantsMax)) {
    const left = of.left.slice();
    const filled = fillNodes(model, {
      left,
      worth: of.worth,
      budget: of.budget,
      prices: of.prices ?? model.prices,
      ...(of.limits === undefined ? {} : { limits: of.limits.copy() }),
      ...variant,
    });
    let pods = 0;
    for (let row = 0; row < left.length; row++) pods += left[row] ?? 0;
    const cost = costOf(model, filled);
    if (pods > bestLeft || (pods === bestLeft && cost >= bestCost)) continue;
    best = filled;
    bestCost = cost;
    bestLeft = pods;
    if (of.budget.left === 0 || (pods === 0 && cost <= of.enough)) break;
  }
  return best;
}

export function costOf(model: PackingModel, filled: readonly NodesFilled[]): number {
  let cost = 0;
  for (const { offer, nodes } of filled) cost += nodes * (model.prices[offer] ?? 0);
  return cost;
}

/** Takes the whole parts; in a dive that would take none, also what is nearly whole, and at least the fullest part. */
function takeWhole(
  left: Int32Array,
  of: {
    readonly solution: readonly { readonly column: FilledNode; readonly nodes: number }[];
    readonly taken: NodesFilled[];
    readonly roundUp: boolean;
    readonly limits: LimitsLeft | undefined;
  },
): void {
  let took = false;
  for (const { column, nodes } of of.solution) {
    const room = of.limits?.room(column.offer) ?? Infinity;
    const whole = Math.min(Math.floor(nodes + 1e-6), timesLeft(column, left), room);
    if (whole <= 0) continue;
    took = true;
    take(left, { ...of, column, nodes: whole });
  }
  if (!of.roundUp) return;
  const parts = of.solution
    .map(({ column, nodes }) => ({ column, part: nodes - Math.floor(nodes + 1e-6) }))
    .sort((a, b) => b.part - a.part || a.column.offer - b.column.offer);
  for (const { column, part } of parts) {
    if (took && part < ROUND_UP_ABOVE) return;
    if (part <= 1e-6) return;
    const cut = clipped(column, left);
    // Only what is still of full use: another part may have taken its pods.
    if (cut.rows.length === 0 || (took && podsOf(cut) < podsOf(column))) continue;
    if (of.limits !== undefined && of.limits.room(cut.offer) < 1) continue;
    take(left, { ...of, column: cut, nodes: 1 });
    took = true;
  }
}

function take(
  left: Int32Array,
  of: {
    readonly column: FilledNode;
    readonly nodes: number;
    readonly taken: NodesFilled[];
    readonly limits: LimitsLeft | undefined;
  },
): void {
  const { column, nodes } = of;
  of.limits?.take(column.offer, nodes);
  for (let k = 0; k < column.rows.length; k++) {
    const row = column.rows[k] ?? 0;
    left[row] = (left[row] ?? 0) - nodes * (column.amounts[k] ?? 0);
  }
  of.taken.push({ ...column, nodes });
}

function timesLeft(column: FilledNode, left: Int32Array): number {
  let times = Infinity;
  for (let k = 0; k < column.rows.length; k++) {
    times = Math.min(times, Math.floor((left[column.rows[k] ?? 0] ?? 0) / (column.amounts[k] ?? 1)));
  }
  return times;
}

function podsOf(column: FilledNode): number {
  let pods = 0;
  for (let k = 0; k < column.amounts.length; k++) pods += column.amounts[k] ?? 0;
  return pods;
}

/** The filling with no more pods than are left. */
function clipped(column: FilledNode, left: Int32Array): FilledNode {
  const rows: number[] = [];
  const amounts: number[] = [];
  column.rows.forEach((row, k) => {
    const pods = Math.min(column.amounts[k] ?? 0, left[row] ?? 0);
    if (pods <= 0) return;
    rows.push(row);
    amounts.push(pods);
  });
  return { offer: column.offer, rows: Int32Array.from(rows), amounts: Int32Array.from(amounts) };
}

/** Fillings for the smaller problem, without the ones that have become equal. */
function cutDown(
  columns: readonly FilledNode[],
  of: { readonly left: Int32Array; readonly rowOf: Int32Array },
): readonly FilledNode[] {
  const rowAt = new Map<number, number>();
  of.rowOf.forEach((row, at) => rowAt.set(row, at));
  const known = new Map<string, FilledNode>();
  for (const column of columns) {
    const cut = clipped(column, of.left);
    if (cut.rows.length === 0) continue;
    const key = `${cut.offer} ${cut.rows.join(',')} ${cut.amounts.join(',')}`;
    if (known.has(key)) continue;
    known.set(key, { ...cut, rows: Int32Array.from(cut.rows, (row) => rowAt.get(row) ?? 0) });
    if (known.size >= COLUMNS_CARRIED) break;
  }
  return [...known.values()];
}
