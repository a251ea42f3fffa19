// The row that a node takes next, found through boxes that shrink as rows run out, against a look at every row; and shapes
// that become one row, against text of all that tells them apart.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../../src/planner/bounds/packing-model.ts';
import { type RoomLeft, RowTree } from '../../../src/planner/patterns/row-tree.ts';
import { problemOf } from './packing-cases.ts';

const ROOM = [64, 64, 8];

/** Few sizes, so that rows are equal along an axis and shapes are equal altogether. */
const request = fc.tuple(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(0, 1, 2, 5, 2 ** 33, 2 ** 33 + 1),
  fc.constant(1),
);

function problem(requests: readonly (readonly number[])[]) {
  return problemOf({
    shapes: requests.map((of, at) => ({
      request: of,
      count: 1 + (at % 3),
      ...(at % 7 === 0 ? { perNodeMax: 2 } : {}),
    })),
    offers: [{ room: [64, 2 ** 40, 8], price: 1 }],
  });
}

describe('RowTree', () => {
  it('finds the row of most score that fits, whatever rows are closed', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 90, size: 'max' }),
        fc.array(fc.tuple(fc.nat(89), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 })), {
          maxLength: 60,
        }),
        fc.constantFrom(2, 5, 1000),
        (requests, turns, skip) => {
          const model = modelOf(problem(requests));
          const takes = Int32Array.from({ length: model.rows }, (_, row) => row).filter((row) => row % skip > 0);
          const tree = new RowTree(model, takes);
          const left = model.counts.slice();
          for (const [pick, room, weight] of turns) {
            const row = pick % model.rows;
            if ((left[row] ?? 0) > 0) {
              left[row] = 0;
              tree.close(row);
            }
            const at: RoomLeft = {
              room: Float64Array.from(ROOM, (most, axis) => (axis === 0 ? room : most * 2 ** 30)).subarray(
                0,
                model.axes,
              ),
              exclusionRoom: new Int32Array(),
              left,
              taken: new Int32Array(model.rows),
              most: model.most[0] ?? new Int32Array(),
              weights: Float64Array.of(weight, 1e-9, 1).subarray(0, model.axes),
            };
            expect(tree.find(at)).toBe(bestRow(model, at, takes));
          }
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});

function bestRow(model: ReturnType<typeof modelOf>, at: RoomLeft, takes: Int32Array): number {
  let best = -1;
  let most = -1;
  for (const row of takes) {
    const requests = [...model.requests.subarray(row * model.axes, (row + 1) * model.axes)];
    if ((at.left[row] ?? 0) === 0 || (at.most[row] ?? 0) === 0) continue;
    if (requests.some((amount, axis) => amount > (at.room[axis] ?? 0))) continue;
    const score = requests.reduce((sum, amount, axis) => sum + amount * (at.weights[axis] ?? 0), 0);
    if (score <= most) continue;
    most = score;
    best = row;
  }
  return best;
}

describe('rows of shapes', () => {
  it('are those that nothing tells apart, in the order of their first shapes', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 60, size: 'max' }), (requests) => {
        const rows = new Map<string, number[]>();
        requests.forEach((of, shape) => {
          const key = shape % 7 === 0 ? `alone ${shape}` : of.join(' ');
          rows.set(key, [...(rows.get(key) ?? []), shape]);
        });
        expect(modelOf(problem(requests)).members.map((shapes) => [...shapes])).toEqual([...rows.values()]);
      }),
      { numRuns: 100, seed: 2 },
    );
  });
});
