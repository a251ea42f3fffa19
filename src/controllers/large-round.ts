// Thousands of pods that are named at the same time. Each name that stands costs the scheduler some 16 µs for every other pod that it
// tries (RunFilterPluginsWithNominatedPods puts all named pods on their nodes first, closed or not): with 15,000 names it came through four
// pods a second. So none is written while it still tries pods, no node opens before all are written, and then all open at once:
// a pod that has the name of an open node costs it one look at that node.
import type { NodeClaim } from '../api/node-claim.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { PlacedNode } from './name-pods.ts';

/** Below it, names slow the scheduler down to some 15 pods a second at worst, for seconds. */
export const LARGE_ROUND_PODS = 4000;
/** kube-scheduler asks its API server fifty times a second (its default): so long does it need to try so many pods once. */
const TRIES_PER_SECOND = 50;
/** Nodes are paid for while they wait. */
const EXTRA_MAX_MS = 8 * 60_000;
/** So long no pod's condition has changed: the scheduler has nothing to try. Passes come every ten seconds at the latest. */
export const QUIET_MS = 3000;
/** Pods that may be untried: some are gated by what we do not see. */
const UNTRIED_SHARE_MAX = 0.01;

/** How much longer than others the nodes of a large round may wait; 0: it is none. `claims`: those of nodes that are closed or to come. */
export function extraWaitMs(claims: Iterable<NodeClaim | undefined>): number {
  let pods = 0;
  for (const claim of claims) for (const { count } of claim?.spec.plannedPods ?? []) pods += count;
  return pods < LARGE_ROUND_PODS ? 0 : Math.min(EXTRA_MAX_MS, (pods / TRIES_PER_SECOND) * 1000);
}

/** Watches the rounds of one cluster, pass by pass. */
export class LargeRound {
  #lastTry = -1;
  #changedMs = -Infinity;
  #names = false;

  /** There is none now. */
  end(): void {
    this.#names = false;
    this.#lastTry = -1;
  }

  /** What is to be done with closed nodes: open those that may; name pods ahead, and open nothing; or nothing at all. `nodes`: those that
   *  wait, with the pods planned for them. `isComplete`: no other node of their plan is to come. `namesMax`: so many are named by the
   *  way. */
  next(
    nodes: readonly PlacedNode[],
    at: { readonly isComplete: boolean; readonly nowMs: number; readonly namesMax: number },
  ): 'open' | 'name' | 'wait' {
    const unnamed = nodes.flatMap(({ pods }) => pods);
    this.#note(unnamed, at.nowMs);
    if (!at.isComplete) return 'wait';
    // Once it has begun, waiting only makes it longer: who loses a name gets it again.
    this.#names ||= this.#isQuiet(unnamed, at.nowMs);
    if (!this.#names) return 'wait';
    return namedAhead(unnamed).length > at.namesMax ? 'name' : 'open';
  }

  /** The scheduler writes to a pod when it has tried it in vain, and when it takes its name back. */
  #note(unnamed: readonly PodObject[], nowMs: number): void {
    const lastTry = unnamed.reduce((last, { version }) => Math.max(last, version), 0);
    if (lastTry > this.#lastTry) this.#changedMs = nowMs;
    this.#lastTry = lastTry;
  }

  #isQuiet(unnamed: readonly PodObject[], nowMs: number): boolean {
    const untried = unnamed.filter(({ unschedulable }) => !unschedulable).length;
    return nowMs - this.#changedMs >= QUIET_MS && untried <= UNTRIED_SHARE_MAX * unnamed.length;
  }
}

/** Pods that may get a name long before their node opens: not those of a spread rule, which are dealt to all nodes at once. */
export function namedAhead(pods: readonly PodObject[]): readonly PodObject[] {
  return pods.filter(({ shape }) => shape.spread.length === 0);
}
