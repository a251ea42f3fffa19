// Guests do not boot in a test cloud. This stands in for them: it watches Nova for ACTIVE servers, takes what a booting
// guest would take (its user data), joins with the bootstrap token in it, registers the Node with the certificate that
// the cluster signed, keeps its lease and runs the pods that the real scheduler binds to it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestOf, type Guest } from './guest-boot.ts';
import { inParallel } from './in-parallel.ts';
import { KubeClient, type KubeObject, type Loose } from './kube-client.ts';
import type { OpenStackClient } from './openstack-admin.ts';
import { sleep, waitUntil } from './wait-until.ts';

const POLL_MS = 1000;
/** Kubernetes calls a node unreachable after 50 s without a renewal. */
const LEASE_RENEW_MS = 10_000;
const LEASE_SECONDS = 40;

interface Kubelet {
  readonly serverId: string;
  readonly guest: Guest;
  readonly cluster: KubeClient;
  readonly node: KubeClient;
  readonly folder: string;
  leaseRenewedMs: number;
}

export class TestKubelets {
  readonly #cloud: OpenStackClient;
  readonly #clusters: readonly KubeClient[];
  readonly #running = new Map<string, Kubelet>();
  readonly #joining = new Set<string>();
  readonly #flavors = new Map<string, Loose>();
  /** What went wrong on the way, races with deletion among it; for whoever reads a failed run. */
  readonly problems: string[] = [];
  /** User data that no guest could have booted from: the product's fault, whatever else happened. */
  readonly unbootable: string[] = [];
  #stopped = false;
  #loops: Promise<void>[] = [];

  /** `clusters`: admins of the hosted clusters, who stand in for the kubelets' pod work. */
  constructor(cloud: OpenStackClient, clusters: readonly KubeClient[]) {
    this.#cloud = cloud;
    this.#clusters = clusters;
  }

  start(): void {
    this.#loops = [this.#repeat(() => this.#watchServers()), this.#repeat(() => this.#runPods())];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const kubelet of this.#running.values()) await this.#shutDown(kubelet);
  }

