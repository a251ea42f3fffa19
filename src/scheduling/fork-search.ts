// First fit on a fork. A node that refused a shape is not asked again until what could change the answer was taken back or
// pods left with their node; shapes with affinity or spread constraints are asked anew, as placing can open nodes to them.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkFilters } from './fork-filters.ts';
import type { ForkNodes } from './fork-nodes.ts';
import { nextWithRoom } from './room-kernel.ts';
import type { ShapeChecks } from './shape-checks.ts';

/** All nodes below `before` were known to refuse the shape, until more was learned. */
export interface RefusedBelow {
  readonly shapeNumber: number;
  readonly before: number;
}

export interface SearchContext {
  readonly nodes: ForkNodes;
  readonly filters: ForkFilters;
  /** Index of the node of this name; −1: none. */
  readonly indexOf: (name: string) => number;
  /** What was learned must be forgotten when the fork goes back to before now. */
  readonly learned: (what: RefusedBelow) => void;
}

interface Range {
  readonly from: number;
  readonly until: number;
}

export class ForkSearch {
  readonly #context: SearchContext;
  /** Per shape number. */
  readonly #refusedBelow: number[] = [];

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** The lowest open node in [from, until) that takes the pod; −1: none. */
  firstFit(pod: PodObject, options: { readonly from?: number; readonly until?: number }): number {
    const { filters, nodes } = this.#context;
    const checks = filters.checksOf(pod.shape);
    if (filters.everywhere(checks, pod) !== undefined) return -1;
    const from = options.from ?? 0;
    const until = Math.min(options.until ?? nodes.count, nodes.count);
    if (checks.named !== undefined) return this.#firstNamedFit(checks, { from, until });
    const known = this.#refusedBelow[checks.shapeNumber] ?? 0;
    const start = Math.max(from, known);
    const found = this.#search(checks, { from: start, until });
    const refusedBelow = found === -1 ? Math.max(start, until) : found;
    if (checks.monotone && from <= known && refusedBelow > known) {
      this.#context.learned({ shapeNumber: checks.shapeNumber, before: known });
      this.#refusedBelow[checks.shapeNumber] = refusedBelow;
    }
    return found;
  }

  /** Takes back what was learned. */
  unlearn({ shapeNumber, before }: RefusedBelow): void {
    this.#refusedBelow[shapeNumber] = before;
  }

  /** Pods left: shapes that other pods kept away from a node may find it open now. */
  forgetRefusals(): void {
    this.#refusedBelow.forEach((before, shapeNumber) => {
      if (before === 0 || !this.#context.filters.opensWhenPodsLeave(shapeNumber)) return;
      this.#context.learned({ shapeNumber, before });
      this.#refusedBelow[shapeNumber] = 0;
    });
  }

  #search(checks: ShapeChecks, range: Range): number {
    const { nodes, filters } = this.#context;
    const { requests } = checks.shape;
    let { from } = range;
    while (from < range.until) {
      const candidate = nextWithRoom(nodes.columns, requests, { from, until: range.until });
      if (candidate === -1 || filters.refusal(checks, candidate) === undefined) return candidate;
      from = candidate + 1;
    }
    return -1;
  }

  #firstNamedFit(checks: ShapeChecks, range: Range): number {
    const { nodes, filters, indexOf } = this.#context;
    let found = -1;
    for (const name of checks.named ?? []) {
      const index = indexOf(name);
      if (index < range.from || index >= range.until || (found !== -1 && index > found)) continue;
      if (nodes.isOpen(index) && filters.refusal(checks, index) === undefined) found = index;
    }
    return found;
  }
}
