// Columns of a linear program as numbers one after another, with room to grow.

/** A column: the rows that it covers, how much of each, and what one of it costs. */
export interface Column {
  readonly rows: Int32Array;
  readonly amounts: Float64Array | Int32Array;
  readonly cost: number;
}

/** Columns by their index, in the order in which they came; looked at thousands of times. */
export class ColumnStore {
  readonly columns: Column[] = [];
  start: Int32Array;
  rows: Int32Array;
  amounts: Float64Array;
  costs: Float64Array;

  /** With room for so many columns of a few entries; it grows. */
  constructor(columns: number) {
    this.start = new Int32Array(columns + 1);
    this.rows = new Int32Array(4 * columns);
    this.amounts = new Float64Array(4 * columns);
    this.costs = new Float64Array(columns);
  }

  add(column: Column): number {
    const index = this.columns.length;
    const from = this.start[index] ?? 0;
    const to = from + column.rows.length;
    if (index >= this.costs.length) {
      this.start = wider(this.start, new Int32Array(2 * index + 3));
      this.costs = wider(this.costs, new Float64Array(2 * index + 2));
    }
    if (to > this.rows.length) {
      this.rows = wider(this.rows, new Int32Array(2 * to));
      this.amounts = wider(this.amounts, new Float64Array(2 * to));
    }
    this.rows.set(column.rows, from);
    this.amounts.set(column.amounts, from);
    this.costs[index] = column.cost;
    this.start[index + 1] = to;
    this.columns.push(column);
    return index;
  }

  /** Cost less what the column covers is worth. */
  reduced(column: number, duals: Float64Array): number {
    const { rows, amounts } = this;
    const end = this.start[column + 1] ?? 0;
    let reduced = this.costs[column] ?? 0;
    for (let k = this.start[column] ?? 0; k < end; k++) reduced -= (amounts[k] ?? 0) * (duals[rows[k] ?? 0] ?? 0);
    return reduced;
  }
}

export function wider<Numbers extends Int32Array | Float64Array | Uint8Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
