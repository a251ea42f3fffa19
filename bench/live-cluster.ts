// A generated cluster behind the product's own stores: what happens there comes as lines of a watch, as an API server sends
// them, and is read as the list-watches read it.
import { parseNodeClaim } from '../src/api/parse-resources.ts';
import type { ClusterObjects, PodObject } from '../src/cluster/cluster-objects.ts';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { belongsToNode } from '../src/cluster/pending-groups.ts';
import type { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { type StorePart, WatchedStore } from '../src/kubernetes/object-store.ts';
import { parseWatchLine } from '../src/kubernetes/watch-protocol.ts';
import type { Plan } from '../src/planner/plan.ts';
import { singleSteps } from '../src/planner/single-steps.ts';
import { claimOf, evicted, nodeOf, placesOf, poolsAfter } from './carry-out.ts';
import { podText } from './pod-text.ts';
import type { StillCluster } from './still-cluster.ts';

/** One kind: its store, the one who writes it, and the keys that it has. */
class Kind<T> {
  readonly store: WatchedStore<T>;
  readonly #part: StorePart<T>;
  readonly #parse: (raw: unknown) => T;
  readonly #keyOf: (object: T) => string;

  constructor(of: {
    readonly name: string;
    readonly parse: (raw: unknown) => T;
    readonly keyOf: (object: T) => string;
  }) {
    this.store = new WatchedStore(of.name);
    this.#part = this.store.openPart(0);
    this.#parse = of.parse;
    this.#keyOf = of.keyOf;
  }

  list(raw: readonly object[]): void {
    this.#part.replace(new Map(raw.map((one) => this.#parse(one)).map((one) => [this.#keyOf(one), one])));
  }

  /** Lines of a watch, applied together. */
  watch(lines: readonly string[]): void {
    const changes: (readonly [string, T | undefined])[] = [];
    for (const line of lines) {
      const event = parseWatchLine(line);
      if (event.kind === 'changed') changes.push([event.key, this.#parse(event.raw)]);
      else if (event.kind === 'deleted') changes.push([event.key, undefined]);
      else throw new Error(`not an event of an object: ${line}`);
    }
    this.#part.apply(changes);
  }

  put(objects: readonly T[]): void {
    this.#part.apply(objects.map((one) => [this.#keyOf(one), one]));
  }

  drop(objects: readonly T[]): void {
    this.#part.apply(objects.map((one) => [this.#keyOf(one), undefined]));
  }
}

const podKey = ({ namespace, name }: PodObject): string => `${namespace}/${name}`;

/** Lines that are still to be read. */
export interface Events {
  readonly pods: readonly string[];
  readonly nodes: readonly string[];
}

export class LiveCluster {
  /** As their kubelets would say it again. */
  readonly #rawNodes: readonly object[];
  readonly #pods: Kind<PodObject>;
  readonly #nodes = new Kind({ name: 'nodes', parse: parseNode, keyOf: ({ name }) => name });
  readonly #claims = new Kind({ name: 'nodeclaims', parse: parseNodeClaim, keyOf: ({ metadata }) => metadata.name });
  /** Keys of pods that may be replaced. */
  readonly #keys: string[];
  #others: ClusterObjects;

  /** `others`: what has no store here. */
  constructor(cluster: StillCluster, of: { readonly interner: PodShapeInterner; readonly others: ClusterObjects }) {
    this.#rawNodes = cluster.nodes;
    this.#others = of.others;
    this.#pods = new Kind({ name: 'pods', parse: (raw) => parsePod(raw, of.interner), keyOf: podKey });
    this.#pods.list(cluster.pods);
    this.#nodes.list(cluster.nodes);
    this.#claims.list(cluster.claims);
    this.#keys = this.#pods.store.list().map(podKey);
  }

  /** What happens in one turn: pods of Deployments are replaced by those of their newest revision on the same nodes, and
   *  kubelets say that their nodes are well. */
  eventsOf(turn: {
    readonly number: number;
    readonly pods: number;
    readonly nodes: number;
    readonly revision: number;
  }): Events {
    const pods: string[] = [];
    for (let event = 0; event < turn.pods; event += 1) {
      const place = ((turn.number * turn.pods + event) * 7919) % this.#keys.length;
      const old = this.#pods.store.get(this.#keys[place] ?? '');
      // Gone with its node.
      if (old === undefined) continue;
      const metadata = { name: old.name, namespace: old.namespace, resourceVersion: '2' };
      const { name, text } = podText({
        app: old.controller?.name ?? 'app',
        kind: old.controller?.kind ?? 'ReplicaSet',
        node: old.nodeName,
        cpuMillis: old.shape.requests.cpuMillis,
        memoryMiB: old.shape.requests.memoryBytes / 2 ** 20,
        revision: turn.revision,
      });
      pods.push(JSON.stringify({ type: 'DELETED', object: { metadata } }));
      pods.push(`{"type":"ADDED","object":${text}}`);
      this.#keys[place] = `${old.namespace}/${name}`;
    }
    const nodes: string[] = [];
    for (let event = 0; event < turn.nodes; event += 1) {
      const object = this.#rawNodes[(turn.number * turn.nodes + event) % this.#rawNodes.length];
      if (object === undefined || this.#nodes.store.get(nameOf(object).name) === undefined) continue;
      nodes.push(JSON.stringify({ type: 'MODIFIED', object }));
    }
    return { pods, nodes };
  }

  /** Reads the lines into the stores. */
  watch(events: Events): void {
    this.#pods.watch(events.pods);
    this.#nodes.watch(events.nodes);
  }

  /** What a decision looks at. */
  objects(): ClusterObjects {
    return {
      ...this.#others,
      pods: this.#pods.store.view(),
      nodes: this.#nodes.store.view(),
      claims: this.#claims.store.list(),
    };
  }

  /** A server is gone: the Node too, the claim has failed, the pods are made anew. */
  lose(number: number): void {
    const nodes = this.#nodes.store.list();
    const node = nodes[number % nodes.length];
    if (node === undefined) return;
    const claims = this.#claims.store.list().filter(({ metadata }) => metadata.name === node.name);
    this.#claims.put(claims.map((claim) => ({ ...claim, status: { ...claim.status, phase: 'Failed' as const } })));
    this.#emptied(new Set([node.name]));
  }

  /** The plan was carried out in an instant. */
  carryOut(plan: Plan): void {
    const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
    this.#claims.drop(this.#claims.store.list().filter(({ metadata }) => removed.has(metadata.name)));
    this.#emptied(removed);
    const created = singleSteps(plan.steps).flatMap((step) =>
      step.kind === 'createClaim' ? [claimOf(step, this.#others)] : [],
    );
    this.#claims.put(created);
    this.#nodes.put(created.map(nodeOf));
    for (const { pods, target } of placesOf(plan)) {
      this.#pods.put(pods.map((pod) => ({ ...pod, nodeName: target, phase: 'Running' })));
    }
    this.#others = { ...this.#others, nodePools: poolsAfter(this.#others, plan) };
  }

  /** The nodes are gone, and their pods wait for others. */
  #emptied(names: ReadonlySet<string>): void {
    this.#nodes.drop(this.#nodes.store.list().filter(({ name }) => names.has(name)));
    const pods = [...this.#pods.store.view()].filter(({ nodeName }) => names.has(nodeName));
    this.#pods.drop(pods.filter(belongsToNode));
    this.#pods.put(pods.filter((pod) => !belongsToNode(pod)).map(evicted));
  }
}

function nameOf(raw: object): { readonly name: string } {
  if (!('metadata' in raw)) throw new Error('no metadata');
  const { metadata } = raw;
  if (typeof metadata !== 'object' || metadata === null || !('name' in metadata)) throw new Error('no name');
  return { name: String(metadata.name) };
}
