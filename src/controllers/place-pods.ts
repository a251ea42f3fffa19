// Carries a plan's places out: a new node is closed by the placing taint until the pods that the plan puts there have its
// name as status.nominatedNodeName; then the taint goes, and the scheduler tries that node first for them. Decides nothing
// about places. What it does not get to is opened by open-placed-nodes.ts when its time is over.
import { ANNOTATIONS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { lastingTaints } from '../cluster/expected-node.ts';
import { isNodeOfClaim } from '../lifecycle/ownership.ts';
import type { Plan } from '../planner/plan.ts';
import type { ClusterContext } from './cluster-context.ts';
import { dealSpreadPods } from './deal-spread-pods.ts';
import { HELD_MAX_MS, HeldNodes } from './held-nodes.ts';
import { inParallel } from './in-parallel.ts';
import { extraWaitMs, LargeRound, namedAhead } from './large-round.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import { NamePace, type PlacedNode, PodNamer } from './name-pods.ts';
import { NamedPods, plannedNames } from './planned-names.ts';
import { isPlacing, PLACING_TAINT, type PlacementHints } from './placement-hints.ts';
import { isPortError } from './port-errors.ts';
import { QueueOrder } from './queue-order.ts';

/** Some three seconds of a small API server's time: a pass must not keep others waiting for longer. */
export const NAMES_PER_PASS_MAX = 1000;
/** The server works on them side by side, so that all are done nearly at once: in between, pods whose node is still closed go
 *  elsewhere. On a busy machine thirty nodes were open after 0.5 s so, and after 1.2 s eight at a time. An API server takes a
 *  hundred requests at a time from a connection. */
const PARALLEL_OPENINGS = 100;
/** A pass of a large round: some thousand names. */
const AHEAD_MS = 3000;
/** Names between which nodes are opened: see name-pods.ts. */
const NAMES_PER_BATCH = 128;

/** Names and opens nodes, pass by pass. */
export class PodPlacer {
  readonly #context: ClusterContext;
  readonly #hints: PlacementHints;
  /** Uids of nodes that were opened and that the store still shows closed. */
  readonly #opened = new Set<string>();
  readonly #names = new NamedPods();
  readonly #pace: NamePace;
  readonly #queue = new QueueOrder();
  readonly #large = new LargeRound();

  constructor(context: ClusterContext, hints: PlacementHints) {
    this.#context = context;
    this.#hints = hints;
    this.#pace = new NamePace(context.clock);
  }

  /** Names the pods that `plan` puts on nodes that wait for it, and opens these nodes. A name that is refused keeps no node
   *  closed; when the server does not answer, the next pass goes on. Operating failures are logged and counted; only a
   *  programmer error rejects. */
  async run(plan: Plan, snapshot: ClusterSnapshot): Promise<void> {
    const closed = snapshot.nodes.filter(({ node }) => node !== undefined && isPlacing(node));
    this.#forget(closed);
    if (this.#hints.use().kind !== 'on' || snapshot.objects.cluster.spec.paused === true) return;
    const namer = new PodNamer(this.#context, this.#hints, { pace: this.#pace, queue: this.#queue });
    this.#queue.forget(snapshot.pendingPods);
    // Not while the right is missing: each pass would ask in vain.
    const mayName = this.#hints.taintsNewNodes();
    if (mayName) await this.#nameAgain(plan, snapshot, namer);
    if (closed.length === 0) {
      this.#large.end();
      return;
    }
    const held = new HeldNodes(plan, snapshot, { nowMs: this.#context.clock.nowMs() });
    const ready = closed.filter((one) => this.#isReady(one));
    if (mayName && ready.length > 0 && (await this.#prepares(plan, snapshot, { held, ready, namer }))) return;
    const may = held.mayOpen(ready);
    const { alone, together } = held.apart(may);
    const turns = [
      ...may.filter((one) => alone.has(one)).toSorted(readyFirst),
      ...held.openingOrder([...together], this.#queue),
    ];
    const nodes = nextNodes(plannedNames(plan, snapshot, turns));
    for (const batch of batches(nodes.filter(({ placed }) => alone.has(placed)))) {
      await this.#openAll((await namer.nameAll(dealSpreadPods(batch))).map(({ placed }) => placed));
    }
    const named = await namer.nameAll(dealSpreadPods(nodes.filter(({ placed }) => together.has(placed))));
    const done = new Set(named.map(({ placed }) => placed));
    // Those that had no turn, or could not be named, keep others closed.
    const waiting = ready.filter((one) => !alone.has(one) && !done.has(one));
    const open = held.mayOpen([...done], waiting);
    // Begun in this order, without waiting for answers within a group: a busy server takes half a second for one.
    const order = held.openingOrder(open, this.#queue, new Map(named.map(({ placed, pods }) => [placed, pods])));
    for (const group of held.openingGroups(order)) await this.#openAll(group);
    const stay = ready.filter((one) => !may.includes(one));
    if (mayName) {
      const ahead = this.#names.ahead(plannedNames(plan, snapshot, stay));
      await namer.nameOnce(ahead, { note: (pod) => this.#names.note(pod) });
    }
    if (held.cutShort) {
      const fields = clusterFields(this.#context);
      this.#context.telemetry.log('warn', 'too many kinds of pods on new nodes: some nodes were not held', fields);
    }
  }

  /** A large round opens nothing before its pods are named: true while that is so. */
  async #prepares(
    plan: Plan,
    snapshot: ClusterSnapshot,
    of: { readonly held: HeldNodes; readonly ready: readonly SnapshotNode[]; readonly namer: PodNamer },
  ): Promise<boolean> {
    const { clock } = this.#context;
    const extraMs = extraWaitMs(snapshot.nodes.filter(isToOpen).map(({ claim }) => claim));
    const sinceMs = Math.min(...of.ready.map(({ node }) => node?.readyChangedMs ?? Infinity));
    if (extraMs === 0 || clock.nowMs() - sinceMs >= HELD_MAX_MS + extraMs) {
      this.#large.end();
      return false;
    }
    const nodes = plannedNames(plan, snapshot, of.ready);
    const next = this.#large.next(nodes, {
      isComplete: of.held.isComplete(of.ready),
      nowMs: clock.monotonicMs(),
      namesMax: NAMES_PER_PASS_MAX,
    });
    if (next === 'name') {
      const ahead = nodes.map((node) => ({ ...node, pods: namedAhead(node.pods) }));
      await of.namer.nameOnce(ahead, { forMs: AHEAD_MS });
    }
    return next !== 'open';
  }

  /** Pods of nodes that are open already. */
  async #nameAgain(plan: Plan, snapshot: ClusterSnapshot, namer: PodNamer): Promise<void> {
    this.#names.forget(snapshot);
    const lost = this.#names.lost(plan, snapshot, this.#context.clock.nowMs());
    await namer.nameOnce(dealSpreadPods(lost), { note: (pod) => this.#names.note(pod) });
  }

  async #openAll(nodes: readonly SnapshotNode[]): Promise<void> {
    await inParallel(nodes, { most: PARALLEL_OPENINGS }, ({ node }) => this.#open(node));
  }

  #forget(closed: readonly SnapshotNode[]): void {
    const uids = new Set(closed.map(({ node }) => node?.uid));
    for (const uid of this.#opened) if (!uids.has(uid)) this.#opened.delete(uid);
  }

  /** Ours, Ready, and closed by nothing else: before its startup taints are gone, or the labels are there that a kubelet may
   *  not set itself, the scheduler could not use a name. */
  #isReady({ node, claim, draining }: SnapshotNode): boolean {
    if (node === undefined || claim === undefined || draining || !isNodeOfClaim(claim, node)) return false;
    if (node.ready !== 'True' || node.unschedulable || this.#opened.has(node.uid)) return false;
    if (lacksLabels(node, claim)) return false;
    const startup = (claim.spec.startupTaints ?? []).map((taint) => ({ ...taint, value: taint.value ?? '' }));
    return lastingTaints(node.taints, startup).length === node.taints.length - 1;
  }

  async #open(node: NodeObject | undefined): Promise<void> {
    if (node === undefined || !this.#mayWrite()) return;
    const { telemetry, workload } = this.#context;
    const labels = clusterFields(this.#context);
    try {
      await workload.liftTaint(node, PLACING_TAINT);
      this.#opened.add(node.uid);
      telemetry.count('sluice_placing_taints_lifted_total', { ...labels, why: 'placed' });
      telemetry.log('info', 'a node was opened to pods', { ...labels, node: node.name });
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

  #mayWrite(): boolean {
    return this.#context.lease().held && !this.#context.signal.aborted;
  }
}

/** Closed, or still to come. */
function isToOpen({ node, claim }: SnapshotNode): boolean {
  return claim !== undefined && (node === undefined || isPlacing(node));
}

/** As many nodes as one pass may do, in their turn; at least one. */
function nextNodes(turns: readonly PlacedNode[]): readonly PlacedNode[] {
  let names = 0;
  const end = turns.findIndex(({ pods }, at) => {
    names += pods.length;
    return at > 0 && names > NAMES_PER_PASS_MAX;
  });
  return end === -1 ? turns : turns.slice(0, end);
}

/** Until its pool's template is on it. */
function lacksLabels({ annotations, labels }: NodeObject, { spec }: NodeClaim): boolean {
  return !annotations.has(ANNOTATIONS.managedKeys) && Object.keys(spec.labels).some((key) => !labels.has(key));
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

function readyFirst(left: SnapshotNode, right: SnapshotNode): number {
  const [leftMs, rightMs] = [left.node?.readyChangedMs ?? 0, right.node?.readyChangedMs ?? 0];
  return leftMs - rightMs || (left.name < right.name ? -1 : 1);
}
