// A basis of the simplex method as a product of elementary matrices (product form of the inverse): each says what one column of the
// basis had become when it took its place. Columns of a packing have a handful of entries, and hundreds of them taken in the right
// order stay that short, where a dense inverse has the square of their number.

import { type BasisColumn, pivotOrder } from './pivot-order.ts';

/** A pivot below it is taken for zero. */
export const PIVOT_MIN = 1e-9;
/** An entry below it is what cancelling has left of zero. */
const ZERO_BELOW = 1e-14;
/** Of several places that a column could take, one that few others ask for keeps the rest short; its entry may be so much smaller than
 *  the biggest. */
const PIVOT_PART = 0.1;

/** Starts as the identity. */
export class BasisFactors {
  readonly #rows: number;
  #count = 0;
  /** Per factor: the place that it is about, the entry there, and where its other entries start. */
  #place: Int32Array;
  #pivot: Float64Array;
  #start: Int32Array;
  #at: Int32Array;
  #value: Float64Array;
  #steps = 0;
  /** Where the next product is made: its columns have grown to what they take. */
  #spare: BasisFactors | undefined;

  constructor(rows: number) {
    const factors = rows + 16;
    this.#rows = rows;
    this.#place = new Int32Array(factors);
    this.#pivot = new Float64Array(factors);
    this.#start = new Int32Array(factors + 1);
    this.#at = new Int32Array(4 * factors);
    this.#value = new Float64Array(4 * factors);
  }

