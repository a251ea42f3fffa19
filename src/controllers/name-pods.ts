// Writes the names of nodes to pods, and sees that they stand: kube-scheduler takes a name back when it has tried the pod in
// vain, and it tries all that wait whenever a node opens. So names are written right before their node is opened, looked
// for in our own watch, and written again where they are gone.
import type { SnapshotNode } from '../cluster/build-snapshot.ts';
import type { NodeObject, PodObject } from '../cluster/cluster-objects.ts';
import type { ClusterContext } from './cluster-context.ts';
import { inParallel } from './in-parallel.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import type { PlacementHints } from './placement-hints.ts';
import { isPortError, type PortError, type PortErrorCode } from './port-errors.ts';
import type { Clock } from './ports.ts';
import type { QueueOrder } from './queue-order.ts';

/** Requests under way at once: fills a small API server and leaves other clusters' sockets alone. */
const PARALLEL_NAMES = 16;
/** Another try will do: the node stays closed for the next pass, within its time. */
const AWAY: ReadonlySet<PortErrorCode> = new Set(['unavailable', 'throttled']);
/** The scheduler watches pods and nodes apart: a node that opens before it has seen the names is open to all. When our own watch
 *  shows them, its own soon does too; on a busy machine names were late by more than the request that opens the node took. */
const SETTLE_MS = 150;
const LOOK_MS = 20;
/** A watch that lags by more than this is not waited for. */
const SEEN_MAX_MS = 500;
/** A pass has more to do. */
const ONCE_MAX_MS = 1000;
/** Each round has only the names that do not stand. */
const ROUNDS_MAX = 4;

/** A node that waits for its pods. */
export interface PlacedNode {
  readonly placed: SnapshotNode;
  readonly node: NodeObject;
  /** Those that may get its name. */
  readonly pods: readonly PodObject[];
  /** Those that have it and are not there yet. */
  readonly named: readonly PodObject[];
}

interface Name {
  readonly pod: PodObject;
  readonly node: NodeObject;
}

/** Names that this cluster's pods get in a second: what a small API server does at its ease, as each is a write that every watch
 *  of pods hears of. Four times a controller's usual share of requests, for some seconds. */
export const NAMES_PER_SECOND_MAX = 400;

/** Gives each name its turn, over all passes. */
export class NamePace {
  readonly #clock: Clock;
  #nextMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the next name may be written. */
  async turn(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const atMs = Math.max(this.#nextMs, nowMs);
    this.#nextMs = atMs + 1000 / NAMES_PER_SECOND_MAX;
    const waitMs = Math.floor(atMs - nowMs);
    if (waitMs > 0) await new Promise<void>((resolve) => this.#clock.setTimer(waitMs, resolve));
  }
}

/** Of one pass: what the server refuses once, or does not answer, is not asked again. */
export class PodNamer {
  readonly #context: ClusterContext;
  readonly #hints: PlacementHints;
  readonly #pace: NamePace;
  readonly #queue: QueueOrder;
  /** The server does not answer; the right is missing. */
  #away = false;
  #refused = false;

  /** `over`: what outlasts the pass. */
  constructor(
    context: ClusterContext,
    hints: PlacementHints,
    over: { readonly pace: NamePace; readonly queue: QueueOrder },
  ) {
    this.#context = context;
    this.#hints = hints;
    this.#pace = over.pace;
    this.#queue = over.queue;
  }

  /** Once and without looking whether they stand, for `forMs` at most: for pods of nodes that are open already, or that do not
   *  open yet. `note` hears of each. Failures as in nameAll. */
  async nameOnce(
    nodes: readonly PlacedNode[],
    { note, forMs = ONCE_MAX_MS }: { readonly note?: (pod: PodObject) => void; readonly forMs?: number },
  ): Promise<void> {
    const untilMs = this.#context.clock.monotonicMs() + forMs;
    const names = nodes.flatMap(({ node, pods }) => pods.map((pod) => ({ node, pod })));
    await inParallel(names, { most: PARALLEL_NAMES }, async (name) => {
      if (this.#context.clock.monotonicMs() >= untilMs) return;
      note?.(name.pod);
      await this.#name(name);
    });
  }

  /** The nodes of which all pods are done with: named, or refused, which keeps no node closed. Operating failures are
   *  logged and counted; only a programmer error rejects. */
  async nameAll(nodes: readonly PlacedNode[]): Promise<readonly PlacedNode[]> {
    const later = new Set<NodeObject>();
    // Names that stood when the plan was made may have been taken back since.
    const written = new Set<Name>(nodes.flatMap(({ node, named }) => named.map((pod) => ({ node, pod }))));
    let missing: readonly Name[] = nodes.flatMap(({ node, pods }) => pods.map((pod) => ({ node, pod })));
    for (let round = 1; round <= ROUNDS_MAX && written.size + missing.length > 0; round += 1) {
      await inParallel(missing, { most: PARALLEL_NAMES }, async (name) => {
        const outcome = await this.#name(name);
        if (outcome === 'written') written.add(name);
        if (outcome === 'later') later.add(name.node);
      });
      // Those of later rounds are few, and the others lose theirs again the longer that takes.
      if (round === 1 && written.size > 0) await this.#sleep(SETTLE_MS);
      missing = await this.#notSeen(written);
      if (missing.length === 0) break;
    }
    return nodes.filter(({ node }) => !later.has(node));
  }

  /** Later: the server does not answer now. What it refuses is done with. */
  async #name({ pod, node }: Name): Promise<'written' | 'refused' | 'later'> {
    await this.#pace.turn();
    const { signal, workload } = this.#context;
    if (!this.#context.lease().held || signal.aborted || this.#away) return 'later';
    if (this.#refused) return 'refused';
    try {
      if (pod.nominatedNodeName === '') this.#queue.note(pod);
      await workload.nominateNode(pod, node.name);
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

  /** Waits until our watch shows the names: those that it does not, in time. */
  async #notSeen(written: ReadonlySet<Name>): Promise<readonly Name[]> {
    const { clock, signal, workload } = this.#context;
    const untilMs = clock.monotonicMs() + SEEN_MAX_MS;
    for (;;) {
      // All of them each time: a name that was seen may be gone again.
      const missing = [...written].filter(({ pod }) => {
        const shown = workload.stores.pods.get(`${pod.namespace}/${pod.name}`);
        return shown?.uid === pod.uid && shown.nominatedNodeName === '' && shown.nodeName === '';
      });
      if (missing.length === 0 || clock.monotonicMs() >= untilMs || signal.aborted) return missing;
      await this.#sleep(LOOK_MS);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#context.clock.setTimer(ms, resolve);
    });
  }

  /** One line for all that would fail alike. */
  #noteFailure(error: PortError): void {
    this.#away ||= AWAY.has(error.code);
    this.#refused ||= error.code === 'forbidden';
    if (error.code === 'forbidden') this.#hints.noteForbidden(error.message);
    const fields = { ...clusterFields(this.#context), ...errorFields(error) };
    this.#context.telemetry.log('warn', 'a node could not be named to a pod', fields);
  }

  #count(outcome: 'written' | 'changed' | 'failed'): void {
    this.#context.telemetry.count('sluice_placement_hints_total', { ...clusterFields(this.#context), outcome });
  }
}
