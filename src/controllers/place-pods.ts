// Carries a plan's places out: a new node is closed by the placing taint until the pods that the plan puts there have its
// name as status.nominatedNodeName; then the taint goes, and the scheduler tries that node first for them. Decides nothing
// about places. What it does not get to is opened by open-placed-nodes.ts when its time is over.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { NodeObject, PodObject } from '../cluster/cluster-objects.ts';
import { lastingTaints } from '../cluster/expected-node.ts';
import { isNodeOfClaim } from '../lifecycle/ownership.ts';
import type { Plan } from '../planner/plan.ts';
import type { ClusterContext } from './cluster-context.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import { isPlacing, PLACING_TAINT, type PlacementHints } from './placement-hints.ts';
import { isPortError, type PortError, type PortErrorCode } from './port-errors.ts';

/** Some three seconds of a small API server's time: a pass must not keep others waiting for longer. */
export const NAMES_PER_PASS_MAX = 1000;
/** Requests under way at once: fills such a server and leaves other clusters' sockets alone. */
const PARALLEL_NAMES = 16;
/** The only scheduler whose filters the planner knows. Other profiles may have others. */
const SCHEDULER = 'default-scheduler';

/** Another try will do: the node stays closed for the next pass, within its time. */
const AWAY: ReadonlySet<PortErrorCode> = new Set(['unavailable', 'throttled']);

interface PlacedNode {
  readonly node: NodeObject;
  readonly pods: readonly PodObject[];
}

/** Names and opens nodes, pass by pass. */
export class PodPlacer {
  readonly #context: ClusterContext;
  readonly #hints: PlacementHints;
  /** Uids of nodes that were opened and that the store still shows closed. */
  readonly #opened = new Set<string>();
  /** In the present pass: the server does not answer; the right is missing. */
  #away = false;
  #refused = false;

  constructor(context: ClusterContext, hints: PlacementHints) {
    this.#context = context;
    this.#hints = hints;
  }

  /** Names the pods that `plan` puts on nodes that wait for it, and opens these nodes. A name that is refused
   *  keeps no node closed; when the server does not answer, the next pass goes on. Operating failures are logged and counted; only a programmer error rejects. */
  async run(plan: Plan, snapshot: ClusterSnapshot): Promise<void> {
    const closed = snapshot.nodes.filter(({ node }) => node !== undefined && isPlacing(node));
    this.#forget(closed);
    if (closed.length === 0 || this.#hints.use().kind !== 'on' || snapshot.objects.cluster.spec.paused === true) return;
    this.#away = false;
    this.#refused = false;
    const unnamed = new Set<NodeObject>();
    const nodes = nextNodes(
      closed.flatMap((one) => this.#ready(one)),
      plan,
    );
    await inParallel(
      nodes.flatMap(({ node, pods }) => pods.map((pod) => ({ node, pod }))),
      async ({ node, pod }) => {
        if (!(await this.#name(pod, node))) unnamed.add(node);
      },
    );
    const done = nodes.filter(({ node }) => !unnamed.has(node));
    await inParallel(done, ({ node }) => this.#open(node));
  }

  #forget(closed: readonly SnapshotNode[]): void {
    const uids = new Set(closed.map(({ node }) => node?.uid));
    for (const uid of this.#opened) if (!uids.has(uid)) this.#opened.delete(uid);
  }

  /** Ours, Ready, and closed by nothing else: before its startup taints are gone the scheduler could not use a name. */
  #ready({ node, claim, draining }: SnapshotNode): readonly NodeObject[] {
    if (node === undefined || claim === undefined || draining || !isNodeOfClaim(claim, node)) return [];
    if (node.ready !== 'True' || node.unschedulable || this.#opened.has(node.uid)) return [];
    const startup = (claim.spec.startupTaints ?? []).map((taint) => ({ ...taint, value: taint.value ?? '' }));
    return lastingTaints(node.taints, startup).length === node.taints.length - 1 ? [node] : [];
  }

  /** False: not now, as the server does not answer. What it refuses is done with. */
  async #name(pod: PodObject, node: NodeObject): Promise<boolean> {
    if (!this.#mayWrite() || this.#away) return false;
    if (this.#refused) return true;
    try {
      await this.#context.workload.nominateNode(pod, node.name);
      this.#hints.noteForbidden(undefined);
      this.#count('written');
      return true;
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#count(error.code === 'conflict' ? 'changed' : 'failed');
      if (error.code !== 'conflict') this.#noteFailure(error);
      return !AWAY.has(error.code);
    }
  }

  /** One line for all that would fail alike. */
  #noteFailure(error: PortError): void {
    this.#away ||= AWAY.has(error.code);
    this.#refused ||= error.code === 'forbidden';
    if (error.code === 'forbidden') this.#hints.noteForbidden(error.message);
    const fields = { ...clusterFields(this.#context), ...errorFields(error) };
    this.#context.telemetry.log('warn', 'a node could not be named to a pod', fields);
  }

  async #open(node: NodeObject): Promise<void> {
    if (!this.#mayWrite()) return;
    const { telemetry, workload } = this.#context;
    const labels = clusterFields(this.#context);
    try {
      await workload.liftTaint(node, PLACING_TAINT);
      this.#opened.add(node.uid);
      telemetry.count('sluice_placing_taints_lifted_total', { ...labels, why: 'placed' });
    } catch (error) {
      if (!isPortError(error)) throw error;
      // The next pass tries again.
      telemetry.log('warn', 'a node could not be opened to pods', {
        ...labels,
        node: node.name,
        ...errorFields(error),
      });
    }
  }

  #count(outcome: 'written' | 'changed' | 'failed'): void {
    this.#context.telemetry.count('sluice_placement_hints_total', { ...clusterFields(this.#context), outcome });
  }

  #mayWrite(): boolean {
    return this.#context.lease().held && !this.#context.signal.aborted;
  }
}

/** As many nodes as one pass may do, those first that were Ready first; at least one. */
function nextNodes(ready: readonly NodeObject[], plan: Plan): readonly PlacedNode[] {
  const planned = plannedPods(plan, new Set(ready.map(({ name }) => name)));
  const nodes: PlacedNode[] = [];
  let names = 0;
  for (const node of ready.toSorted(readyFirst)) {
    const pods = planned.get(node.name) ?? [];
    if (nodes.length > 0 && names + pods.length > NAMES_PER_PASS_MAX) break;
    names += pods.length;
    nodes.push({ node, pods });
  }
  return nodes;
}

/** By node: the pods that may get its name. One that has a name was named by us before, or by preemption. */
function plannedPods(plan: Plan, names: ReadonlySet<string>): ReadonlyMap<string, readonly PodObject[]> {
  const planned = new Map<string, PodObject[]>();
  for (const { outcome, target, pods, from, to } of plan.report.pods) {
    if ((outcome !== 'onUpcomingNode' && outcome !== 'onExistingNode') || !names.has(target)) continue;
    const known = planned.get(target) ?? [];
    planned.set(target, known);
    for (let at = from; at < to; at += 1) {
      const pod = pods[at];
      if (pod !== undefined && pod.nominatedNodeName === '' && pod.schedulerName === SCHEDULER) known.push(pod);
    }
  }
  return planned;
}

function readyFirst(left: NodeObject, right: NodeObject): number {
  return left.readyChangedMs - right.readyChangedMs || (left.name < right.name ? -1 : 1);
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_NAMES, items.length) }, worker));
}
