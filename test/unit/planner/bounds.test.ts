import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisBound, cliqueBound } from '../../../src/planner/bounds/axis-bound.ts';
import { boundOf } from '../../../src/planner/bounds/bound-of.ts';
import { generateColumns } from '../../../src/planner/bounds/column-generation.ts';
import { CoveringSimplex } from '../../../src/planner/bounds/covering-simplex.ts';
import { bestBound } from '../../../src/planner/bounds/lower-bound.ts';
import { feasibleWorth } from '../../../src/planner/bounds/feasible-worth.ts';
import { fillInSequence } from '../../../src/planner/bounds/fill-in-sequence.ts';
import { modelOf } from '../../../src/planner/bounds/packing-model.ts';
import type { PackingProblem } from '../../../src/planner/bounds/packing-problem.ts';
import { NodePricer } from '../../../src/planner/bounds/price-node.ts';
import { proveNode } from '../../../src/planner/bounds/prove-node.ts';
import { SearchBudget } from '../../../src/planner/bounds/search-budget.ts';
import { typesLp } from '../../../src/planner/bounds/types-lp.ts';
import { exactAnswer, problemOf, smallProblems } from './packing-cases.ts';

const PLENTY = 1e9;

function boundsOf(problem: PackingProblem, { rounds, steps }: { rounds: number; steps: number }) {
  const model = modelOf(problem);
  const generated = generateColumns(model, {
    budget: new SearchBudget(steps),
    roundsMax: rounds,
    searchSteps: 10_000,
    states: 100,
    boundCost: 0,
    known: [],
    within: 0,
    lastLook: 'full',
  });
  const typed = typesLp(model, new SearchBudget(steps));
  const near = generateColumns(model, {
    budget: new SearchBudget(steps),
    roundsMax: rounds,
    searchSteps: 100,
    states: 4,
    boundCost: typed.bound.costPerHour,
    worth: typed.worth,
    known: [],
    within: 0,
    lastLook: 'short',
  });
  return [
    axisBound(model),
    cliqueBound(model),
    typed.bound,
    boundOf(model, { kind: 'configurationLp', cost: generated.boundCost }),
    boundOf(model, { kind: 'configurationLp', cost: near.boundCost }),
  ];
}

