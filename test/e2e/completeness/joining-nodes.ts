// Guests of a cloud that boots none: servers wait here until they are let in, one by one, in an order drawn from a seed.
// A node registers as its user data says, reports Ready and keeps its lease; nothing runs on it.
import type { BootingServer } from '../../../src/playground/playground.ts';
import { guestOf, type Guest } from '../guest-boot.ts';
import { inParallel } from '../in-parallel.ts';
import type { KubeClient } from '../kube-client.ts';
import { sleep, waitUntil } from '../wait-until.ts';

/** What a node offers to pods. */
export interface NodeSize {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly ephemeralMiB: number;
  readonly pods: number;
  /** Extended resources by name. */
  readonly extended: ReadonlyMap<string, number>;
}

/** Kubernetes calls a node unreachable after 50 s without a renewal. */
const LEASE_RENEW_MS = 15_000;
/** The controller-manager of a busy machine takes its time. */
const OPEN_LIMIT_MS = 600_000;
const ARRIVAL_LOOK_MS = 20;
/** Taints that Kubernetes itself puts on a new node, and lifts. */
const ARRIVAL_TAINTS = 'node.kubernetes.io/';
const MERGE_PATCH = 'application/merge-patch+json';

export class JoiningNodes {
  readonly #cluster: KubeClient;
  readonly #sizeOf: (flavor: string) => NodeSize;
  readonly #waiting = new Map<string, BootingServer>();
  readonly #joined = new Set<string>();
  #renewing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  /** `cluster`: an admin of the control plane that the nodes join. */
  constructor(cluster: KubeClient, sizeOf: (flavor: string) => NodeSize) {
    this.#cluster = cluster;
    this.#sizeOf = sizeOf;
  }

  /** Takes a server that became active. */
  boots(server: BootingServer): void {
    this.#waiting.set(server.name, server);
  }

  get waiting(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  get joined(): ReadonlySet<string> {
    return this.#joined;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => inParallel([...this.#joined], (name) => this.#renewLease(name)));
    }, LEASE_RENEW_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  /** Registers the node of one waiting server, and reports it Ready. */
  async join(name: string): Promise<void> {
    const server = this.#waiting.get(name);
    if (server === undefined) throw new Error(`no server '${name}' waits to join`);
    this.#waiting.delete(name);
    const userData = Buffer.from(server.userData, 'base64').toString();
    const guest = guestOf(userData, { serverId: server.id, name });
    await this.#cluster.send('POST', '/api/v1/nodes', nodeObject(guest));
    await this.#renewLease(guest.nodeName);
    const status = readyStatus(this.#sizeOf(server.flavor.name), server);
    await this.#cluster.send('PATCH', `/api/v1/nodes/${guest.nodeName}/status`, status, MERGE_PATCH);
    this.#joined.add(guest.nodeName);
  }

  /** Waits until Kubernetes has lifted its own taints from a node that joined. */
  async hasArrived(name: string): Promise<void> {
    for (const deadlineMs = Date.now() + OPEN_LIMIT_MS; Date.now() < deadlineMs; await sleep(ARRIVAL_LOOK_MS)) {
      const node = await this.#cluster.send('GET', `/api/v1/nodes/${name}`);
      const taints: readonly { readonly key: string }[] = node.spec.taints ?? [];
      if (!taints.some(({ key }) => key.startsWith(ARRIVAL_TAINTS))) return;
    }
    throw new Error(`node '${name}' still has a taint of a node that is not Ready`);
  }

  /** Waits until no node that joined is tainted: Kubernetes lifts its own when it has seen that a node is Ready. */
  async allOpen(): Promise<void> {
    await waitUntil('the nodes to be open to pods', OPEN_LIMIT_MS, async () => {
      const nodes = await this.#cluster.list('v1', 'Node');
      const closed = nodes.filter((node) => (node['spec'].taints ?? []).length > 0);
      return closed.length === 0 && nodes.length >= this.#joined.size ? true : undefined;
    });
  }

  /** Takes the nodes away again; the servers are the controller's. */
  async removeAll(): Promise<void> {
    const names = [...this.#joined];
    this.#joined.clear();
    this.#waiting.clear();
    await inParallel(names, (name) => this.#cluster.remove('v1', 'Node', name));
  }

  async #renewLease(name: string): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases`;
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() };
    const known = await this.#cluster.send('PATCH', `${path}/${name}`, { spec }, MERGE_PATCH);
    if (known !== undefined) return;
    const metadata = { name, namespace: 'kube-node-lease' };
    await this.#cluster.send('POST', path, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
  }
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

function nodeObject({ nodeName, labels, providerId, taints }: Guest): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      labels: {
        'kubernetes.io/hostname': nodeName,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...labels,
      },
    },
    spec: { ...(providerId === undefined ? {} : { providerID: providerId }), taints },
  };
}

function readyStatus(size: NodeSize, { address }: BootingServer): unknown {
  const amounts = {
    cpu: `${size.cpuMillis}m`,
    memory: `${size.memoryMiB}Mi`,
    'ephemeral-storage': `${size.ephemeralMiB}Mi`,
    pods: String(size.pods),
    ...Object.fromEntries([...size.extended].map(([name, amount]) => [name, String(amount)])),
  };
  const now = new Date().toISOString();
  return {
    status: {
      capacity: amounts,
      allocatable: amounts,
      addresses: [{ type: 'InternalIP', address }],
      conditions: ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        reason: 'TestKubelet',
        message: '',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      })),
    },
  };
}
