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

/** Requests under way at once: fills a small API server and leaves other clusters' sockets alone. */
const PARALLEL_NAMES = 16;
/** Another try will do: the node stays closed for the next pass, within its time. */
const AWAY: ReadonlySet<PortErrorCode> = new Set(['unavailable', 'throttled']);
/** The scheduler watches pods and nodes apart. When our own watch shows the names, its own has them too, give or take. */
const LOOK_MS = 20;
/** A watch that lags by more than this is not waited for. */
const SEEN_MAX_MS = 500;
/** Each round has only the names that do not stand. */
const ROUNDS_MAX = 4;

/** A node that waits for its pods. */
export interface PlacedNode {
  readonly placed: SnapshotNode;
  readonly node: NodeObject;
  /** Those that may get its name. */
  readonly pods: readonly PodObject[];
}

interface Name {
  readonly pod: PodObject;
  readonly node: NodeObject;
}

/** Of one pass: what the server refuses once, or does not answer, is not asked again. */
export class PodNamer {
  readonly #context: ClusterContext;
  readonly #hints: PlacementHints;
  /** The server does not answer; the right is missing. */
  #away = false;
  #refused = false;

  constructor(context: ClusterContext, hints: PlacementHints) {
    this.#context = context;
    this.#hints = hints;
  }

  /** The nodes of which all pods are done with: named, or refused, which keeps no node closed. Operating failures are
   *  logged and counted; only a programmer error rejects. */
  async nameAll(nodes: readonly PlacedNode[]): Promise<readonly PlacedNode[]> {
    const later = new Set<NodeObject>();
    const written = new Set<Name>();
    let missing: readonly Name[] = nodes.flatMap(({ node, pods }) => pods.map((pod) => ({ node, pod })));
    for (let round = 1; round <= ROUNDS_MAX && missing.length > 0; round += 1) {
      await inParallel(missing, { most: PARALLEL_NAMES }, async (name) => {
        const outcome = await this.#name(name);
        if (outcome === 'written') written.add(name);
        if (outcome === 'later') later.add(name.node);
      });
      missing = await this.#notSeen(written);
    }
    return nodes.filter(({ node }) => !later.has(node));
  }

  /** Later: the server does not answer now. What it refuses is done with. */
  async #name({ pod, node }: Name): Promise<'written' | 'refused' | 'later'> {
    const { signal, workload } = this.#context;
    if (!this.#context.lease().held || signal.aborted || this.#away) return 'later';
    if (this.#refused) return 'refused';
    try {
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
      await new Promise<void>((resolve) => {
        clock.setTimer(LOOK_MS, resolve);
      });
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

  #count(outcome: 'written' | 'changed' | 'failed'): void {
    this.#context.telemetry.count('sluice_placement_hints_total', { ...clusterFields(this.#context), outcome });
  }
}
