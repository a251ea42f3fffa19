// First fit on a fork. What a search learned holds for the next one of the same shape until pods leave or it is taken back:
// nodes that are full, or refuse for good, are not asked again; nodes that a spread or affinity constraint keeps closed are
// asked again once something happened that could open them.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { ForkFilters } from './fork-filters.ts';
import type { ForkNodes } from './fork-nodes.ts';
import { NOT_NEAR } from './inter-pod-affinity.ts';
import { TOO_SKEWED } from './pod-topology-spread.ts';
import type { Refusal } from './refusal.ts';
import { nextWithRoom } from './room-kernel.ts';
import type { ShapeChecks } from './shape-checks.ts';

/** What is known of a shape. */
interface Memory {
  /** All nodes below refuse it for good. */
  readonly closedBelow: number;
  /** All nodes below refuse it as things are at `seals`. At least closedBelow. */
  readonly refusedBelow: number;
  /** Least counts behind its spread constraints, then openings behind its affinity terms. */
  readonly seals: readonly number[];
}

/** What was known of a shape before more was learned. */
export interface Learned {
  readonly shape: PodShape;
  readonly before: Memory | undefined;
}

export interface SearchContext {
  readonly nodes: ForkNodes;
  readonly filters: ForkFilters;
  /** Index of the node of this name; −1: none. */
  readonly indexOf: (name: string) => number;
  /** What was learned must be forgotten when the fork goes back to before now. */
  readonly learned: (what: Learned) => void;
}

interface Found {
  readonly index: number;
  /** Every node from the start of the search to here refuses for good. */
  readonly closedBelow: number;
}

interface Range {
  readonly from: number;
  readonly until: number;
}

const NOTHING_KNOWN: Memory = { closedBelow: 0, refusedBelow: 0, seals: [] };

export class ForkSearch {
  readonly #context: SearchContext;
  readonly #memories = new Map<PodShape, Memory>();
  /** Shapes with a memory that pods who leave may make void; those of a fork are thousands, these few. */
  readonly #openable = new Set<PodShape>();
  /** Carried terms when all memories were last looked through. */
  #termsSeen = 0;

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
    const known = this.#memories.get(checks.shape) ?? NOTHING_KNOWN;
    const start = stillHolds(known.seals, checks) ? known.refusedBelow : known.closedBelow;
    const found = this.#search(checks, { from: Math.max(from, start), until });
    // What was skipped at the caller's wish is not known.
    if (from <= start) this.#remember(checks, { known, start, found, until });
    return found.index;
  }

  /** Takes back what was learned. */
  unlearn({ shape, before }: Learned): void {
    if (before === undefined) this.#memories.delete(shape);
    else this.#memories.set(shape, before);
  }

  /** Pods left: shapes that other pods kept away from a node may find it open now. */
  forgetRefusals(): void {
    const { filters, learned } = this.#context;
    if (this.#termsSeen !== filters.carriedTerms) {
      this.#termsSeen = filters.carriedTerms;
      for (const shape of this.#memories.keys()) if (filters.opensWhenPodsLeave(shape)) this.#openable.add(shape);
    }
    for (const shape of this.#openable) {
      const before = this.#memories.get(shape);
      if (before === undefined) continue;
      learned({ shape, before });
      this.#memories.delete(shape);
    }
  }

  #search(checks: ShapeChecks, range: Range): Found {
    const { nodes, filters } = this.#context;
    const { requests } = checks.shape;
    let { from } = range;
    let closedBelow: number | undefined;
    while (from < range.until) {
      const index = nextWithRoom(nodes.columns, requests, { from, until: range.until });
      if (index === -1) break;
      const refusal = filters.refusal(checks, index);
      if (refusal === undefined) return { index, closedBelow: closedBelow ?? index };
      if (mayPass(refusal)) closedBelow ??= index;
      from = index + 1;
    }
    return { index: -1, closedBelow: closedBelow ?? range.until };
  }

  #remember(
    checks: ShapeChecks,
    search: { readonly known: Memory; readonly start: number; readonly found: Found; readonly until: number },
  ): void {
    const { known, start, found, until } = search;
    // Claims of devices that pods share may open a node when one of them gets there.
    if (checks.shape.resourceClaims !== undefined) return;
    if (this.#context.filters.opensWhenPodsLeave(checks.shape)) this.#openable.add(checks.shape);
    const refusedBelow = found.index === -1 ? Math.max(start, until) : found.index;
    const closedBelow = start === known.closedBelow ? Math.max(start, found.closedBelow) : known.closedBelow;
    if (refusedBelow === known.refusedBelow && closedBelow === known.closedBelow) return;
    const { shape } = checks;
    this.#context.learned({ shape, before: this.#memories.get(shape) });
    this.#memories.set(shape, { closedBelow, refusedBelow, seals: sealsOf(checks) });
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

/** Not for good: pods that come elsewhere may change it. */
function mayPass(refusal: Refusal): boolean {
  return refusal === TOO_SKEWED || refusal === NOT_NEAR;
}

function sealsOf({ spread, affinity, monotone }: ShapeChecks): readonly number[] {
  if (monotone) return NOTHING_KNOWN.seals;
  return [
    ...spread.map(({ counter, minDomains }) => counter.least(minDomains)),
    ...affinity.affinity.map((counter) => counter.openings),
  ];
}

/** Nothing came that could open a node: no least count rose, and no domain got its first pod to be near to. */
function stillHolds(noted: readonly number[], checks: ShapeChecks): boolean {
  if (checks.monotone) return true;
  const now = sealsOf(checks);
  if (noted.length !== now.length) return false;
  return now.every((seal, position) => {
    const then = noted[position] ?? 0;
    return position < checks.spread.length ? seal <= then : seal === then;
  });
}
