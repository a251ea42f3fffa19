// In which order the columns of a basis take their places in a product of factors: those that go without touching each other first
// and last, and only the others in between have to be worked out.

/** Entries of a column of the basis. */
export interface BasisColumn {
  readonly rows: ArrayLike<number>;
  readonly amounts: ArrayLike<number>;
}

/** Which columns take which places, in the order in which that makes the fewest new entries. */
export interface PivotOrder {
  /** Columns alone in a row of those that are left, with that row. */
  readonly first: readonly (readonly [column: number, row: number])[];
  /** What is neither. */
  readonly middle: readonly number[];
  /** Columns with one row of those that are left. */
  readonly last: readonly (readonly [column: number, row: number])[];
  /** Columns per row. */
  readonly inRow: Int32Array;
}

/** Rows of which one column alone is left go first with it, columns of which one row is left go last: neither makes a new entry. */
export function pivotOrder(columns: readonly BasisColumn[], rowCount: number): PivotOrder {
  const left = new Left(columns, rowCount);
  const first: (readonly [number, number])[] = [];
  const last: (readonly [number, number])[] = [];
  for (;;) {
    const alone = left.nextRow();
    if (alone !== undefined) {
      first.push(alone);
      continue;
    }
    const short = left.nextColumn();
    if (short === undefined) break;
    last.push(short);
  }
  return { first, middle: left.shortestFirst(), last: last.reverse(), inRow: left.inRow };
}

/** Columns and rows that have no place yet. */
class Left {
  readonly #columns: readonly BasisColumn[];
  readonly inRow: Int32Array;
  /** Columns of each row, one row after another. */
  readonly #start: Int32Array;
  readonly #members: Int32Array;
  readonly #columnsLeft: Int32Array;
  readonly #rowsLeft: Int32Array;
  readonly #columnOpen: Uint8Array;
  readonly #rowOpen: Uint8Array;
  readonly #singleRows: number[];
  readonly #singleColumns: number[];

  constructor(columns: readonly BasisColumn[], rowCount: number) {
    this.#columns = columns;
    this.inRow = new Int32Array(rowCount);
    for (const { rows } of columns)
      for (let k = 0; k < rows.length; k++) this.inRow[rows[k] ?? 0] = (this.inRow[rows[k] ?? 0] ?? 0) + 1;
    this.#start = new Int32Array(rowCount + 1);
    for (let row = 0; row < rowCount; row++) this.#start[row + 1] = (this.#start[row] ?? 0) + (this.inRow[row] ?? 0);
    this.#members = new Int32Array(this.#start[rowCount] ?? 0);
    const next = this.#start.slice();
    columns.forEach(({ rows }, column) => {
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k] ?? 0;
        this.#members[next[row] ?? 0] = column;
        next[row] = (next[row] ?? 0) + 1;
      }
    });
    this.#columnsLeft = this.inRow.slice();
    this.#rowsLeft = Int32Array.from(columns, ({ rows }) => rows.length);
    this.#columnOpen = new Uint8Array(columns.length).fill(1);
    this.#rowOpen = new Uint8Array(rowCount).fill(1);
    this.#singleRows = [...this.#columnsLeft.keys()].filter((row) => this.#columnsLeft[row] === 1);
    this.#singleColumns = [...this.#rowsLeft.keys()].filter((column) => this.#rowsLeft[column] === 1);
  }

  /** A row with its only column; both are taken. */
  nextRow(): readonly [column: number, row: number] | undefined {
    for (let row = this.#singleRows.pop(); row !== undefined; row = this.#singleRows.pop()) {
      if (this.#rowOpen[row] === 0) continue;
      for (let at = this.#start[row] ?? 0; at < (this.#start[row + 1] ?? 0); at++) {
        const column = this.#members[at] ?? 0;
        if (this.#columnOpen[column] === 1) return this.#take(column, row);
      }
    }
    return undefined;
  }

  /** A column with its only row; both are taken. */
  nextColumn(): readonly [column: number, row: number] | undefined {
    for (let column = this.#singleColumns.pop(); column !== undefined; column = this.#singleColumns.pop()) {
      if (this.#columnOpen[column] === 0) continue;
      const { rows } = this.#columns[column] ?? { rows: [] };
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k] ?? 0;
        if (this.#rowOpen[row] === 1) return this.#take(column, row);
      }
    }
    return undefined;
  }

  shortestFirst(): readonly number[] {
    const open = [...this.#columnOpen.keys()].filter((column) => this.#columnOpen[column] === 1);
    return open.sort((a, b) => (this.#rowsLeft[a] ?? 0) - (this.#rowsLeft[b] ?? 0) || a - b);
  }

  #take(column: number, row: number): readonly [column: number, row: number] {
    this.#columnOpen[column] = 0;
    this.#rowOpen[row] = 0;
    const { rows } = this.#columns[column] ?? { rows: [] };
    for (let k = 0; k < rows.length; k++) {
      const other = rows[k] ?? 0;
      const left = (this.#columnsLeft[other] ?? 0) - 1;
      this.#columnsLeft[other] = left;
      if (left === 1 && this.#rowOpen[other] === 1) this.#singleRows.push(other);
    }
    for (let at = this.#start[row] ?? 0; at < (this.#start[row + 1] ?? 0); at++) {
      const other = this.#members[at] ?? 0;
      const left = (this.#rowsLeft[other] ?? 0) - 1;
      this.#rowsLeft[other] = left;
      if (left === 1 && this.#columnOpen[other] === 1) this.#singleColumns.push(other);
    }
    return [column, row];
  }
}
