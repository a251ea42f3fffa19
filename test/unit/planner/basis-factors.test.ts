// A factored basis against the matrix itself: what goes forward and back must be what the matrix says, after columns have been
// exchanged too.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BasisFactors } from '../../../src/planner/bounds/basis-factors.ts';
import type { BasisColumn } from '../../../src/planner/bounds/pivot-order.ts';

/** A few entries per column: some columns with one alone, some rows with one alone, and a rest that hangs together. */
const bases = fc
  .integer({ min: 1, max: 12 })
  .chain((rows) => fc.array(columnOf(rows), { minLength: rows, maxLength: rows }));
const withColumn = bases.chain((columns) => fc.tuple(fc.constant(columns), columnOf(columns.length)));

function columnOf(rows: number) {
  return fc
    .uniqueArray(fc.nat({ max: rows - 1 }), { minLength: 1, maxLength: 4 })
    .chain((at) =>
      fc
        .array(fc.integer({ min: 1, max: 5 }), { minLength: at.length, maxLength: at.length })
        .map((amounts): BasisColumn => ({ rows: at, amounts })),
    );
}

/** Σ of so much of each column, per row. */
function product(columns: readonly BasisColumn[], amounts: Float64Array): Float64Array {
  const sum = new Float64Array(columns.length);
  columns.forEach(({ rows, amounts: entries }, column) => {
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k] ?? 0;
      sum[row] = (sum[row] ?? 0) + (entries[k] ?? 0) * (amounts[column] ?? 0);
    }
  });
  return sum;
}

function expectNear(found: Float64Array, wanted: Float64Array): void {
  found.forEach((value, at) => expect(value).toBeCloseTo(wanted[at] ?? 0, 6));
}

/** Columns in the order of their places. */
function placed(columns: readonly BasisColumn[], placeOf: Int32Array): BasisColumn[] {
  const order = columns.slice();
  placeOf.forEach((place, column) => (order[place] = columns[column] ?? { rows: [], amounts: [] }));
  return order;
}

function expectIsInverse(factors: BasisFactors, order: readonly BasisColumn[]): void {
  const demand = Float64Array.from(order, (_, row) => 3 + (row % 4));
  const amounts = demand.slice();
  factors.forward(amounts);
  expectNear(product(order, amounts), demand);
  const worth = Float64Array.from(order, (_, place) => 1 + (place % 3));
  factors.backward(worth);
  // What each column is worth is its cost.
  order.forEach(({ rows, amounts: entries }, place) => {
    let sum = 0;
    for (let k = 0; k < rows.length; k++) sum += (entries[k] ?? 0) * (worth[rows[k] ?? 0] ?? 0);
    expect(sum).toBeCloseTo(1 + (place % 3), 6);
  });
}

describe('factors of a basis', () => {
  it('undo and turn over the columns that they were made of, also after one has been exchanged', () => {
    let independent = 0;
    fc.assert(
      fc.property(withColumn, ([columns, other]) => {
        const factors = new BasisFactors(columns.length);
        const placeOf = factors.renew(columns);
        if (placeOf === undefined) return;
        independent += 1;
        const order = placed(columns, placeOf);
        expectIsInverse(factors, order);
        const direction = new Float64Array(columns.length);
        for (let k = 0; k < other.rows.length; k++) direction[other.rows[k] ?? 0] = other.amounts[k] ?? 0;
        factors.forward(direction);
        const place = direction.findIndex((entry) => Math.abs(entry) > 0.05);
        if (place < 0) return;
        factors.replace(place, direction);
        order[place] = other;
        expectIsInverse(factors, order);
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(independent).toBeGreaterThan(50);
  });

  it('are left as they are by columns that depend on each other', () => {
    const factors = new BasisFactors(2);
    const columns = [
      { rows: [0], amounts: [2] },
      { rows: [0, 1], amounts: [1, 1] },
    ];
    const placeOf = factors.renew(columns);
    if (placeOf === undefined) throw new Error('these are independent');
    const twice = { rows: [0, 1], amounts: [2, 2] };
    expect(factors.renew([{ rows: [0, 1], amounts: [1, 1] }, twice])).toBeUndefined();
    expectIsInverse(factors, placed(columns, placeOf));
  });
});
