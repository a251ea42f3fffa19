// Small packing problems, made by hand or drawn, with an exact answer and a checker that share no code with the planner's.
import * as fc from 'fast-check';
import {
  allAllowed,
  isAllowed,
  NO_LIMIT,
  type Exclusion,
  type PackingProblem,
  type Pattern,
} from '../../../src/planner/bounds/packing-problem.ts';

export interface ShapeCase {
  readonly request: readonly number[];
  readonly count: number;
  readonly perNodeMax?: number;
  /** Offers that it may use; absent: all. */
  readonly offers?: readonly number[];
}

export interface OfferCase {
  readonly room: readonly number[];
  readonly price: number;
  readonly tier?: number;
  readonly flavor?: number;
  /** Limit group; absent: one of its own without a limit. */
  readonly group?: number;
}

export function problemOf(of: {
  readonly shapes: readonly ShapeCase[];
  readonly offers: readonly OfferCase[];
  readonly exclusions?: readonly Exclusion[];
  readonly groupNodesMax?: readonly number[];
}): PackingProblem {
  const { shapes, offers } = of;
  const allowed = allAllowed(shapes.length, offers.length);
  const words = (offers.length + 31) >>> 5;
  shapes.forEach((shape, at) => {
    if (shape.offers === undefined) return;
    allowed.fill(0, at * words, at * words + words);
    for (const offer of shape.offers) {
      const word = at * words + (offer >>> 5);
      allowed[word] = (allowed[word] ?? 0) | (1 << (offer & 31));
    }
  });
  return {
    axes: offers[0]?.room.length ?? 0,
    shapes: shapes.length,
    offers: offers.length,
    requests: Float64Array.from(shapes.flatMap(({ request }) => request)),
    counts: Int32Array.from(shapes, ({ count }) => count),
    perNodeMax: Int32Array.from(shapes, ({ perNodeMax }) => perNodeMax ?? NO_LIMIT),
    exclusions: of.exclusions ?? [],
    capacities: Float64Array.from(offers.flatMap(({ room }) => room)),
    prices: Float64Array.from(offers, ({ price }) => price),
    tiers: Int32Array.from(offers, ({ tier }) => tier ?? 0),
    flavors: Int32Array.from(offers, ({ flavor }, at) => flavor ?? at),
    limitGroups: Int32Array.from(offers, ({ group }) => group ?? 0),
    groupNodesMax: Int32Array.from(of.groupNodesMax ?? [NO_LIMIT]),
    allowed,
  };
}

