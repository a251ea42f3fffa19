// One booted server: joins the cluster that its user data names, keeps its lease, runs and ends the pods bound to it.
// It has no containers; a pod is Running after a while. Speaks HTTP only, with what its user data gave it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestBoot } from './guest-boot.ts';
import { KubeletClient } from './kubelet-client.ts';
import type { PlaygroundFlavor, PlaygroundTimings } from './playground.ts';
import { fieldsOf, listOf, textOf, type Fields } from './untyped.ts';

export interface KubeletOptions {
  readonly boot: GuestBoot;
  readonly flavor: PlaygroundFlavor;
  readonly address: string;
  readonly timings: PlaygroundTimings;
}

/** After a refused or lost request. */
const RETRY_MS = 1000;
const CSR_POLL_MS = 50;
/** kubelet's default. */
const LEASE_SECONDS = 40;
/** kubelet's default. */
const PODS_MAX = 110;
/** What kubelet, system and eviction threshold keep of a flavor; the rest is allocatable. */
const RESERVED_CPU_MILLIS = 140;
const RESERVED_CPU_MILLIS_PER_CORE = 5;
const RESERVED_MEMORY_MIB = 1500;
/** Memory of a flavor that the kernel keeps for itself. */
const KERNEL_MEMORY_MIB = 64;
const EPHEMERAL_USABLE_PART = 0.9;

