// Linear programs of covering form: least Σ cost·x with Σ column·x ≥ demand per row, x ≥ 0, whose columns come one after
// another. A limit (Σ use·x ≤ most) is a row as well: its demand is -most, and what a column uses of it counts below zero. Revised primal simplex with a dense inverse of the basis; sized for hundreds of rows. What it returns is not
// trusted for certificates: bounds are computed anew from its prices, which are good or bad but never wrong. Above 250 lines
// because every step of a pivot works on the same columns.

import { invertInto, PIVOT_MIN } from './invert-matrix.ts';

/** A column: the rows that it covers, how much of each, and what one of it costs. */
export interface Column {
  readonly rows: Int32Array;
  readonly amounts: Float64Array | Int32Array;
  readonly cost: number;
}

/** Below it a reduced cost is noise: costs are scaled so that the dearest column costs 1. */
const OPTIMAL_WITHIN = 1e-9;
/** Single pivots often gain nothing, between ones that do. */
const PIVOTS_TOGETHER = 16;
/** An entry of the inverse below it is what cancelling has left of zero. */
const ZERO_BELOW = 1e-14;
/** The inverse is built anew after so many pivots, before errors of 1e-16 each can add up to one that shows. */
const PIVOTS_PER_INVERSION = 400;

export class CoveringSimplex {
  rows: number;
  #demand: Float64Array;
  #inverse: Float64Array;
  /** Per row of the basis: column, or -1 - row for the surplus of a row. */
  #basis: Int32Array;
  #values: Float64Array;
  #duals: Float64Array;
  #direction: Float64Array;
  /** Where the row of the last pivot is not zero. */
  #filled: Int32Array;
  readonly #columns: Column[] = [];
  readonly #inBasis: number[] = [];
  #pivots = 0;
  /** What the last pivot took off the cost. */
  #gain = 0;
  #isOptimal = false;
  /** Numbers touched since `takeSteps`. */
  #steps = 0;

