// Where a plan gets better answers from than it has time to look for: what a polish has found for exactly the same
// problem, should the problem come again. A plan without them is as good a plan.
import { type LowerBound, NO_LIMIT, type PackingProblem } from '../bounds/packing-problem.ts';
import type { PatternChoice, PatternOptions } from './choose-patterns.ts';

export interface PatternsAsked {
  readonly problem: PackingProblem;
  readonly options: PatternOptions;
}

/** What a plan has asked, and the answer that it went by. */
export interface PatternsSolved extends PatternsAsked {
  readonly choice: PatternChoice;
  /** The answer came from ImprovedPatterns: nobody need look for a better one. */
  readonly improved: boolean;
  /** Only size, labels and taints are asked, and all that could be had is offered: its bound is one of what its pods cost. */
  readonly free: boolean;
}

/** The pods that a plan puts on new nodes, on all that could be had, and the bound of their cost that the plan states. */
export interface BoundStated {
  readonly problem: PackingProblem;
  readonly bound: LowerBound;
}

/** What could be done better about a plan, given time. */
export interface Polishable {
  readonly solved: readonly PatternsSolved[];
  readonly stated: BoundStated;
}

/** Whether the plan's new pods are those of one problem, which asks for nothing but what the bound is of. */
export function isOfOneProblem(solved: readonly PatternsSolved[], stated: PackingProblem): boolean {
  return onlyProblem(solved, sumOf(stated.counts)) !== undefined;
}

/** The one problem whose answer places all of a plan's `pods`, of which there are as many, without limits and preferences;
 *  undefined: there is no such one. */
export function onlyProblem(solved: readonly PatternsSolved[], pods: number): PackingProblem | undefined {
  const [only] = solved;
  if (only === undefined || solved.length > 1 || !only.free) return undefined;
  const { problem, choice } = only;
  if (sumOf(problem.counts) - sumOf(choice.left) !== pods) return undefined;
  return {
    ...problem,
    counts: problem.counts.map((count, shape) => count - (choice.left[shape] ?? 0)),
    tiers: new Int32Array(problem.offers),
    limitGroups: new Int32Array(problem.offers),
    groupNodesMax: Int32Array.of(NO_LIMIT),
  };
}

function sumOf(pods: Int32Array): number {
  return pods.reduce((total, count) => total + count, 0);
}

export interface ImprovedPatterns {
  /** A better answer to the same question; undefined: none is known. */
  find(asked: PatternsAsked): PatternChoice | undefined;
  /** A closer bound of what the same pods cost; undefined: none is known. */
  bound(problem: PackingProblem): LowerBound | undefined;
}

/** Do both ask the same, number by number? Steps aside: they are about the search, not the answer. */
export function asksTheSame(one: PatternsAsked, other: PatternsAsked): boolean {
  return (
    one.options.flavorsMax === other.options.flavorsMax &&
    one.options.nodesMax === other.options.nodesMax &&
    equal(one.options.flavorsUsed, other.options.flavorsUsed) &&
    equal(one.options.leastCapacity, other.options.leastCapacity) &&
    isSameProblem(one.problem, other.problem)
  );
}

/** Equal in every number. */
export function isSameProblem(one: PackingProblem, other: PackingProblem): boolean {
  return (
    one.axes === other.axes &&
    equal(one.counts, other.counts) &&
    equal(one.requests, other.requests) &&
    equal(one.prices, other.prices) &&
    equal(one.capacities, other.capacities) &&
    equal(one.perNodeMax, other.perNodeMax) &&
    equal(one.tiers, other.tiers) &&
    equal(one.flavors, other.flavors) &&
    equal(one.limitGroups, other.limitGroups) &&
    equal(one.groupNodesMax, other.groupNodesMax) &&
    equal(one.allowed, other.allowed) &&
    one.exclusions.length === other.exclusions.length &&
    one.exclusions.every(({ shapes, perNodeMax }, index) => {
      const twin = other.exclusions[index];
      return twin !== undefined && perNodeMax === twin.perNodeMax && equal(shapes, twin.shapes);
    })
  );
}

/** 32 bits that equal problems share; limits on nodes are left out, as answers may hold under others too. */
export function digestOf({ counts, requests, prices, capacities }: PackingProblem): number {
  let hash = 0x811c9dc5;
  for (const column of [counts, requests, prices, capacities]) {
    for (const value of column) {
      // Both halves of the number: memory sizes differ in the high one, prices in the low one.
      hash = Math.imul(hash ^ (value | 0), 0x01000193);
      hash = Math.imul(hash ^ Math.floor(value / 2 ** 32), 0x01000193);
      hash = Math.imul(hash ^ ((value % 1) * 2 ** 32), 0x01000193);
    }
  }
  return hash >>> 0;
}

function equal(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