/** Up to 4 shapes of up to 4 pods on up to 3 offers with 2 axes, some shapes barred, limited or exclusive. */
export const smallProblems: fc.Arbitrary<PackingProblem> = fc
  .record({
    shapes: fc.array(
      fc.record({
        request: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), fc.constant(1)),
        count: fc.integer({ min: 0, max: 4 }),
        perNodeMax: fc.constantFrom(1, 2, NO_LIMIT, NO_LIMIT),
        barred: fc.integer({ min: 0, max: 6 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    offers: fc.array(
      fc.record({
        room: fc.tuple(
          fc.integer({ min: 0, max: 20 }),
          fc.integer({ min: 0, max: 20 }),
          fc.integer({ min: 1, max: 6 }),
        ),
        price: fc.integer({ min: 1, max: 12 }).map((units) => units / 8),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    exclusive: fc.boolean(),
  })
  .map(({ shapes, offers, exclusive }) =>
    problemOf({
      shapes: shapes.map((shape) => ({
        ...shape,
        offers: offers.flatMap((_, offer) => (offer === shape.barred ? [] : [offer])),
      })),
      offers,
      exclusions: exclusive && shapes.length > 1 ? [{ shapes: [0, 1], perNodeMax: 1 }] : [],
    }),
  );

/** Least cost and, apart from it, least nodes that place every pod that fits anywhere, by trying everything. */
export function exactAnswer(problem: PackingProblem): { readonly cost: number; readonly nodes: number } {
  const counts = problem.counts.map((count, shape) => (fitsAnywhere(problem, shape) ? count : 0));
  const fillings = Array.from({ length: problem.offers }, (_, offer) => fillingsOf(problem, { offer, counts }));
  const known = new Map<string, { cost: number; nodes: number }>();
  const solve = (left: readonly number[]): { cost: number; nodes: number } => {
    if (left.every((pods) => pods === 0)) return { cost: 0, nodes: 0 };
    const key = left.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const best = { cost: Infinity, nodes: Infinity };
    const first = left.findIndex((pods) => pods > 0);
    fillings.forEach((list, offer) => {
      for (const filling of list) {
        // Some node must hold a pod of the first shape that is left.
        if ((filling[first] ?? 0) === 0 || filling.some((pods, shape) => pods > (left[shape] ?? 0))) continue;
        const rest = solve(left.map((pods, shape) => pods - (filling[shape] ?? 0)));
        best.cost = Math.min(best.cost, rest.cost + (problem.prices[offer] ?? 0));
        best.nodes = Math.min(best.nodes, rest.nodes + 1);
      }
    });
    known.set(key, best);
    return best;
  };
  return solve([...counts]);
}

/** What is wrong with a choice of patterns; undefined: nothing. */
export function faultOf(
  problem: PackingProblem,
  of: { readonly patterns: readonly Pattern[]; readonly left: Int32Array },
): string | undefined {
  const placed = new Int32Array(problem.shapes);
  const nodesOfGroup = new Map<number, number>();
  for (const { offer, shapes, amounts, nodes } of of.patterns) {
    const pods = Array.from({ length: problem.shapes }, () => 0);
    shapes.forEach((shape, k) => (pods[shape] = (pods[shape] ?? 0) + (amounts[k] ?? 0)));
    if (!holds(problem, { offer, pods })) return `offer ${offer} cannot hold ${pods.join()}`;
    pods.forEach((count, shape) => (placed[shape] = (placed[shape] ?? 0) + count * nodes));
    const group = problem.limitGroups[offer] ?? 0;
    nodesOfGroup.set(group, (nodesOfGroup.get(group) ?? 0) + nodes);
  }
  for (const [group, nodes] of nodesOfGroup) {
    if (nodes > (problem.groupNodesMax[group] ?? 0)) return `group ${group} gets ${nodes} nodes`;
  }
  for (let shape = 0; shape < problem.shapes; shape++) {
    if ((placed[shape] ?? 0) + (of.left[shape] ?? 0) !== problem.counts[shape])
      return `pods of shape ${shape} do not add up`;
  }
  return undefined;
}

export function fitsAnywhere(problem: PackingProblem, shape: number): boolean {
  const pods = Array.from({ length: problem.shapes }, (_, other) => (other === shape ? 1 : 0));
  return Array.from({ length: problem.offers }).some((_, offer) => holds(problem, { offer, pods }));
}

function fillingsOf(
  problem: PackingProblem,
  of: { readonly offer: number; readonly counts: Int32Array },
): readonly (readonly number[])[] {
  let list: number[][] = [[]];
  for (let shape = 0; shape < problem.shapes; shape++) {
    list = list.flatMap((pods) => Array.from({ length: (of.counts[shape] ?? 0) + 1 }, (_, count) => [...pods, count]));
  }
  return list.filter((pods) => holds(problem, { offer: of.offer, pods }));
}

function holds(problem: PackingProblem, of: { readonly offer: number; readonly pods: readonly number[] }): boolean {
  const { offer, pods } = of;
  for (let axis = 0; axis < problem.axes; axis++) {
    let asked = 0;
    pods.forEach((count, shape) => (asked += count * (problem.requests[shape * problem.axes + axis] ?? 0)));
    if (asked > (problem.capacities[offer * problem.axes + axis] ?? 0)) return false;
  }
  for (const { shapes, perNodeMax } of problem.exclusions) {
    if (shapes.reduce((sum, shape) => sum + (pods[shape] ?? 0), 0) > perNodeMax) return false;
  }
  return pods.every(
    (count, shape) => count === 0 || (isAllowed(problem, shape, offer) && count <= (problem.perNodeMax[shape] ?? 0)),
  );
}