  /** Entries of all factors: what `forward` and `backward` cost at most. */
  get entries(): number {
    return (this.#start[this.#count] ?? 0) + this.#count;
  }

  /** Numbers touched since it was last asked. */
  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  /** Turns a column of rows into what it takes of each place of the basis. */
  forward(column: Float64Array, from = 0): void {
    const [places, pivots, starts, ats, values] = [this.#place, this.#pivot, this.#start, this.#at, this.#value];
    this.#steps += this.#count;
    for (let factor = from; factor < this.#count; factor++) {
      const place = places[factor] ?? 0;
      const entry = column[place] ?? 0;
      if (entry === 0) continue;
      const part = entry / (pivots[factor] ?? 1);
      column[place] = part;
      const end = starts[factor + 1] ?? 0;
      for (let k = starts[factor] ?? 0; k < end; k++) {
        const at = ats[k] ?? 0;
        column[at] = (column[at] ?? 0) - (values[k] ?? 0) * part;
      }
      this.#steps += end - (starts[factor] ?? 0);
    }
  }

  /** Turns a cost per place of the basis into one per row. */
  backward(costs: Float64Array): void {
    const [places, pivots, starts, ats, values] = [this.#place, this.#pivot, this.#start, this.#at, this.#value];
    let end = starts[this.#count] ?? 0;
    this.#steps += end + this.#count;
    for (let factor = this.#count - 1; factor >= 0; factor--) {
      const place = places[factor] ?? 0;
      const start = starts[factor] ?? 0;
      let sum = costs[place] ?? 0;
      for (let k = start; k < end; k++) sum -= (values[k] ?? 0) * (costs[ats[k] ?? 0] ?? 0);
      costs[place] = sum / (pivots[factor] ?? 1);
      end = start;
    }
  }

  /** A column takes the place of another one; `column` as `forward` has left it. */
  replace(place: number, column: Float64Array): void {
    this.#append(place, column);
  }

  /** The product anew from the columns of a basis, one per row; the place that each has now. Undefined, and nothing has changed, when
   *  they are not independent. */
  renew(columns: readonly BasisColumn[]): Int32Array | undefined {
    const fresh = (this.#spare ??= new BasisFactors(this.#rows));
    fresh.#count = 0;
    fresh.#steps = 0;
    const placeOf = fresh.#build(columns);
    if (placeOf === undefined) return undefined;
    this.#count = fresh.#count;
    [this.#place, fresh.#place] = [fresh.#place, this.#place];
    [this.#pivot, fresh.#pivot] = [fresh.#pivot, this.#pivot];
    [this.#start, fresh.#start] = [fresh.#start, this.#start];
    [this.#at, fresh.#at] = [fresh.#at, this.#at];
    [this.#value, fresh.#value] = [fresh.#value, this.#value];
    this.#steps += fresh.#steps + 4 * this.entries;
    return placeOf;
  }

  #build(columns: readonly BasisColumn[]): Int32Array | undefined {
    const { first, middle, last, inRow } = pivotOrder(columns, this.#rows);
    const placeOf = new Int32Array(columns.length);
    const open = new Uint8Array(this.#rows).fill(1);
    const work = new Float64Array(this.#rows);
    const takeAsIs = ([column, row]: readonly [number, number]): boolean => {
      const { rows, amounts } = columns[column] ?? { rows: [], amounts: [] };
      for (let k = 0; k < rows.length; k++) work[rows[k] ?? 0] = amounts[k] ?? 0;
      if (Math.abs(work[row] ?? 0) < PIVOT_MIN) return false;
      placeOf[column] = row;
      open[row] = 0;
      this.#appendSparse(row, rows, work);
      for (let k = 0; k < rows.length; k++) work[rows[k] ?? 0] = 0;
      return true;
    };
    if (!first.every(takeAsIs)) return undefined;
    const from = this.#count;
    for (const [, row] of last) open[row] = 0;
    for (const column of middle) {
      const { rows, amounts } = columns[column] ?? { rows: [], amounts: [] };
      work.fill(0);
      for (let k = 0; k < rows.length; k++) work[rows[k] ?? 0] = amounts[k] ?? 0;
      this.forward(work, from);
      const row = bestPlace(work, { open, inRow });
      if (row < 0) return undefined;
      placeOf[column] = row;
      open[row] = 0;
      this.#append(row, work);
    }
    work.fill(0);
    return last.every(takeAsIs) ? placeOf : undefined;
  }

  #append(place: number, column: Float64Array): void {
    const rows = this.#rows;
    let end = this.#open(place, { pivot: column[place] ?? 0, entries: rows });
    for (let at = 0; at < rows; at++) {
      const value = column[at] ?? 0;
      if (at === place || Math.abs(value) < ZERO_BELOW) continue;
      this.#at[end] = at;
      this.#value[end] = value;
      end += 1;
    }
    this.#start[this.#count] = end;
    this.#steps += rows;
  }

  #appendSparse(place: number, rows: ArrayLike<number>, column: Float64Array): void {
    let end = this.#open(place, { pivot: column[place] ?? 0, entries: rows.length });
    for (let k = 0; k < rows.length; k++) {
      const at = rows[k] ?? 0;
      if (at === place || (column[at] ?? 0) === 0) continue;
      this.#at[end] = at;
      this.#value[end] = column[at] ?? 0;
      end += 1;
    }
    this.#start[this.#count] = end;
  }

  /** Opens a factor with room for so many entries; where they start. */
  #open(place: number, of: { readonly pivot: number; readonly entries: number }): number {
    const factor = this.#count;
    const start = this.#start[factor] ?? 0;
    if (factor + 2 >= this.#start.length) {
      this.#place = grown(this.#place, 2 * factor);
      this.#pivot = grown(this.#pivot, 2 * factor);
      this.#start = grown(this.#start, 2 * factor + 1);
    }
    if (start + of.entries > this.#at.length) {
      const length = 2 * (start + of.entries);
      this.#at = grown(this.#at, length);
      this.#value = grown(this.#value, length);
    }
    this.#place[factor] = place;
    this.#pivot[factor] = of.pivot;
    this.#count = factor + 1;
    return start;
  }
}

/** An open place with a big entry that few columns ask for; -1: there is none. */
function bestPlace(
  column: Float64Array,
  { open, inRow }: { readonly open: Uint8Array; readonly inRow: Int32Array },
): number {
  let biggest = 0;
  for (let row = 0; row < column.length; row++) {
    if (open[row] === 1) biggest = Math.max(biggest, Math.abs(column[row] ?? 0));
  }
  if (biggest < PIVOT_MIN) return -1;
  let best = -1;
  for (let row = 0; row < column.length; row++) {
    if (open[row] === 0 || Math.abs(column[row] ?? 0) < PIVOT_PART * biggest) continue;
    if (best < 0 || (inRow[row] ?? 0) < (inRow[best] ?? 0)) best = row;
  }
  return best;
}

function grown<Column extends Int32Array | Float64Array>(column: Column, length: number): Column {
  const wide = column instanceof Int32Array ? new Int32Array(length) : new Float64Array(length);
  wide.set(column);
  return wide as Column;
}
