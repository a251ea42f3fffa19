// Linear programs of covering form: least Σ cost·x with Σ column·x ≥ demand per row, x ≥ 0, whose columns come one after
// another. A limit (Σ use·x ≤ most) is a row as well: its demand is -most, and what a column uses of it counts below zero. Revised
// primal simplex on a sparse basis (basis-factors.ts); sized for thousands of rows. What it returns is not
// trusted for certificates: bounds are computed anew from its prices, which are good or bad but never wrong. Above 250 lines
// because every step of a pivot works on the same columns.
import { BasisFactors, PIVOT_MIN } from './basis-factors.ts';
import { type Column, ColumnStore, wider } from './column-store.ts';

/** Below it a reduced cost is noise: costs are scaled so that the dearest column costs 1. */
const OPTIMAL_WITHIN = 1e-9;
/** Single pivots often gain nothing, between ones that do. */
const PIVOTS_TOGETHER = 16;
/** An entry of a direction below it is what cancelling has left of zero. */
const ZERO_BELOW = 1e-14;
/** The basis is factored anew after so many pivots: each adds a factor, and an error of 1e-16. */
const PIVOTS_PER_FACTORING = 80;
/** Columns that are looked at again after each pivot, the best of a look at all of them: all of them are looked at once for so many
 *  pivots, not for each. */
const CANDIDATES = 24;
/** A candidate that gains less than this part of the best one of its list calls for a new look at all. */
const WORTH_A_PIVOT = 0.1;

export class CoveringSimplex {
  #rows: number;
  #demand: Float64Array;
  #factors: BasisFactors;
  /** Per place of the basis: column, or -1 - row for the surplus of a row. */
  #basis: Int32Array;
  #values: Float64Array;
  #duals: Float64Array;
  #direction: Float64Array;
  /** Places where the direction is not zero. */
  #touched: Int32Array;
  /** Per row, what a pod of it cost at the start: what a dual is measured by. */
  #scale: Float64Array;
  #store: ColumnStore;
  #inBasis: Uint8Array;
  /** Columns of the last look at all, and what the best of them gained. */
  readonly #candidates = new Int32Array(CANDIDATES);
  readonly #gains = new Float64Array(CANDIDATES);
  #listed = 0;
  #bestOfLook = 0;
  #pivots = 0;
  /** What the last pivot took off the cost. */
  #gain = 0;
  #isOptimal = false;
  /** Numbers touched since `takeSteps`. */
  #steps = 0;

