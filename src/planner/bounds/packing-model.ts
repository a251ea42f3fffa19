// The problem made small for the solvers: shapes that nothing can tell apart become one row, offers that another offer
// beats in every way are dropped, axes that nobody asks for go. What holds for the model holds for the problem: merging
// keeps every packing, and a beaten offer is never needed for the least cost.
import { isAllowed, NO_LIMIT, type PackingProblem } from './packing-problem.ts';
import { kindsOfShapes, rowsOf } from './rows-of-shapes.ts';

export interface PackingModel {
  readonly axes: number;
  readonly rows: number;
  readonly offers: number;
  /** rows × axes. */
  readonly requests: Float64Array;
  readonly counts: Int32Array;
  readonly perNodeMax: Int32Array;
  /** Exclusion that the row is part of; -1: none. */
  readonly rowExclusion: Int32Array;
  readonly exclusionMax: Int32Array;
  /** offers × axes. */
  readonly capacities: Float64Array;
  readonly prices: Float64Array;
  /** Offer of the model → offer of the problem. */
  readonly offerOf: Int32Array;
  /** Row → shapes of the problem. */
  readonly members: readonly Int32Array[];
  /** Per offer and row: most pods of that row alone on one node, 0 = may not run there. */
  readonly most: readonly Int32Array[];
  /** Shapes that fit on no offer. */
  readonly hopeless: Int32Array;
}

export interface ModelOptions {
  /** Default: all pods. */
  readonly counts?: Int32Array;
  /** Default: all of them. */
  readonly offers?: readonly number[];
  /** Limits are in the way: an offer is only dropped for a better one that has the same limit. */
  readonly limited?: boolean;
}

/** The model of `problem` with so many pods on these offers. */
export function modelOf(problem: PackingProblem, options: ModelOptions = {}): PackingModel {
  const counts = options.counts ?? problem.counts;
  const axes = usedAxes(problem, counts);
  const offered = options.offers ?? Array.from({ length: problem.offers }, (_, offer) => offer);
  const kinds = kindsOfShapes(problem, counts);
  const kept = withoutBeaten(problem, { offered, axes, kinds, limited: options.limited ?? false });
  const exclusionOf = exclusionsOfShapes(problem);
  const { members, hopeless } = rowsOf(problem, { counts, axes, kept, kinds, exclusionOf });
  const rows = members.length;
  const first = Int32Array.from(members.map((shapes) => shapes[0] ?? 0));
  const capacities = pick(problem.capacities, { width: problem.axes, columns: axes, rows: kept });
  const requests = pick(problem.requests, { width: problem.axes, columns: axes, rows: first });
  const rowCounts = podsOfRows(members, counts);
  const perNodeMax = first.map((shape) => problem.perNodeMax[shape] ?? NO_LIMIT);
  const rowExclusion = first.map((shape) => exclusionOf[shape] ?? -1);
  const exclusionMax = new Int32Array(problem.exclusions.map(({ perNodeMax: max }) => max));
  const limits = rowCounts.map((pods, row) => {
    const exclusion = rowExclusion[row] ?? -1;
    const shared = exclusion < 0 ? NO_LIMIT : (exclusionMax[exclusion] ?? NO_LIMIT);
    return Math.min(pods, perNodeMax[row] ?? 0, shared);
  });
  const most = kept.map((offer, k) => {
    const column = mostOf({ requests, limits, room: capacities.subarray(k * axes.length, (k + 1) * axes.length) });
    for (let row = 0; row < rows; row++) if (!isAllowed(problem, first[row] ?? 0, offer)) column[row] = 0;
    return column;
  });
  return {
    axes: axes.length,
    rows,
    offers: kept.length,
    requests,
    counts: rowCounts,
    perNodeMax,
    rowExclusion,
    exclusionMax,
    capacities,
    prices: new Float64Array(kept.map((offer) => problem.prices[offer] ?? 0)),
    offerOf: Int32Array.from(kept),
    members,
    most,
    hopeless,
  };
}

function podsOfRows(members: readonly Int32Array[], counts: Int32Array): Int32Array {
  const pods = new Int32Array(members.length);
  for (let row = 0; row < pods.length; row++) {
    const shapes = members[row] ?? new Int32Array();
    let sum = 0;
    for (let k = 0; k < shapes.length; k++) sum += counts[shapes[k] ?? 0] ?? 0;
    pods[row] = sum;
  }
  return pods;
}

/** Per row, the most pods of it alone in `room`, at most its limit. */
function mostOf(of: {
  readonly requests: Float64Array;
  readonly limits: Int32Array;
  readonly room: Float64Array;
}): Int32Array {
  const { requests, limits, room } = of;
  const axes = room.length;
  const most = new Int32Array(limits.length);
  for (let row = 0, at = 0; row < most.length; row++) {
    let fit = limits[row] ?? 0;
    for (let axis = 0; axis < axes; axis++, at++) {
      const request = requests[at] ?? 0;
      // Whole pods that are below the limit are few enough to be divided out.
      if (request * fit > (room[axis] ?? 0)) fit = Math.floor((room[axis] ?? 0) / request);
    }
    most[row] = fit;
  }
  return most;
}