  get nodeNames(): readonly string[] {
    return [...this.#running.values()].map((kubelet) => kubelet.guest.nodeName);
  }

  async #repeat(pass: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await pass().catch((error: unknown) => {
        const text = String(error);
        if (this.problems.at(-1) !== text) this.problems.push(text);
      });
      await sleep(POLL_MS);
    }
  }

  async #watchServers(): Promise<void> {
    const servers = await this.#cloud.list('compute', '/servers/detail?all_tenants=1', 'servers');
    const active = new Set(servers.filter((server) => server.status === 'ACTIVE').map((server) => server.id));
    for (const [id, kubelet] of this.#running) {
      if (active.has(id)) continue;
      this.#running.delete(id);
      await this.#shutDown(kubelet);
    }
    for (const id of active) {
      if (this.#running.has(id) || this.#joining.has(id)) continue;
      this.#joining.add(id);
      // Joins go on beside the watch, as guests boot beside each other.
      void this.#boot(id)
        .catch((error: unknown) => this.problems.push(`server ${id}: ${String(error)}`))
        .finally(() => this.#joining.delete(id));
    }
    await this.#renewLeases();
  }

  async #boot(serverId: string): Promise<void> {
    const found = await this.#cloud.call('compute', 'GET', `/servers/${serverId}`);
    const userData: string | undefined = found?.server['OS-EXT-SRV-ATTR:user_data'];
    // Gone already, or somebody else's: an admin of a shared cloud sees all of them.
    if (userData === undefined || userData === null || found.server.metadata['sluice.dev:cluster'] === undefined)
      return;
    const guest = this.#read(Buffer.from(userData, 'base64').toString(), { serverId, name: found.server.name });
    if (guest === undefined) return;
    const cluster = this.#clusters.find((one) => new URL(one.credentials.server).port === new URL(guest.server).port);
    if (cluster === undefined) throw new Error(`no cluster has the API ${guest.server}`);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-kubelet-'));
    const node = await this.#certificate(guest, folder);
    const flavor = await this.#flavor(found.server.flavor.original_name);
    await node.send('POST', '/api/v1/nodes', nodeObject(guest));
    await node.send('PATCH', `/api/v1/nodes/${guest.nodeName}/status`, readyStatus(flavor, found.server), MERGE_PATCH);
    const kubelet = { serverId, guest, cluster, node, folder, leaseRenewedMs: 0 };
    this.#running.set(serverId, kubelet);
    await this.#renewLease(kubelet);
  }

  #read(userData: string, server: { readonly serverId: string; readonly name: string }): Guest | undefined {
    try {
      return guestOf(userData, server);
    } catch (error) {
      const text = `${server.name}: ${String(error)}`;
      if (!this.unbootable.includes(text)) this.unbootable.push(text);
      return undefined;
    }
  }

  async #certificate(guest: Guest, folder: string): Promise<KubeClient> {
    const key = join(folder, 'node.key');
    execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key]);
    const subject = `/O=system:nodes/CN=system:node:${guest.nodeName}`;
    const csr = execFileSync('openssl', ['req', '-new', '-key', key, '-subj', subject]);
    const { server, ca } = guest;
    const bootstrap = new KubeClient({ server, ca, token: guest.token });
    const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    try {
      const made = await bootstrap.send('POST', path, {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { generateName: 'node-csr-' },
        spec: {
          signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
          usages: ['digital signature', 'client auth'],
          request: csr.toString('base64'),
        },
      });
      const certificate = await waitUntil(`the certificate of ${guest.nodeName}`, 60_000, async () => {
        const seen: KubeObject | undefined = await bootstrap.send('GET', `${path}/${made.metadata.name}`);
        return seen?.['status']?.certificate as string | undefined;
      });
      const cert = Buffer.from(certificate, 'base64').toString();
      return new KubeClient({ server, ca, cert, key: readFileSync(key, 'utf8') });
    } finally {
      await bootstrap.close();
    }
  }

  async #flavor(name: string): Promise<Loose> {
    if (!this.#flavors.has(name)) {
      for (const one of await this.#cloud.list('compute', '/flavors/detail', 'flavors'))
        this.#flavors.set(one.name, one);
    }
    return this.#flavors.get(name);
  }

  async #renewLeases(): Promise<void> {
    const due = [...this.#running.values()].filter((kubelet) => Date.now() - kubelet.leaseRenewedMs > LEASE_RENEW_MS);
    await inParallel(due, (kubelet) => this.#renewLease(kubelet));
  }

  async #renewLease(kubelet: Kubelet): Promise<void> {
    const name = kubelet.guest.nodeName;
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime() },
    };
    const known = await kubelet.node.send('PATCH', path, { spec: lease.spec }, MERGE_PATCH);
    if (known === undefined) await kubelet.node.send('POST', path.slice(0, path.lastIndexOf('/')), lease);
    kubelet.leaseRenewedMs = Date.now();
  }

  /** What the kubelets' pod workers would do, with the admin's rights. */
  async #runPods(): Promise<void> {
    for (const cluster of this.#clusters) {
      const nodes = new Set(
        [...this.#running.values()].filter((one) => one.cluster === cluster).map((one) => one.guest.nodeName),
      );
      const pods = (await cluster.list('v1', 'Pod')).filter((pod) => nodes.has(pod['spec'].nodeName));
      await inParallel(pods, async (pod) => {
        const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
        if (pod.metadata.deletionTimestamp !== undefined) {
          await cluster.send('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
        } else if (pod['status'].phase === 'Pending') {
          await cluster.send('PATCH', `${path}/status`, runningStatus(), MERGE_PATCH);
        }
      });
    }
  }

  async #shutDown(kubelet: Kubelet): Promise<void> {
    await kubelet.node.close();
    rmSync(kubelet.folder, { recursive: true, force: true });
  }
}

const MERGE_PATCH = 'application/merge-patch+json';

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

function nodeObject(guest: Guest): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: guest.nodeName,
      labels: {
        'kubernetes.io/hostname': guest.nodeName,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...guest.labels,
      },
    },
    spec: { ...(guest.providerId === undefined ? {} : { providerID: guest.providerId }), taints: guest.taints },
  };
}

/** Allocatable by OVH's documented rule for managed nodes (150m + 5m a core, 1,590 MB; 110 pods), not by the product's. */
function readyStatus(flavor: Loose, server: Loose): unknown {
  const memoryMi = flavor.ram;
  const capacity = {
    cpu: `${flavor.vcpus}`,
    memory: `${memoryMi}Mi`,
    pods: '110',
    'ephemeral-storage': `${flavor.disk}Gi`,
  };
  const addresses = Object.values<Loose>(server.addresses).flat();
  return {
    status: {
      capacity,
      allocatable: {
        ...capacity,
        cpu: `${flavor.vcpus * 1000 - 150 - 5 * flavor.vcpus}m`,
        memory: `${memoryMi - 1590}Mi`,
        'ephemeral-storage': `${Math.floor(flavor.disk * 0.85)}Gi`,
      },
      addresses: addresses.map((one) => ({ type: 'InternalIP', address: one.addr })).slice(0, 1),
      nodeInfo: {
        machineID: server.id,
        systemUUID: server.id,
        bootID: server.id,
        kernelVersion: '6.1.0',
        osImage: 'test guest',
        containerRuntimeVersion: 'none://0',
        kubeletVersion: 'v1.37.1',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
      conditions: ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        reason: 'TestKubelet',
        message: '',
        lastHeartbeatTime: new Date().toISOString(),
        lastTransitionTime: new Date().toISOString(),
      })),
    },
  };
}

function runningStatus(): unknown {
  const now = new Date().toISOString();
  return {
    status: {
      phase: 'Running',
      startTime: now,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: now,
      })),
    },
  };
}