  /** `start` has one column per row, in order, that covers that row and no other. */
  constructor(demand: ArrayLike<number>, start: readonly Column[]) {
    const rows = demand.length;
    this.#rows = rows;
    this.#demand = Float64Array.from(demand);
    this.#factors = new BasisFactors(rows);
    this.#store = new ColumnStore(2 * rows + 16);
    this.#inBasis = new Uint8Array(2 * rows + 16);
    this.#basis = new Int32Array(rows);
    this.#values = new Float64Array(rows);
    this.#duals = new Float64Array(rows);
    this.#direction = new Float64Array(rows);
    this.#touched = new Int32Array(rows);
    this.#scale = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const column = start[row];
      const amount = column?.amounts[0] ?? 0;
      if (column === undefined || column.rows[0] !== row || amount <= 0)
        throw new Error('The start must be one column per row');
      this.#inBasis[this.add(column)] = 1;
      this.#basis[row] = row;
      this.#scale[row] = column.cost / amount;
    }
    this.#factor();
  }

  /** Adds a row for each limit, after all others, and for each a column that is bought above it at `overCost`, after all others. `uses`
   *  tells what a column uses of a limit. The solution stays as it is, be it over a limit; solving it again brings it under. */
  limit(
    most: ArrayLike<number>,
    of: { readonly uses: (column: number, limit: number) => number; readonly overCost: number },
  ): void {
    const before = this.#rows;
    const rows = before + most.length;
    const used = new Float64Array(most.length);
    const old = this.#store.columns;
    for (const { column, value } of this.solution()) {
      for (let limit = 0; limit < most.length; limit++)
        used[limit] = (used[limit] ?? 0) + value * of.uses(column, limit);
    }
    this.#store = new ColumnStore(2 * old.length);
    old.forEach((column, index) => this.add(withUses(column, { ...of, index, rows: before, limits: most.length })));
    this.#rows = rows;
    this.#demand = wider(this.#demand, new Float64Array(rows));
    this.#values = wider(this.#values, new Float64Array(rows));
    this.#duals = wider(this.#duals, new Float64Array(rows));
    this.#scale = wider(this.#scale, new Float64Array(rows).fill(of.overCost));
    this.#basis = wider(this.#basis, new Int32Array(rows));
    this.#direction = new Float64Array(rows);
    this.#touched = new Int32Array(rows);
    for (let limit = 0; limit < most.length; limit++) {
      const row = before + limit;
      const column = this.add({ rows: Int32Array.of(row), amounts: Int32Array.of(1), cost: of.overCost });
      const over = (used[limit] ?? 0) > (most[limit] ?? 0);
      this.#basis[row] = over ? column : -1 - row;
      if (over) this.#inBasis[column] = 1;
      this.#demand[row] = -(most[limit] ?? 0);
    }
    this.#factors = new BasisFactors(rows);
    this.#factor();
  }

  /** What one more of each row's demand costs, and of each limit what one less of it does; may be below zero by noise until `solve` has run. */
  get duals(): Float64Array {
    return this.#duals;
  }

  get columns(): readonly Column[] {
    return this.#store.columns;
  }

  add(column: Column): number {
    const index = this.#store.add(column);
    if (index >= this.#inBasis.length) this.#inBasis = wider(this.#inBasis, new Uint8Array(2 * index + 2));
    this.#steps += column.rows.length;
    return index;
  }

  /** Pivots until no known column would lower the cost, or after `stepsMax` steps (never before the first pivots), or while
   *  PIVOTS_TOGETHER of them lower it by less than the part `leastGain`. */
  solve(limits: { readonly stepsMax: number; readonly leastGain: number }): void {
    const wanted = limits.leastGain > 0 ? limits.leastGain * this.cost() : 0;
    const stepsEnd = this.#steps + limits.stepsMax;
    let gained = 0;
    this.#isOptimal = false;
    this.#listed = 0;
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
    for (let at = 0; at < this.#rows; at++) {
      const column = this.#basis[at] ?? -1;
      const value = this.#values[at] ?? 0;
      if (column >= 0 && value > 0) out.push({ column, value });
    }
    return out;
  }

  cost(): number {
    let sum = 0;
    for (let at = 0; at < this.#rows; at++) {
      const column = this.#basis[at] ?? -1;
      const value = this.#values[at] ?? 0;
      if (column >= 0 && value > 0) sum += value * (this.#store.costs[column] ?? 0);
    }
    return sum;
  }

  takeSteps(): number {
    const steps = this.#steps + this.#factors.takeSteps();
    this.#steps = 0;
    return steps;
  }

  /** Column (or surplus, -1 - row) that gains much for what it costs: the best candidate, or the best of all once none is left. */
  #entering(): number | undefined {
    const candidates = this.#candidates;
    let kept = 0;
    let best = -WORTH_A_PIVOT * this.#bestOfLook;
    let entering: number | undefined;
    for (let k = 0; k < this.#listed; k++) {
      const candidate = candidates[k] ?? 0;
      const gain = this.#gainOf(candidate);
      if (gain >= 0) continue;
      candidates[kept++] = candidate;
      if (gain >= best) continue;
      best = gain;
      entering = candidate;
    }
    this.#listed = kept;
    return entering ?? this.#lookAtAll();
  }

  /** Reduced cost in parts of the column's cost; 0: in the basis, or noise. */
  #gainOf(candidate: number): number {
    if (candidate < 0) {
      const dual = this.#duals[-1 - candidate] ?? 0;
      return dual < -OPTIMAL_WITHIN ? dual / (this.#scale[-1 - candidate] ?? 1) : 0;
    }
    if (this.#inBasis[candidate] === 1) return 0;
    const reduced = this.#store.reduced(candidate, this.#duals);
    return reduced < -OPTIMAL_WITHIN ? reduced / (this.#store.costs[candidate] ?? 1) : 0;
  }

  #lookAtAll(): number | undefined {
    this.#listed = 0;
    for (let row = 0; row < this.#rows; row++) {
      const gain = this.#gainOf(-1 - row);
      if (gain < 0) this.#note(-1 - row, gain);
    }
    const columns = this.#store.columns.length;
    for (let column = 0; column < columns; column++) {
      const gain = this.#gainOf(column);
      if (gain < 0) this.#note(column, gain);
    }
    this.#steps += this.#rows + (this.#store.start[columns] ?? 0);
    this.#bestOfLook = this.#listed === 0 ? 0 : -(this.#gains[0] ?? 0);
    return this.#listed === 0 ? undefined : this.#candidates[0];
  }

  /** Lists a candidate, if it is one of the best; of equals the first. */
  #note(candidate: number, gain: number): void {
    if (this.#listed === CANDIDATES && gain >= (this.#gains[CANDIDATES - 1] ?? 0)) return;
    let at = this.#listed === CANDIDATES ? CANDIDATES - 1 : this.#listed++;
    for (; at > 0 && (this.#gains[at - 1] ?? 0) > gain; at--) {
      this.#gains[at] = this.#gains[at - 1] ?? 0;
      this.#candidates[at] = this.#candidates[at - 1] ?? 0;
    }
    this.#gains[at] = gain;
    this.#candidates[at] = candidate;
  }

  /** False: nothing bounds the step, which covering problems exclude but for noise. */
  #enter(entering: number): boolean {
    const direction = this.#direction;
    const reduced = entering < 0 ? (this.#duals[-1 - entering] ?? 0) : this.#store.reduced(entering, this.#duals);
    const count = this.#setDirection(entering);
    let leaving = -1;
    let least = Infinity;
    for (let k = 0; k < count; k++) {
      const at = this.#touched[k] ?? 0;
      const slope = direction[at] ?? 0;
      if (slope <= PIVOT_MIN) continue;
      const ratio = Math.max(0, this.#values[at] ?? 0) / slope;
      if (ratio < least || (ratio === least && slope > (direction[leaving] ?? 0))) {
        least = ratio;
        leaving = at;
      }
    }
    if (leaving < 0) return false;
    for (let k = 0; k < count; k++) {
      const at = this.#touched[k] ?? 0;
      this.#values[at] = Math.max(0, (this.#values[at] ?? 0) - (direction[at] ?? 0) * least);
    }
    this.#values[leaving] = least;
    this.#factors.replace(leaving, direction);
    const left = this.#basis[leaving] ?? -1;
    if (left >= 0) this.#inBasis[left] = 0;
    if (entering >= 0) this.#inBasis[entering] = 1;
    this.#basis[leaving] = entering;
    this.#gain = -reduced * least;
    this.#steps += 2 * count;
    this.#pivots += 1;
    if (this.#pivots % PIVOTS_PER_FACTORING === 0) this.#factor();
    else this.#setDuals();
    return true;
  }

  /** What one of the column takes of each place of the basis; how many places that are. */
  #setDirection(entering: number): number {
    const direction = this.#direction.fill(0);
    const { start, rows, amounts } = this.#store;
    if (entering < 0) direction[-1 - entering] = -1;
    else {
      const end = start[entering + 1] ?? 0;
      for (let k = start[entering] ?? 0; k < end; k++) direction[rows[k] ?? 0] = amounts[k] ?? 0;
    }
    this.#factors.forward(direction);
    let count = 0;
    for (let at = 0; at < this.#rows; at++) {
      const slope = direction[at] ?? 0;
      if (slope === 0) continue;
      if (Math.abs(slope) < ZERO_BELOW) direction[at] = 0;
      else this.#touched[count++] = at;
    }
    return count;
  }

  #setDuals(): void {
    for (let at = 0; at < this.#rows; at++) {
      const column = this.#basis[at] ?? -1;
      this.#duals[at] = column < 0 ? 0 : (this.#store.costs[column] ?? 0);
    }
    this.#factors.backward(this.#duals);
  }

  /** The basis factored anew; values and duals follow. */
  #factor(): void {
    const { columns } = this.#store;
    const basis = this.#basis;
    const placeOf = this.#factors.renew(
      Array.from(basis, (column) => columns[column] ?? { rows: [-1 - column], amounts: [-1] }),
    );
    if (placeOf !== undefined) {
      this.#basis = new Int32Array(basis.length);
      placeOf.forEach((place, k) => (this.#basis[place] = basis[k] ?? 0));
      this.#values.set(this.#demand);
      this.#factors.forward(this.#values);
      for (let at = 0; at < this.#rows; at++) this.#values[at] = Math.max(0, this.#values[at] ?? 0);
    }
    this.#setDuals();
  }
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