  /** `start` has one column per row, in order, that covers that row and no other. */
  constructor(demand: ArrayLike<number>, start: readonly Column[]) {
    const rows = demand.length;
    this.rows = rows;
    this.#demand = Float64Array.from(demand);
    this.#inverse = new Float64Array(rows * rows);
    this.#basis = new Int32Array(rows);
    this.#values = new Float64Array(rows);
    this.#duals = new Float64Array(rows);
    this.#direction = new Float64Array(rows);
    this.#filled = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const column = start[row];
      const amount = column?.amounts[0] ?? 0;
      if (column === undefined || column.rows[0] !== row || amount <= 0)
        throw new Error('The start must be one column per row');
      this.#columns.push(column);
      this.#inBasis.push(1);
      this.#basis[row] = row;
      this.#inverse[row * rows + row] = 1 / amount;
      this.#values[row] = (this.#demand[row] ?? 0) / amount;
      this.#duals[row] = column.cost / amount;
    }
  }

  /** Adds a row for each limit, after all others, and for each a column that is bought above it at `overCost`, after all others. `uses`
   *  tells what a column uses of a limit. The solution stays as it is, be it over a limit; solving it again brings it under. */
  limit(
    most: ArrayLike<number>,
    of: { readonly uses: (column: number, limit: number) => number; readonly overCost: number },
  ): void {
    const before = this.rows;
    const rows = before + most.length;
    const old = this.#inverse;
    const values = widened(this.#values, rows);
    const basis = new Int32Array(rows);
    basis.set(this.#basis);
    const inverse = new Float64Array(rows * rows);
    for (let at = 0; at < before; at++) inverse.set(old.subarray(at * before, at * before + before), at * rows);
    this.#demand = widened(this.#demand, rows);
    this.#duals = widened(this.#duals, rows);
    this.#columns.forEach(
      (column, index) => (this.#columns[index] = withUses(column, { ...of, index, rows: before, limits: most.length })),
    );
    for (let limit = 0; limit < most.length; limit++) {
      const row = before + limit;
      const to = row * rows;
      let used = 0;
      for (let at = 0; at < before; at++) {
        const column = basis[at] ?? -1;
        const use = column < 0 ? 0 : of.uses(column, limit);
        if (use === 0) continue;
        used += use * (values[at] ?? 0);
        for (let k = 0; k < before; k++) inverse[to + k] = (inverse[to + k] ?? 0) + use * (old[at * before + k] ?? 0);
      }
      const over = used - (most[limit] ?? 0);
      const column = this.add({ rows: Int32Array.of(row), amounts: Int32Array.of(1), cost: of.overCost });
      basis[row] = over > 0 ? column : -1 - row;
      if (over > 0) this.#inBasis[column] = 1;
      else for (let k = 0; k < before; k++) inverse[to + k] = -(inverse[to + k] ?? 0);
      inverse[to + row] = over > 0 ? 1 : -1;
      values[row] = Math.abs(over);
      this.#demand[row] = -(most[limit] ?? 0);
      if (over <= 0) continue;
      for (let k = 0; k < rows; k++) this.#duals[k] = (this.#duals[k] ?? 0) + of.overCost * (inverse[to + k] ?? 0);
    }
    this.rows = rows;
    this.#inverse = inverse;
    this.#basis = basis;
    this.#values = values;
    this.#direction = new Float64Array(rows);
    this.#filled = new Int32Array(rows);
    this.#steps += before * before;
    this.#pivots = 0;
  }

  /** What one more of each row's demand costs, and of each limit what one less of it does; may be below zero by noise until `solve` has run. */
  get duals(): Float64Array {
    return this.#duals;
  }

  get columns(): readonly Column[] {
    return this.#columns;
  }

  add(column: Column): number {
    this.#columns.push(column);
    this.#inBasis.push(0);
    return this.#columns.length - 1;
  }

  /** Pivots until no known column would lower the cost, or after `stepsMax` steps (never before the first pivots), or while
   *  PIVOTS_TOGETHER of them lower it by less than the part `leastGain`. */
  solve(limits: { readonly stepsMax: number; readonly leastGain: number }): void {
    const wanted = limits.leastGain > 0 ? limits.leastGain * this.cost() : 0;
    const stepsEnd = this.#steps + limits.stepsMax;
    let gained = 0;
    this.#isOptimal = false;
    for (let pivot = 1; ; pivot++) {
      const entering = this.#entering();
      if (entering === undefined || !this.#enter(entering)) {
        this.#isOptimal = true;
        return;
      }
      gained += this.#gain;
      if (pivot % PIVOTS_TOGETHER !== 0) continue;
      if (gained < wanted || this.#steps >= stepsEnd) return;
      gained = 0;
    }
  }

  /** No column that was known when it was last solved would lower the cost. */
  get isOptimal(): boolean {
    return this.#isOptimal;
  }

  /** How many of each column the solution has; basic ones only. */
  solution(): readonly { readonly column: number; readonly value: number }[] {
    const out: { readonly column: number; readonly value: number }[] = [];
    for (let at = 0; at < this.rows; at++) {
      const column = this.#basis[at] ?? -1;
      const value = this.#values[at] ?? 0;
      if (column >= 0 && value > 0) out.push({ column, value });
    }
    return out;
  }

  cost(): number {
    let sum = 0;
    for (let at = 0; at < this.rows; at++) {
      const column = this.#basis[at] ?? -1;
      const value = this.#values[at] ?? 0;
      if (column >= 0 && value > 0) sum += value * (this.#columns[column]?.cost ?? 0);
    }
    return sum;
  }

  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  /** Column (or surplus, -1 - row) with the most negative reduced cost; the first of equals. */
  #entering(): number | undefined {
    let best = -OPTIMAL_WITHIN;
    let entering: number | undefined;
    const duals = this.#duals;
    for (let row = 0; row < this.rows; row++) {
      if ((duals[row] ?? 0) < best) {
        best = duals[row] ?? 0;
        entering = -1 - row;
      }
    }
    for (let c = 0; c < this.#columns.length; c++) {
      if (this.#inBasis[c] === 1) continue;
      const column = this.#columns[c];
      if (column === undefined) continue;
      const reduced = reducedCost(column, duals);
      this.#steps += column.rows.length;
      if (reduced < best) {
        best = reduced;
        entering = c;
      }
    }
    return entering;
  }

  /** False: nothing bounds the step, which covering problems exclude but for noise. */
  #enter(entering: number): boolean {
    const rows = this.rows;
    const direction = this.#direction;
    this.#setDirection(entering);
    let leaving = -1;
    let least = Infinity;
    for (let at = 0; at < rows; at++) {
      const slope = direction[at] ?? 0;
      if (slope <= PIVOT_MIN) continue;
      const ratio = Math.max(0, this.#values[at] ?? 0) / slope;
      if (ratio < least || (ratio === least && slope > (direction[leaving] ?? 0))) {
        least = ratio;
        leaving = at;
      }
    }
    if (leaving < 0) return false;
    const left = this.#basis[leaving] ?? -1;
    if (left >= 0) this.#inBasis[left] = 0;
    if (entering >= 0) this.#inBasis[entering] = 1;
    this.#basis[leaving] = entering;
    const reduced = this.#reducedOf(entering);
    this.#gain = -reduced * least;
    this.#pivot(leaving, { reduced, ratio: least });
    this.#pivots++;
    if (this.#pivots % Math.max(PIVOTS_PER_INVERSION, 3 * rows) === 0) this.#invert();
    return true;
  }

  #reducedOf(entering: number): number {
    const column = this.#columns[entering];
    return column === undefined ? (this.#duals[-1 - entering] ?? 0) : reducedCost(column, this.#duals);
  }

  #setDirection(entering: number): void {
    const rows = this.rows;
    const direction = this.#direction.fill(0);
    const column = this.#columns[entering];
    const of = column?.rows ?? [-1 - entering];
    for (let k = 0; k < of.length; k++) {
      const row = of[k] ?? 0;
      const amount = column === undefined ? -1 : (column.amounts[k] ?? 0);
      for (let at = 0, i = row; at < rows; at++, i += rows)
        direction[at] = (direction[at] ?? 0) + (this.#inverse[i] ?? 0) * amount;
    }
    this.#steps += of.length * rows;
  }

  #pivot(leaving: number, by: { readonly reduced: number; readonly ratio: number }): void {
    const rows = this.rows;
    const direction = this.#direction;
    const inverse = this.#inverse;
    const scale = 1 / (direction[leaving] ?? 1);
    const from = leaving * rows;
    // Rows of the inverse are mostly zeros until late: only where this one is not do the others change.
    const filled = this.#filled;
    let count = 0;
    for (let k = 0; k < rows; k++) {
      const entry = inverse[from + k] ?? 0;
      if (entry === 0) continue;
      const value = Math.abs(entry) < ZERO_BELOW ? 0 : entry * scale;
      inverse[from + k] = value;
      if (value === 0) continue;
      this.#duals[k] = (this.#duals[k] ?? 0) + by.reduced * value;
      filled[count++] = k;
    }
    this.#steps += rows;
    for (let at = 0; at < rows; at++) {
      const slope = direction[at] ?? 0;
      if (at === leaving || slope === 0) continue;
      this.#values[at] = Math.max(0, (this.#values[at] ?? 0) - slope * by.ratio);
      const to = at * rows;
      for (let j = 0; j < count; j++) {
        const k = filled[j] ?? 0;
        inverse[to + k] = (inverse[to + k] ?? 0) - slope * (inverse[from + k] ?? 0);
      }
      this.#steps += count;
    }
    this.#values[leaving] = by.ratio;
  }

  /** Gauss-Jordan with row exchange on the columns of the basis; values and duals follow. */
  #invert(): void {
    const rows = this.rows;
    const matrix = new Float64Array(rows * rows);
    for (let at = 0; at < rows; at++) {
      const column = this.#columns[this.#basis[at] ?? -1];
      if (column === undefined) matrix[(-1 - (this.#basis[at] ?? -1)) * rows + at] = -1;
      else column.rows.forEach((row, k) => (matrix[row * rows + at] = column.amounts[k] ?? 0));
    }
    if (!invertInto(matrix, this.#inverse, rows)) return;
    this.#steps += rows ** 3;
    this.#duals.fill(0);
    for (let at = 0; at < rows; at++) {
      const cost = this.#columns[this.#basis[at] ?? -1]?.cost ?? 0;
      let value = 0;
      for (let k = 0; k < rows; k++) {
        const entry = this.#inverse[at * rows + k] ?? 0;
        value += entry * (this.#demand[k] ?? 0);
        this.#duals[k] = (this.#duals[k] ?? 0) + cost * entry;
      }
      this.#values[at] = Math.max(0, value);
    }
  }
}

function widened(column: Float64Array, length: number): Float64Array {
  const wide = new Float64Array(length);
  wide.set(column);
  return wide;
}

/** The column with what it uses of limits, below zero. */
function withUses(
  column: Column,
  of: {
    readonly uses: (column: number, limit: number) => number;
    readonly index: number;
    readonly rows: number;
    readonly limits: number;
  },
): Column {
  const rows: number[] = [];
  const amounts: number[] = [];
  for (let limit = 0; limit < of.limits; limit++) {
    const use = of.uses(of.index, limit);
    if (use === 0) continue;
    rows.push(of.rows + limit);
    amounts.push(-use);
  }
  return {
    rows: Int32Array.of(...column.rows, ...rows),
    amounts: Int32Array.of(...column.amounts, ...amounts),
    cost: column.cost,
  };
}

function reducedCost(column: Column, duals: Float64Array): number {
  const { rows, amounts } = column;
  let reduced = column.cost;
  for (let k = 0; k < rows.length; k++) reduced -= (amounts[k] ?? 0) * (duals[rows[k] ?? 0] ?? 0);
  return reduced;
}
