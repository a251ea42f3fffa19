// The problem made small for the solvers: shapes that nothing can tell apart become one row, offers that another offer
// beats in every way are dropped, axes that nobody asks for go. What holds for the model holds for the problem: merging
// keeps every packing, and a beaten offer is never needed for the least cost.
import { isAllowed, NO_LIMIT, type PackingProblem } from './packing-problem.ts';

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
  const { members, hopeless } = rowsOf(problem, { counts, axes, kept, kinds });
  const rows = members.length;
  const first = members.map((shapes) => shapes[0] ?? 0);
  const capacities = pick(problem.capacities, { width: problem.axes, columns: axes, rows: kept });
  const requests = pick(problem.requests, { width: problem.axes, columns: axes, rows: first });
  const rowCounts = Int32Array.from(members, (shapes) => shapes.reduce((sum, shape) => sum + (counts[shape] ?? 0), 0));
  const perNodeMax = Int32Array.from(first, (shape) => problem.perNodeMax[shape] ?? NO_LIMIT);
  const exclusionOf = exclusionsOfShapes(problem);
  const rowExclusion = Int32Array.from(first, (shape) => exclusionOf[shape] ?? -1);
  const most = kept.map((offer, k) => {
    const column = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      if (!isAllowed(problem, first[row] ?? 0, offer)) continue;
      let fit = Math.min(rowCounts[row] ?? 0, perNodeMax[row] ?? 0);
      fit = Math.min(fit, problem.exclusions[rowExclusion[row] ?? -1]?.perNodeMax ?? NO_LIMIT);
      for (let a = 0; a < axes.length; a++) {
        const request = requests[row * axes.length + a] ?? 0;
        if (request > 0) fit = Math.min(fit, Math.floor((capacities[k * axes.length + a] ?? 0) / request));
      }
      column[row] = fit;
    }
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
    exclusionMax: Int32Array.from(problem.exclusions, ({ perNodeMax: max }) => max),
    capacities,
    prices: Float64Array.from(kept, (offer) => problem.prices[offer] ?? 0),
    offerOf: Int32Array.from(kept),
    members,
    most,
    hopeless,
  };
}

/** The part of `model` that is still to be covered: rows with something left, and fewer of each. */
export function withCounts(
  model: PackingModel,
  left: Int32Array,
): { readonly model: PackingModel; readonly rowOf: Int32Array } {
  const rowOf = Int32Array.from([...left.keys()].filter((row) => (left[row] ?? 0) > 0));
  const { axes } = model;
  const requests = new Float64Array(rowOf.length * axes);
  rowOf.forEach((row, at) => requests.set(model.requests.subarray(row * axes, row * axes + axes), at * axes));
  const counts = Int32Array.from(rowOf, (row) => left[row] ?? 0);
  return {
    rowOf,
    model: {
      ...model,
      rows: rowOf.length,
      requests,
      counts,
      perNodeMax: Int32Array.from(rowOf, (row) => model.perNodeMax[row] ?? 0),
      rowExclusion: Int32Array.from(rowOf, (row) => model.rowExclusion[row] ?? -1),
      members: Array.from(rowOf, (row) => model.members[row] ?? new Int32Array()),
      most: model.most.map((column) =>
        Int32Array.from(rowOf, (row, at) => Math.min(column[row] ?? 0, counts[at] ?? 0)),
      ),
    },
  };
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

/** Number per shape: equal = the same offers are allowed; -1: no pods of it. */
function kindsOfShapes(problem: PackingProblem, counts: Int32Array): Int32Array {
  const words = (problem.offers + 31) >>> 5;
  const known = new Map<string, number>();
  const kinds = new Int32Array(problem.shapes).fill(-1);
  for (let shape = 0; shape < problem.shapes; shape++) {
    if ((counts[shape] ?? 0) === 0) continue;
    const key = problem.allowed.subarray(shape * words, shape * words + words).join(' ');
    const kind = known.get(key) ?? known.size;
    known.set(key, kind);
    kinds[shape] = kind;
  }
  return kinds;
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

/** Shapes with equal requests, offers and exclusion as one row; those with a limit of their own stay apart. */
function rowsOf(
  problem: PackingProblem,
  from: {
    readonly counts: Int32Array;
    readonly axes: readonly number[];
    readonly kept: readonly number[];
    readonly kinds: Int32Array;
  },
): { readonly members: readonly Int32Array[]; readonly hopeless: Int32Array } {
  const exclusionOf = exclusionsOfShapes(problem);
  const rows = new Map<string, number[]>();
  for (let shape = 0; shape < problem.shapes; shape++) {
    if ((from.counts[shape] ?? 0) <= 0) continue;
    const alone = (problem.perNodeMax[shape] ?? NO_LIMIT) < NO_LIMIT ? `=${shape}` : '';
    let key = `${from.kinds[shape]} ${exclusionOf[shape]}${alone}`;
    for (const axis of from.axes) key += ` ${problem.requests[shape * problem.axes + axis]}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, [shape]);
    else row.push(shape);
  }
  const members: Int32Array[] = [];
  const hopeless: number[] = [];
  for (const shapes of rows.values()) {
    const [first = 0] = shapes;
    if (from.kept.some((offer) => fits(problem, first, offer))) members.push(Int32Array.from(shapes));
    else hopeless.push(...shapes);
  }
  return { members, hopeless: Int32Array.from(hopeless) };
}

function fits(problem: PackingProblem, shape: number, offer: number): boolean {
  if (!isAllowed(problem, shape, offer) || (problem.perNodeMax[shape] ?? 0) < 1) return false;
  for (let axis = 0; axis < problem.axes; axis++) {
    const request = problem.requests[shape * problem.axes + axis] ?? 0;
    if (request > (problem.capacities[offer * problem.axes + axis] ?? 0)) return false;
  }
  return true;
}

function pick(
  from: Float64Array,
  by: { readonly width: number; readonly columns: readonly number[]; readonly rows: readonly number[] },
): Float64Array {
  const out = new Float64Array(by.rows.length * by.columns.length);
  let at = 0;
  for (const row of by.rows) for (const column of by.columns) out[at++] = from[row * by.width + column] ?? 0;
  return out;
}
