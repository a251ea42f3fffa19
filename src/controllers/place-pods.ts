// Carries a plan's places out: a new node is closed by the placing taint until the pods that the plan puts there have its
// name as status.nominatedNodeName; then the taint goes, and the scheduler tries that node first for them. Decides nothing
// about places. What it does not get to is opened by open-placed-nodes.ts when its time is over.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { NodeObject, PodObject } from '../cluster/cluster-objects.ts';
import { lastingTaints } from '../cluster/expected-node.ts';
import { isNodeOfClaim } from '../lifecycle/ownership.ts';
import type { Plan } from '../planner/plan.ts';
import type { ClusterContext } from './cluster-context.ts';
import { HeldNodes } from './held-nodes.ts';
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

/** Names between which nodes are opened. A name stands only until the scheduler has tried its pod in vain, and it tries all
 *  that wait whenever a node opens: so between the first name and the opening should lie a fraction of a second. */
const NAMES_PER_BATCH = 64;
/** The scheduler watches pods and nodes apart. When our own watch shows the names, its own has them too, give or take. */
const SEEN_LOOK_MS = 20;
/** A watch that lags by more than this is not waited for. */
const SEEN_MAX_MS = 1000;

interface PlacedNode {
  readonly placed: SnapshotNode;
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
    const held = new HeldNodes(plan, snapshot, this.#context.clock.nowMs());
    const nodes = nextNodes(held.mayOpen(closed.filter((one) => this.#isReady(one))), plan);
    const { alone, together } = held.apart(nodes.map(({ placed }) => placed));
    for (const batch of batches(nodes.filter(({ placed }) => alone.has(placed)))) {
      const named = await this.#nameAll(batch);
      await inParallel(named, ({ node }) => this.#open(node));
    }
    const named = await this.#nameAll(nodes.filter(({ placed }) => together.has(placed)));
    // Those that had no turn, or could not be named, keep others closed.
    const open = held.openingOrder(held.mayOpen(named.map(({ placed }) => placed)));
    await inParallel(open, ({ node }) => this.#open(node));
  }

  /** The nodes of which all pods are done with. */
  async #nameAll(nodes: readonly PlacedNode[]): Promise<readonly PlacedNode[]> {
    const unnamed = new Set<NodeObject>();
    const written: { readonly pod: PodObject; readonly node: NodeObject }[] = [];
    await inParallel(
      nodes.flatMap(({ node, pods }) => pods.map((pod) => ({ node, pod }))),
      async (one) => {
        const outcome = await this.#name(one.pod, one.node);
        if (outcome === 'written') written.push(one);
        if (outcome === 'later') unnamed.add(one.node);
      },
    );
    await this.#seen(written);
    return nodes.filter(({ node }) => !unnamed.has(node));
  }

  async #seen(written: readonly { readonly pod: PodObject; readonly node: NodeObject }[]): Promise<void> {
    const { clock, signal, workload } = this.#context;
    const untilMs = clock.monotonicMs() + SEEN_MAX_MS;
    const isMissing = ({ pod }: (typeof written)[number]): boolean => {
      const shown = workload.stores.pods.get(`${pod.namespace}/${pod.name}`);
      return shown?.uid === pod.uid && shown.nominatedNodeName === '' && shown.nodeName === '';
    };
    for (let missing = written.filter(isMissing); missing.length > 0; missing = missing.filter(isMissing)) {
      if (clock.monotonicMs() >= untilMs || signal.aborted) return;
      await new Promise<void>((resolve) => {
        clock.setTimer(SEEN_LOOK_MS, resolve);
      });
    }
  }

  #forget(closed: readonly SnapshotNode[]): void {
    const uids = new Set(closed.map(({ node }) => node?.uid));
    for (const uid of this.#opened) if (!uids.has(uid)) this.#opened.delete(uid);
  }

  /** Ours, Ready, and closed by nothing else: before its startup taints are gone the scheduler could not use a name. */
  #isReady({ node, claim, draining }: SnapshotNode): boolean {
    if (node === undefined || claim === undefined || draining || !isNodeOfClaim(claim, node)) return false;
    if (node.ready !== 'True' || node.unschedulable || this.#opened.has(node.uid)) return false;
    const startup = (claim.spec.startupTaints ?? []).map((taint) => ({ ...taint, value: taint.value ?? '' }));
    return lastingTaints(node.taints, startup).length === node.taints.length - 1;
  }

  /** Later: the server does not answer now. What it refuses is done with. */
  async #name(pod: PodObject, node: NodeObject): Promise<'written' | 'refused' | 'later'> {
    if (!this.#mayWrite() || this.#away) return 'later';
    if (this.#refused) return 'refused';
    try {
      await this.#context.workload.nominateNode(pod, node.name);
      this.#hints.noteForbidden(undefined);
      this.#count('written');
      return 'written';
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#count(error.code === 'conflict' ? 'changed' : 'failed');
      if (error.code !== 'conflict') this.#noteFailure(error);
      return AWAY.has(error.code) ? 'later' : 'refused';
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

  async #open(node: NodeObject | undefined): Promise<void> {
    if (node === undefined || !this.#mayWrite()) return;
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
function nextNodes(ready: readonly SnapshotNode[], plan: Plan): readonly PlacedNode[] {
  const planned = plannedPods(plan, new Set(ready.map(({ name }) => name)));
  const nodes: PlacedNode[] = [];
  let names = 0;
  for (const placed of ready.toSorted(readyFirst)) {
    const { node } = placed;
    const pods = planned.get(placed.name) ?? [];
    if (node === undefined || (nodes.length > 0 && names + pods.length > NAMES_PER_PASS_MAX)) break;
    names += pods.length;
    nodes.push({ placed, node, pods });
  }
  return nodes;
}

/** Runs of nodes with about so many names together. */
function batches(nodes: readonly PlacedNode[]): readonly (readonly PlacedNode[])[] {
  const all: PlacedNode[][] = [];
  let names = NAMES_PER_BATCH;
  for (const node of nodes) {
    if (names >= NAMES_PER_BATCH) {
      all.push([]);
      names = 0;
    }
    names += node.pods.length;
    all.at(-1)?.push(node);
  }
  return all;
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

function readyFirst(left: SnapshotNode, right: SnapshotNode): number {
  const [leftMs, rightMs] = [left.node?.readyChangedMs ?? 0, right.node?.readyChangedMs ?? 0];
  return leftMs - rightMs || (left.name < right.name ? -1 : 1);
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_NAMES, items.length) }, worker));
}