/** The part of `model` that is still to be covered: rows with something left, and fewer of each. */
export function withCounts(
  model: PackingModel,
  left: Int32Array,
): { readonly model: PackingModel; readonly rowOf: Int32Array } {
  const rowOf = rowsLeft(left);
  const { axes } = model;
  const requests = new Float64Array(rowOf.length * axes);
  rowOf.forEach((row, at) => requests.set(model.requests.subarray(row * axes, row * axes + axes), at * axes));
  const counts = rowOf.map((row) => left[row] ?? 0);
  return {
    rowOf,
    model: {
      ...model,
      rows: rowOf.length,
      requests,
      counts,
      perNodeMax: rowOf.map((row) => model.perNodeMax[row] ?? 0),
      rowExclusion: rowOf.map((row) => model.rowExclusion[row] ?? -1),
      members: Array.from(rowOf, (row) => model.members[row] ?? new Int32Array()),
      most: model.most.map((column) => rowOf.map((row, at) => Math.min(column[row] ?? 0, counts[at] ?? 0))),
    },
  };
}

function rowsLeft(left: Int32Array): Int32Array {
  const rows = new Int32Array(left.length);
  let count = 0;
  for (let row = 0; row < left.length; row++) if ((left[row] ?? 0) > 0) rows[count++] = row;
  return rows.slice(0, count);
}

/** Axes that some pod asks for. */
function usedAxes(problem: PackingProblem, counts: Int32Array): readonly number[] {
  const axes: number[] = [];
  for (let axis = 0; axis < problem.axes; axis++) {
    for (let shape = 0; shape < problem.shapes; shape++) {
      if ((problem.requests[shape * problem.axes + axis] ?? 0) === 0 || (counts[shape] ?? 0) === 0) continue;
      axes.push(axis);
      break;
    }
  }
  return axes;
}

/** First exclusion that each shape is part of, -1 if none. Further ones are left to whoever carries the plan out. */
function exclusionsOfShapes(problem: PackingProblem): Int32Array {
  const of = new Int32Array(problem.shapes).fill(-1);
  problem.exclusions.forEach(({ shapes }, index) => {
    for (const shape of shapes) if (of[shape] === -1) of[shape] = index;
  });
  return of;
}

/** Offers that no other one beats: at most its price, at least its room and its shapes. Cheapest first. */
function withoutBeaten(
  problem: PackingProblem,
  from: {
    readonly offered: readonly number[];
    readonly axes: readonly number[];
    readonly kinds: Int32Array;
    readonly limited: boolean;
  },
): readonly number[] {
  const { offered, axes, limited } = from;
  const limit = (offer: number): number => (limited ? (problem.limitGroups[offer] ?? 0) : 0);
  const price = (offer: number): number => problem.prices[offer] ?? 0;
  const room = (offer: number, axis: number): number => problem.capacities[offer * problem.axes + axis] ?? 0;
  const biggest = (offer: number): number => axes.reduce((sum, axis) => sum + Math.log1p(room(offer, axis)), 0);
  const order = [...offered].sort((a, b) => price(a) - price(b) || biggest(b) - biggest(a) || a - b);
  const shapesOf = kindSets(problem, from);
  const kept: number[] = [];
  for (const offer of order) {
    const beaten = kept.some(
      (other) =>
        limit(other) === limit(offer) &&
        axes.every((axis) => room(other, axis) >= room(offer, axis)) &&
        includes(shapesOf.get(other), shapesOf.get(offer)),
    );
    if (!beaten) kept.push(offer);
  }
  return kept;
}

/** Per offer the kinds of shapes that it allows, as text of bits. */
function kindSets(
  problem: PackingProblem,
  { offered, kinds }: { readonly offered: readonly number[]; readonly kinds: Int32Array },
): ReadonlyMap<number, string> {
  const shapeOfKind = new Map<number, number>();
  kinds.forEach((kind, shape) => shapeOfKind.set(kind, shape));
  shapeOfKind.delete(-1);
  const shapes = [...shapeOfKind.values()];
  return new Map(
    offered.map((offer) => [offer, shapes.map((shape) => (isAllowed(problem, shape, offer) ? '1' : '0')).join('')]),
  );
}

function includes(all: string | undefined, part: string | undefined): boolean {
  if (all === undefined || part === undefined) return false;
  if (all === part) return true;
  for (let i = 0; i < part.length; i++) if (part[i] === '1' && all[i] !== '1') return false;
  return true;
}

function pick(
  from: Float64Array,
  by: { readonly width: number; readonly columns: readonly number[]; readonly rows: ArrayLike<number> },
): Float64Array {
  const { rows, columns } = by;
  const out = new Float64Array(rows.length * columns.length);
  let at = 0;
  for (let row = 0; row < rows.length; row++) {
    const start = (rows[row] ?? 0) * by.width;
    for (let column = 0; column < columns.length; column++) out[at++] = from[start + (columns[column] ?? 0)] ?? 0;
  }
  return out;
}