function timeNow(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

function isReady(node: Fields): boolean {
  const conditions = listOf(fieldsOf(node['status'])['conditions']).map(fieldsOf);
  return conditions.some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');
}

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #stop = new AbortController();
  readonly #client: KubeletClient;
  readonly #pods = new Map<string, 'starting' | 'running' | 'ending'>();

  constructor(options: KubeletOptions) {
    this.#options = options;
    const { apiUrl, bootstrapToken } = options.boot;
    this.#client = new KubeletClient(apiUrl, { token: bootstrapToken, signal: this.#stop.signal });
  }

  /** Power off: no more requests. */
  stop(): void {
    this.#stop.abort();
  }

  /** Joins and works until stopped. Resolves then; never rejects for a lost connection. */
  async run(): Promise<void> {
    await this.#persist(() => this.#sign());
    await this.#persist(() => this.#register());
    await this.#pause(this.#options.timings.readyMs);
    await Promise.all([this.#keepAlive(), this.#followPods()]);
  }

  /** Until it worked once, or for ever: kubelets do not give up. */
  async #persist(attempt: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        await this.#pause(RETRY_MS);
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  /** TLS bootstrap without TLS: a signing request, whose signed answer is a token. */
  async #sign(): Promise<void> {
    const { nodeName } = this.#options.boot;
    const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    const name = `node-csr-${nodeName}-${Date.now()}`;
    const asked = await this.#client.send('POST', csrs, {
      metadata: { name },
      spec: {
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        username: `system:node:${nodeName}`,
        usages: ['client auth'],
        request: Buffer.from(`system:node:${nodeName}`).toString('base64'),
      },
    });
    if (asked.code !== 201) throw new Error(`signing request: ${asked.code}`);
    for (;;) {
      const { code, body } = await this.#client.send('GET', `${csrs}/${name}`);
      if (code !== 200) throw new Error(`signing request: ${code}`);
      const certificate = textOf(fieldsOf(body['status'])['certificate']);
      if (certificate !== '') {
        this.#client.useToken(Buffer.from(certificate, 'base64').toString());
        return;
      }
      await this.#pause(CSR_POLL_MS);
    }
  }

  async #register(): Promise<void> {
    const { nodeName, labels, taints, providerId } = this.#options.boot;
    const registered = await this.#client.send('POST', '/api/v1/nodes', {
      metadata: {
        name: nodeName,
        labels: {
          'kubernetes.io/hostname': nodeName,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': 'amd64',
          ...labels,
        },
      },
      spec: { ...(providerId === '' ? {} : { providerID: providerId }), taints },
    });
    // 409: it registered before its last reboot
    if (registered.code !== 201 && registered.code !== 409) throw new Error(`register: ${registered.code}`);
  }

  async #reportStatus(): Promise<void> {
    const { flavor, address, boot } = this.#options;
    const cpuMillis = flavor.vcpus * 1000 - RESERVED_CPU_MILLIS - RESERVED_CPU_MILLIS_PER_CORE * flavor.vcpus;
    const diskMiB = flavor.diskGiB * 1024;
    const now = timeNow();
    const condition = (type: string, status: string, reason: string): Fields => ({
      type,
      status,
      reason,
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    });
    const answer = await this.#client.send('PATCH', `/api/v1/nodes/${boot.nodeName}/status`, {
      status: {
        capacity: {
          cpu: String(flavor.vcpus),
          memory: `${flavor.memoryMiB - KERNEL_MEMORY_MIB}Mi`,
          'ephemeral-storage': `${diskMiB}Mi`,
          pods: String(PODS_MAX),
        },
        allocatable: {
          cpu: `${cpuMillis}m`,
          memory: `${Math.max(0, flavor.memoryMiB - RESERVED_MEMORY_MIB)}Mi`,
          'ephemeral-storage': `${Math.floor(diskMiB * EPHEMERAL_USABLE_PART)}Mi`,
          pods: String(PODS_MAX),
        },
        addresses: [
          { type: 'InternalIP', address },
          { type: 'Hostname', address: boot.nodeName },
        ],
        nodeInfo: { kubeletVersion: 'v1.37.1', osImage: 'playground', architecture: 'amd64', operatingSystem: 'linux' },
        conditions: [
          condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
          condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
          condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
          condition('Ready', 'True', 'KubeletReady'),
        ],
      },
    });
    if (answer.code !== 200) throw new Error(`node status: ${answer.code}`);
  }

  /** Renews the lease; reports the status whenever the control plane does not hold the node for ready; registers again
   *  when somebody deleted the Node. */
  async #keepAlive(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#persist(async () => {
        await this.#renewLease();
        const { code, body } = await this.#client.send('GET', `/api/v1/nodes/${this.#options.boot.nodeName}`);
        if (code === 404) await this.#register();
        if (code === 404 || !isReady(body)) await this.#reportStatus();
      });
      await this.#pause(this.#options.timings.heartbeatMs);
    }
  }

  async #renewLease(): Promise<void> {
    const { nodeName } = this.#options.boot;
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime };
    const renewed = await this.#client.send('PATCH', `${leases}/${nodeName}`, { spec });
    if (renewed.code === 404) await this.#client.send('POST', leases, { metadata: { name: nodeName }, spec });
  }

  async #followPods(): Promise<void> {
    const { nodeName } = this.#options.boot;
    await this.#client.watch(`/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3D${nodeName}`, (type, pod) => {
      const metadata = fieldsOf(pod['metadata']);
      const uid = textOf(metadata['uid']);
      if (type === 'DELETED') {
        this.#pods.delete(uid);
        return;
      }
      const path = `/api/v1/namespaces/${textOf(metadata['namespace'])}/pods/${textOf(metadata['name'])}`;
      const state = this.#pods.get(uid);
      if (metadata['deletionTimestamp'] !== undefined && state !== 'ending') {
        this.#pods.set(uid, 'ending');
        this.#soon(() => this.#end(path, uid), this.#options.timings.podStopMs);
      } else if (state === undefined && textOf(fieldsOf(pod['status'])['phase']) === 'Pending') {
        this.#pods.set(uid, 'starting');
        this.#soon(() => this.#start(path, { uid, pod }), this.#options.timings.podStartMs);
      }
    });
  }

  /** Work on one pod; a lost answer is tried again. */
  #soon(work: () => Promise<void>, afterMs: number): void {
    void this.#pause(afterMs).then(() => this.#persist(work));
  }

  async #start(path: string, { uid, pod }: { uid: string; pod: Fields }): Promise<void> {
    if (this.#pods.get(uid) !== 'starting') return;
    const now = timeNow();
    const conditions = ['Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    }));
    const containers = listOf(fieldsOf(pod['spec'])['containers']).map(fieldsOf);
    const containerStatuses = containers.map((container) => ({
      name: textOf(container['name']),
      image: textOf(container['image']),
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    }));
    const { code } = await this.#client.send('PATCH', `${path}/status`, {
      metadata: { uid },
      status: { phase: 'Running', startTime: now, hostIP: this.#options.address, conditions, containerStatuses },
    });
    if (code >= 500) throw new Error(`pod status: ${code}`);
    if (this.#pods.get(uid) === 'starting') this.#pods.set(uid, 'running');
  }

  async #end(path: string, uid: string): Promise<void> {
    const { code } = await this.#client.send('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } });
    if (code >= 500) throw new Error(`pod deletion: ${code}`);
  }
}
