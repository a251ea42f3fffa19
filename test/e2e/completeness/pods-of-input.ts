// The pods of a measurement in a real control plane: made, counted, taken away again.
import { inParallel } from '../in-parallel.ts';
import { type KubeClient, type KubeObject, type Loose, pathOf } from '../kube-client.ts';
import { waitUntil } from '../wait-until.ts';

const PAGE = 500;
const GONE_LIMIT_MS = 900_000;
const SERVED_LIMIT_MS = 60_000;

export interface Unbound {
  readonly pods: number;
  readonly daemonPods: number;
  readonly untried: number;
}

/** kube-scheduler says in the pod's condition how many nodes it looked at, and why each of them would not do. */
function wasTried(pod: KubeObject, nodes: number): boolean {
  const conditions: readonly Loose[] = pod['status']?.conditions ?? [];
  const message = String(conditions.find(({ type }) => type === 'PodScheduled')?.['message'] ?? '');
  return message.startsWith(`0/${nodes} nodes`) && !message.includes('untolerated taint');
}

export class PodsOfInput {
  readonly cluster: KubeClient;
  readonly #namespaces = new Set<string>();

  /** `cluster`: an admin. */
  constructor(cluster: KubeClient) {
    this.cluster = cluster;
  }

  /** Objects one after the other, then pods, some at a time, in their order. */
  async create(objects: readonly KubeObject[], pods: readonly KubeObject[]): Promise<void> {
    for (const object of objects) {
      await this.cluster.apply(object);
      if (object.kind === 'Namespace') this.#namespaces.add(object.metadata.name);
    }
    for (const name of this.#namespaces) await this.#serviceAccount(name);
    await inParallel(pods, (pod) =>
      this.cluster.send('POST', `/api/v1/namespaces/${pod.metadata.namespace ?? ''}/pods`, pod),
    );
  }

  /** Admission refuses pods before the controller-manager has made it. */
  async #serviceAccount(namespace: string): Promise<void> {
    await waitUntil(`the service account of ${namespace}`, SERVED_LIMIT_MS, async () => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
      return (await this.cluster.call('GET', path)).status === 200 ? true : undefined;
    });
  }

  /** How many have no node. Apart from the others those of DaemonSets, which no other node helps. `untried`: of the others,
   *  those that the scheduler has not tried since there are `nodes` nodes, all open. */
  async unbound(nodes = 0): Promise<Unbound> {
    const found: KubeObject[] = [];
    for (const namespace of this.#namespaces) {
      found.push(...(await this.#pages(`/api/v1/namespaces/${namespace}/pods?fieldSelector=spec.nodeName%3D`)));
    }
    const others = found.filter(({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet'));
    return {
      pods: others.length,
      daemonPods: found.length - others.length,
      untried: others.filter((pod) => !wasTried(pod, nodes)).length,
    };
  }

  async all(): Promise<readonly KubeObject[]> {
    const pods: KubeObject[] = [];
    for (const namespace of this.#namespaces) {
      pods.push(...(await this.#pages(`/api/v1/namespaces/${namespace}/pods?`)));
    }
    return pods;
  }

  async #pages(path: string): Promise<readonly KubeObject[]> {
    const found: KubeObject[] = [];
    let from = '';
    do {
      const answer = await this.cluster.send('GET', `${path}&limit=${PAGE}&continue=${encodeURIComponent(from)}`);
      found.push(...answer.items);
      from = answer.metadata.continue ?? '';
    } while (from !== '');
    return found;
  }

  /** As soon as the kind is served. */
  async applyPool(pool: KubeObject): Promise<void> {
    await waitUntil('the NodePool kind to be served', SERVED_LIMIT_MS, async () => {
      const answer = await this.cluster.call('GET', '/apis/sluice.dev/v1alpha1/nodepools');
      return answer.status === 200 ? true : undefined;
    });
    await this.cluster.apply(pool);
  }

  /** Without its finalizer, whose owner has ended. */
  async removePool({ apiVersion = '', kind = '', metadata: { name } }: KubeObject): Promise<void> {
    await this.cluster.remove(apiVersion, kind, name);
    const path = pathOf({ apiVersion, kind, name });
    await this.cluster.send('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
  }

  /** Pods first and at once, before them what would make them anew; then what they named. */
  async remove(objects: readonly KubeObject[]): Promise<void> {
    const makers = objects.filter(({ kind }) => kind === 'DaemonSet');
    for (const { metadata } of makers) {
      await this.cluster.remove('apps/v1', 'DaemonSet', metadata.name, metadata.namespace);
    }
    const now = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 };
    for (const namespace of this.#namespaces) {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      await waitUntil(`the pods of ${namespace} to be gone`, GONE_LIMIT_MS, async () => {
        // Twenty thousand at once take longer than the server gives a request.
        await this.cluster.call('DELETE', `${path}?limit=${PAGE}`, now);
        return (await this.cluster.send('GET', `${path}?limit=1`)).items.length === 0 ? true : undefined;
      });
    }
    for (const object of objects.toReversed()) {
      const { apiVersion = '', kind = '', metadata } = object;
      if (kind !== 'Namespace') await this.cluster.remove(apiVersion, kind, metadata.name, metadata.namespace);
    }
  }
}
