// What became of each pod and node of a measurement, as the API server told it: names that pods got and lost, when nodes
// were opened, when pods were bound. For finding out why a pod is not where it was planned; costs a watch of all pods.
import type { KubeClient, Loose } from '../kube-client.ts';

/** One change. Times in ms since the start of the trace. */
interface PodChange {
  readonly atMs: number;
  /** status.nominatedNodeName */
  readonly named: string;
  /** spec.nodeName */
  readonly node: string;
}

interface NodeChange {
  readonly atMs: number;
  readonly taints: string;
}

export class PlacementTrace {
  readonly #startedMs = Date.now();
  readonly #stop = new AbortController();
  readonly #pods = new Map<string, PodChange[]>();
  readonly #nodes = new Map<string, NodeChange[]>();
  readonly #ended: Promise<unknown>;
  /** A watch that ended early: what is missing is not known. */
  fault: unknown;

  constructor(cluster: KubeClient) {
    const watch = async (kind: string, note: (object: Loose) => void): Promise<void> => {
      // A server ends the watch of who reads too slowly; the next one begins with all objects as they are.
      while (!this.#stop.signal.aborted) {
        try {
          await cluster.watch(`/api/v1/${kind}`, note, this.#stop.signal);
        } catch (error) {
          if (this.#stop.signal.aborted) return;
          this.fault ??= error;
          return;
        }
      }
    };
    this.#ended = Promise.all([
      watch('pods', (pod) => this.#notePod(pod)),
      watch('nodes', (node) => this.#noteNode(node)),
    ]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  /** One line: what happened to the pod, and to the nodes that it was named or is on. */
  ofPod(key: string): string {
    const changes = this.#pods.get(key) ?? [];
    const nodes = new Set(changes.flatMap(({ named, node }) => [named, node]).filter((name) => name !== ''));
    const path = changes.map(({ atMs, named, node }) => `${atMs} ${node === '' ? `named '${named}'` : `on ${node}`}`);
    return [path.join(', '), ...[...nodes].map((name) => `${name}: ${this.ofNode(name)}`)].join(' | ');
  }

  ofNode(name: string): string {
    return (this.#nodes.get(name) ?? []).map(({ atMs, taints }) => `${atMs} [${taints}]`).join(', ');
  }

  /** All of it, a JSON line each. */
  *lines(): Generator<string> {
    for (const [node, changes] of this.#nodes) yield JSON.stringify({ node, changes });
    for (const [pod, changes] of this.#pods) yield JSON.stringify({ pod, changes });
  }

  #notePod({ metadata, spec, status }: Loose): void {
    const key = `${metadata.namespace}/${metadata.name}`;
    const known = this.#pods.get(key) ?? [];
    const change = { atMs: this.#now(), named: status?.nominatedNodeName ?? '', node: spec?.nodeName ?? '' };
    const last = known.at(-1);
    if (last !== undefined && last.named === change.named && last.node === change.node) return;
    this.#pods.set(key, [...known, change]);
  }

  #noteNode({ metadata, spec }: Loose): void {
    const known = this.#nodes.get(metadata.name) ?? [];
    const all: readonly { readonly key: string }[] = spec?.taints ?? [];
    const taints = all.map(({ key }) => key.slice(key.indexOf('/') + 1)).join(' ');
    if (known.at(-1)?.taints === taints) return;
    this.#nodes.set(metadata.name, [...known, { atMs: this.#now(), taints }]);
  }

  #now(): number {
    return Date.now() - this.#startedMs;
  }
}
