// Which shapes of a problem are one row of its model: those that nothing can tell apart. By a table of hashes of the numbers
// themselves: text of thousands of shapes would cost more than packing them.
import { isAllowed, NO_LIMIT, type PackingProblem } from './packing-problem.ts';

export interface RowsFrom {
  /** Pods per shape. */
  readonly counts: Int32Array;
  /** Those that some pod asks for. */
  readonly axes: readonly number[];
  /** Offers that come into question. */
  readonly kept: readonly number[];
  /** Per shape, equal where the same offers are allowed. */
  readonly kinds: Int32Array;
  /** Per shape, -1: none. */
  readonly exclusionOf: Int32Array;
}

/** Number per shape: equal = the same offers are allowed; -1: no pods of it. */
export function kindsOfShapes(problem: PackingProblem, counts: Int32Array): Int32Array {
  const words = (problem.offers + 31) >>> 5;
  const known = new Map<string, number>();
  const kinds = new Int32Array(problem.shapes).fill(-1);
  let last = -1;
  for (let shape = 0; shape < problem.shapes; shape++) {
    if ((counts[shape] ?? 0) === 0) continue;
    if (last >= 0 && sameWords(problem.allowed, { one: last * words, other: shape * words, words })) {
      kinds[shape] = kinds[last] ?? 0;
      continue;
    }
    const key = problem.allowed.subarray(shape * words, shape * words + words).join(' ');
    const kind = known.get(key) ?? known.size;
    known.set(key, kind);
    kinds[shape] = kind;
    last = shape;
  }
  return kinds;
}

function sameWords(
  bits: Uint32Array,
  at: { readonly one: number; readonly other: number; readonly words: number },
): boolean {
  for (let word = 0; word < at.words; word++) if (bits[at.one + word] !== bits[at.other + word]) return false;
  return true;
}

/** Shapes with equal requests, offers and exclusion as one row, in the order of their first shapes; those with a limit of their own stay
 *  apart. `hopeless`: shapes that fit on no offer. */
export function rowsOf(
  problem: PackingProblem,
  from: RowsFrom,
): { readonly members: readonly Int32Array[]; readonly hopeless: Int32Array } {
  const { rowOf, sizes } = numberRows(problem, from);
  const rows = sizes.map((size) => new Int32Array(size));
  sizes.fill(0);
  for (let shape = 0; shape < rowOf.length; shape++) {
    const row = rowOf[shape] ?? -1;
    if (row < 0) continue;
    const shapes = rows[row];
    if (shapes !== undefined) shapes[sizes[row] ?? 0] = shape;
    sizes[row] = (sizes[row] ?? 0) + 1;
  }
  const members: Int32Array[] = [];
  const hopeless: number[] = [];
  for (const shapes of rows) {
    const first = shapes[0] ?? 0;
    if (from.kept.some((offer) => fits(problem, first, offer))) members.push(shapes);
    else hopeless.push(...shapes);
  }
  return { members, hopeless: Int32Array.from(hopeless) };
}

/** Per shape the number of its row, in the order of their first shapes, -1: no pods of it; and the shapes of each row. */
function numberRows(problem: PackingProblem, from: RowsFrom): { readonly rowOf: Int32Array; readonly sizes: number[] } {
  const rowOf = new Int32Array(problem.shapes).fill(-1);
  const sizes: number[] = [];
  const slots = 2 ** (32 - Math.clz32(2 * problem.shapes));
  /** A row's first shape, plus one; 0: free. */
  const table = new Int32Array(slots);
  for (let shape = 0; shape < problem.shapes; shape++) {
    if ((from.counts[shape] ?? 0) <= 0) continue;
    if ((problem.perNodeMax[shape] ?? NO_LIMIT) < NO_LIMIT) {
      rowOf[shape] = sizes.push(1) - 1;
      continue;
    }
    let slot = hashOf(problem, from, shape) & (slots - 1);
    while (table[slot] !== 0 && !isSameRow(problem, from, { one: (table[slot] ?? 0) - 1, other: shape })) {
      slot = (slot + 1) & (slots - 1);
    }
    if (table[slot] === 0) {
      table[slot] = shape + 1;
      rowOf[shape] = sizes.push(1) - 1;
      continue;
    }
    const row = rowOf[(table[slot] ?? 0) - 1] ?? 0;
    rowOf[shape] = row;
    sizes[row] = (sizes[row] ?? 0) + 1;
  }
  return { rowOf, sizes };
}

function hashOf({ axes, requests }: PackingProblem, from: RowsFrom, shape: number): number {
  // The odd number next to 2^32 over the golden ratio scatters what comes in regular steps, as requests do.
  let hash = Math.imul((from.kinds[shape] ?? 0) ^ ((from.exclusionOf[shape] ?? 0) << 8), 0x9e3779b1);
  for (const axis of from.axes) {
    const request = requests[shape * axes + axis] ?? 0;
    hash = Math.imul((hash ^ (hash >>> 15)) + (request | 0), 0x9e3779b1);
    hash = Math.imul((hash ^ (hash >>> 13)) + ((request / 2 ** 32) | 0), 0x9e3779b1);
  }
  return hash ^ (hash >>> 16);
}

function isSameRow(
  { axes, requests }: PackingProblem,
  from: RowsFrom,
  { one, other }: { readonly one: number; readonly other: number },
): boolean {
  if (from.kinds[one] !== from.kinds[other] || from.exclusionOf[one] !== from.exclusionOf[other]) return false;
  for (const axis of from.axes) if (requests[one * axes + axis] !== requests[other * axes + axis]) return false;
  return true;
}

function fits(problem: PackingProblem, shape: number, offer: number): boolean {
  if (!isAllowed(problem, shape, offer) || (problem.perNodeMax[shape] ?? 0) < 1) return false;
  for (let axis = 0; axis < problem.axes; axis++) {
    const request = problem.requests[shape * problem.axes + axis] ?? 0;
    if (request > (problem.capacities[offer * problem.axes + axis] ?? 0)) return false;
  }
  return true;
}