describe('lower bounds', () => {
  it('are never above the exact least cost and least number of nodes, wherever the search stops', () => {
    fc.assert(
      fc.property(smallProblems, fc.constantFrom(1, 2, 200), fc.constantFrom(1, PLENTY), (problem, rounds, steps) => {
        const exact = exactAnswer(problem);
        for (const bound of boundsOf(problem, { rounds, steps })) {
          expect(bound.costPerHour, bound.kind).toBeLessThanOrEqual(exact.cost + 1e-9);
          expect(bound.nodes, `nodes of ${bound.kind}`).toBeLessThanOrEqual(exact.nodes);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('rise from kind to kind: no kind is above the next dearer one when that is solved', () => {
    fc.assert(
      fc.property(smallProblems, (problem) => {
        const [axis, , types, configuration] = boundsOf(problem, { rounds: 500, steps: PLENTY });
        // Whole nodes at the least price are a floor of their own, which a bound of the cost alone may be under.
        const floor = Math.max(axis?.nodes ?? 0, types?.nodes ?? 0) * Math.min(...problem.prices);
        const most = Math.max(floor, configuration?.costPerHour ?? 0) * (1 + 1e-6) + 1e-9;
        expect(types?.costPerHour).toBeLessThanOrEqual(most);
        expect(axis?.costPerHour).toBeLessThanOrEqual(most);
      }),
      { numRuns: 200 },
    );
  });

  const node = { room: [16, 64, 110], price: 2 };
  const cases: readonly {
    name: string;
    problem: PackingProblem;
    kind: string;
    want: { costPerHour: number; nodes: number };
  }[] = [
    {
      name: 'one axis decides: 100 pods of 4 cores need 25 nodes of 16',
      problem: problemOf({ shapes: [{ request: [4, 1, 1], count: 100 }], offers: [node] }),
      kind: 'axis',
      want: { costPerHour: 50, nodes: 25 },
    },
    {
      name: 'pods that exclude each other need a node each, across shapes',
      problem: problemOf({
        shapes: [
          { request: [1, 1, 1], count: 7 },
          { request: [2, 1, 1], count: 5 },
        ],
        offers: [node],
        exclusions: [{ shapes: [0, 1], perNodeMax: 1 }],
      }),
      kind: 'clique',
      want: { costPerHour: 24, nodes: 12 },
    },
    {
      name: 'at most two of a shape on a node',
      problem: problemOf({ shapes: [{ request: [1, 1, 1], count: 9, perNodeMax: 2 }], offers: [node] }),
      kind: 'clique',
      want: { costPerHour: 10, nodes: 5 },
    },
    {
      name: 'a cheap node that no pod fits on counts for nothing: it has all the memory and no cpu',
      problem: problemOf({
        shapes: [{ request: [4, 16, 1], count: 40 }],
        offers: [node, { room: [1, 640, 110], price: 0.01 }],
      }),
      kind: 'typesLp',
      want: { costPerHour: 20, nodes: 10 },
    },
    {
      name: 'configurations: three pods of 6 fill a node of 16 to two only',
      problem: problemOf({ shapes: [{ request: [6, 1, 1], count: 30 }], offers: [node] }),
      kind: 'configurationLp',
      want: { costPerHour: 30, nodes: 15 },
    },
  ];
  for (const { name, problem, kind, want } of cases) {
    it(`${kind}: ${name}`, () => {
      const bound = boundsOf(problem, { rounds: 500, steps: PLENTY }).find((one) => one.kind === kind);
      expect(bound?.costPerHour).toBeCloseTo(want.costPerHour, 6);
      expect(bound?.nodes).toBe(want.nodes);
    });
  }

  it('takes the dearest bound and the most nodes that any kind proves', () => {
    expect(
      bestBound([
        { kind: 'axis', costPerHour: 5, nodes: 9 },
        { kind: 'typesLp', costPerHour: 7, nodes: 2 },
        { kind: 'clique', costPerHour: 7, nodes: 1 },
      ]),
    ).toEqual({ kind: 'typesLp', costPerHour: 7, nodes: 9 });
  });
});

describe('packing model', () => {
  it('merges shapes that nothing tells apart and drops offers that another one beats', () => {
    const model = modelOf(
      problemOf({
        shapes: [
          { request: [1, 2, 0], count: 3 },
          { request: [1, 2, 0], count: 4 },
          { request: [1, 2, 0], count: 5, offers: [0] },
          { request: [1, 2, 0], count: 6, perNodeMax: 1 },
          { request: [50, 2, 0], count: 1 },
        ],
        offers: [
          { room: [4, 4, 1], price: 2 },
          { room: [5, 4, 1], price: 2 },
          { room: [3, 3, 9], price: 3 },
        ],
      }),
    );
    expect(model.members.map((shapes) => [...shapes])).toEqual([[0, 1], [2], [3]]);
    expect([...model.counts]).toEqual([7, 5, 6]);
    // The third is dearer and smaller where it counts; the first alone takes the third shape.
    expect([...model.offerOf].sort((a, b) => a - b)).toEqual([0, 1]);
    expect(model.axes).toBe(2);
    expect([...model.hopeless]).toEqual([4]);
  });

  it('has the second best once the best one is not offered any more', () => {
    const offers = [
      { room: [4, 4, 9], price: 1, group: 0 },
      { room: [4, 4, 9], price: 2, group: 1 },
    ];
    const problem = problemOf({ shapes: [{ request: [1, 1, 1], count: 9 }], offers, groupNodesMax: [1, 5] });
    expect([...modelOf(problem).offerOf]).toEqual([0]);
    expect([...modelOf(problem, { offers: [1] }).offerOf]).toEqual([1]);
  });
});

describe('node pricer', () => {
  it('finds the best filling of a node, and bounds it from above when it may not search', () => {
    fc.assert(
      fc.property(
        smallProblems,
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 4, maxLength: 4 }),
        (problem, worths) => {
          const model = modelOf(problem);
          const worth = Float64Array.from({ length: model.rows }, (_, row) => worths[row] ?? 0);
          const pricer = new NodePricer(model);
          for (let offer = 0; offer < model.offers; offer++) {
            const found = pricer.fill(offer, worth, { budget: new SearchBudget(PLENTY), searchSteps: 1e6 });
            const hasty = pricer.fill(offer, worth, { budget: new SearchBudget(PLENTY), searchSteps: 0 });
            const exact = exactFilling(model, offer, worth);
            expect(found.worth).toBeCloseTo(exact, 6);
            expect(found.worthMax).toBeGreaterThanOrEqual(exact - 1e-9);
            expect(hasty.worth).toBeLessThanOrEqual(exact + 1e-9);
            expect(hasty.worthMax).toBeGreaterThanOrEqual(exact - 1e-9);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('proves the most that a node can be worth, or something above it when there is too much to look at', () => {
    fc.assert(
      fc.property(
        smallProblems,
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 100 }),
        (problem, worths, goal) => {
          const model = modelOf({ ...problem, exclusions: [] });
          const worth = Float64Array.from({ length: model.rows }, (_, row) => worths[row] ?? 0);
          const pricer = new NodePricer(model);
          for (let offer = 0; offer < model.offers; offer++) {
            const relaxed = pricer.relaxed(offer, worth, new SearchBudget(PLENTY));
            const asked = { offer, worth, prices: pricer.prices, goal };
            const exact = Math.max(goal, exactFilling(model, offer, worth));
            const { worthMax, best } = proveNode(model, asked);
            const proven = Math.min(relaxed, worthMax);
            expect(Math.max(goal, proven)).toBeGreaterThanOrEqual(exact - 1e-9);
            if (worthMax > goal && Number.isFinite(worthMax)) {
              expect(worthOf(best, worth)).toBeCloseTo(worthMax, 6);
              expect(fitsOn(model, offer, best)).toBe(true);
            }
            const hasty = Math.min(relaxed, proveNode(model, { ...asked, statesMax: 3 }).worthMax);
            expect(Math.max(goal, hasty)).toBeGreaterThanOrEqual(exact - 1e-9);
            expect(Math.max(goal, proven)).toBeCloseTo(exact, 6);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('worths', () => {
  const drawn = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 4, maxLength: 4 });

  it('are cut down until no node is worth more than it is said to be at most', () => {
    fc.assert(
      fc.property(
        smallProblems,
        drawn,
        fc.boolean(),
        fc.constantFrom(0, 1000),
        (problem, worths, prove, searchSteps) => {
          const model = modelOf(problem);
          const before = Float64Array.from({ length: model.rows }, (_, row) => worths[row] ?? 0);
          const { prices } = model;
          const pricer = new NodePricer(model);
          const budget = new SearchBudget(PLENTY);
          const states = prove ? 4 : 0;
          const asked = { pricer, worth: before, prices, budget, searchSteps, states, least: -1, prove };
          const cut = feasibleWorth(model, asked);
          if (cut === undefined) throw new Error('every sum is above -1');
          expect(cut.worth.every((value, row) => value >= 0 && value <= (before[row] ?? 0))).toBe(true);
          for (let offer = 0; offer < model.offers; offer++) {
            const most = exactFilling(model, offer, cut.worth) / (prices[offer] ?? 1);
            expect(most).toBeLessThanOrEqual(cut.over + 1e-9);
          }
          if (searchSteps > 0) expect(cut.over).toBeLessThanOrEqual(1.0002);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('guide a packing of all pods that pay, in fillings that a node can hold', () => {
    fc.assert(
      fc.property(smallProblems, drawn, fc.constantFrom(0, 3), (problem, worths, states) => {
        const model = modelOf(problem);
        const worth = Float64Array.from({ length: model.rows }, (_, row) => 1 + (worths[row] ?? 0));
        const lanes = Array.from({ length: model.offers }, (_, offer) => ({
          offer,
          prices: new Float64Array(model.axes).fill(1),
        }));
        const { fillings } = fillInSequence(model, { worth, lanes, prices: model.prices, states });
        const covered = new Set(fillings.flatMap(({ rows }) => [...rows]));
        expect(covered.size).toBe(model.rows);
        for (const { offer, rows, amounts } of fillings) {
          for (let axis = 0; axis < model.axes; axis++) {
            let asked = 0;
            rows.forEach((row, k) => (asked += (amounts[k] ?? 0) * (model.requests[row * model.axes + axis] ?? 0)));
            expect(asked).toBeLessThanOrEqual(model.capacities[offer * model.axes + axis] ?? 0);
          }
          const sets = new Map<number, number>();
          rows.forEach((row, k) => {
            expect(amounts[k]).toBeLessThanOrEqual(model.most[offer]?.[row] ?? 0);
            const set = model.rowExclusion[row] ?? -1;
            sets.set(set, (sets.get(set) ?? 0) + (amounts[k] ?? 0));
          });
          for (const [set, pods] of sets) if (set >= 0) expect(pods).toBeLessThanOrEqual(model.exclusionMax[set] ?? 0);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('covering simplex', () => {
  it('solves a program whose answer is known by hand', () => {
    const unit = (row: number) => ({ rows: Int32Array.of(row), amounts: Float64Array.of(1), cost: 1 });
    const simplex = new CoveringSimplex([4, 6], [unit(0), unit(1)]);
    simplex.add({ rows: Int32Array.of(0, 1), amounts: Float64Array.of(1, 2), cost: 1.25 });
    simplex.solve({ stepsMax: PLENTY, leastGain: 0 });
    expect(simplex.isOptimal).toBe(true);
    // 3 of the pair and 1 of the first: 3.75 + 1; worths 1 and 0.125.
    expect(simplex.cost()).toBeCloseTo(4.75, 9);
    expect(simplex.duals[0]).toBeCloseTo(1, 9);
    expect(simplex.duals[1]).toBeCloseTo(0.125, 9);
  });

  it('stays right over thousands of pivots, through the renewal of its inverse', () => {
    // Fillings of pairs of rows in a ring: the best cover of equal demands uses every pair half as often.
    const rows = 60;
    const start = Array.from({ length: rows }, (_, row) => ({
      rows: Int32Array.of(row),
      amounts: Float64Array.of(1),
      cost: 1,
    }));
    const simplex = new CoveringSimplex(new Float64Array(rows).fill(10), start);
    for (let lap = 1; lap <= 40; lap++) {
      for (let row = 0; row < rows; row++) {
        const pair = [row, (row + lap) % rows].sort((a, b) => a - b);
        simplex.add({
          rows: Int32Array.from(pair),
          amounts: Float64Array.of(1, 1),
          cost: 1.5 - lap / 50 - (row % 7) / 1000,
        });
      }
    }
    simplex.solve({ stepsMax: PLENTY, leastGain: 0 });
    expect(simplex.isOptimal).toBe(true);
    let dual = 0;
    for (const price of simplex.duals) dual += 10 * price;
    expect(simplex.cost()).toBeCloseTo(dual, 6);
    const covered = new Float64Array(rows);
    for (const { column, value } of simplex.solution()) {
      simplex.columns[column]?.rows.forEach((row) => (covered[row] = (covered[row] ?? 0) + value));
    }
    for (const amount of covered) expect(amount).toBeGreaterThanOrEqual(10 - 1e-6);
  });
});

function worthOf(amounts: Int32Array | undefined, worth: Float64Array): number {
  return worth.reduce((sum, value, row) => sum + value * (amounts?.[row] ?? 0), 0);
}

function fitsOn(model: ReturnType<typeof modelOf>, offer: number, amounts: Int32Array | undefined): boolean {
  const isMost = worthOf(amounts, new Float64Array(model.rows).fill(1)) > 0;
  return Array.from({ length: model.axes }, (_, axis) => {
    const asked = worthOf(
      amounts,
      Float64Array.from({ length: model.rows }, (_row, row) => model.requests[row * model.axes + axis] ?? 0),
    );
    return asked <= (model.capacities[offer * model.axes + axis] ?? 0);
  }).every((fits) => fits && isMost);
}

function exactFilling(model: ReturnType<typeof modelOf>, offer: number, worth: Float64Array): number {
  const tryRow = (row: number, room: readonly number[], exclusions: readonly number[]): number => {
    if (row === model.rows) return 0;
    let best = 0;
    for (let pods = 0; pods <= (model.most[offer]?.[row] ?? 0); pods++) {
      const next = room.map((space, axis) => space - pods * (model.requests[row * model.axes + axis] ?? 0));
      const of = model.rowExclusion[row] ?? -1;
      const left = exclusions.map((space, at) => (at === of ? space - pods : space));
      if ([...next, ...left].some((space) => space < 0)) break;
      best = Math.max(best, pods * (worth[row] ?? 0) + tryRow(row + 1, next, left));
    }
    return best;
  };
  const room = Array.from({ length: model.axes }, (_, axis) => model.capacities[offer * model.axes + axis] ?? 0);
  return tryRow(0, room, [...model.exclusionMax]);
}
