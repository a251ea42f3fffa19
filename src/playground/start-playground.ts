// Starts the whole: a cloud, a management cluster, workload clusters on demand, and a kubelet for every server that
// becomes ACTIVE. Everything listens on 127.0.0.1 and ends with close().
import { stringify } from 'yaml';
import { readGuestBoot } from './guest-boot.ts';
import { Kubelet } from './kubelet.ts';
import { startCloudServer, type CloudServer } from './openstack-api/cloud-server.ts';
import type {
  Books,
  Playground,
  PlaygroundEvent,
  PlaygroundFlavor,
  PlaygroundOptions,
  PlaygroundQuota,
  PlaygroundTimings,
} from './playground.ts';
import { startPlaygroundCluster, type StartedCluster } from './playground-cluster.ts';

/** Sizes as OVH sells them. */
export const DEFAULT_FLAVORS: readonly PlaygroundFlavor[] = [
  { name: 'b2-7', vcpus: 2, memoryMiB: 7000, diskGiB: 50 },
  { name: 'b2-15', vcpus: 4, memoryMiB: 15_000, diskGiB: 100 },
  { name: 'b2-30', vcpus: 8, memoryMiB: 30_000, diskGiB: 200 },
  { name: 'c2-7', vcpus: 2, memoryMiB: 7000, diskGiB: 50 },
  { name: 'c2-15', vcpus: 4, memoryMiB: 15_000, diskGiB: 100 },
  { name: 'r2-15', vcpus: 2, memoryMiB: 15_000, diskGiB: 50 },
  { name: 'r2-30', vcpus: 2, memoryMiB: 30_000, diskGiB: 50 },
  { name: 'r2-60', vcpus: 4, memoryMiB: 60_000, diskGiB: 100 },
];

/** Fast enough to watch, slow enough to see the steps. */
export const DEFAULT_TIMINGS: PlaygroundTimings = {
  buildMs: 800,
  bootMs: 700,
  readyMs: 300,
  deleteMs: 300,
  podStartMs: 200,
  podStopMs: 200,
  heartbeatMs: 2000,
  nodeGraceMs: 10_000,
};

export const DEFAULT_QUOTA: PlaygroundQuota = {
  servers: 100,
  cores: 500,
  memoryMiB: 2_000_000,
  ports: 500,
  floatingIps: 50,
  serverGroupMembers: 10,
};

/** Starts cloud and management cluster. */
export async function startPlayground(options: PlaygroundOptions = {}): Promise<Playground> {
  const running = new RunningPlayground(options);
  try {
    await running.start();
  } catch (error) {
    await running.close();
    throw error;
  }
  return running.view();
}

class RunningPlayground {
  readonly #options: PlaygroundOptions;
  readonly #timings: PlaygroundTimings;
  readonly #listeners = new Set<(event: PlaygroundEvent) => void>();
  readonly #workload: StartedCluster[] = [];
  readonly #kubelets = new Map<string, Kubelet>();
  readonly #bootTimers = new Set<NodeJS.Timeout>();
  #cloud: CloudServer | undefined;
  #management: StartedCluster | undefined;
  #fault: unknown;

  constructor(options: PlaygroundOptions) {
    this.#options = options;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
  }

  async start(): Promise<void> {
    this.#cloud = await startCloudServer({
      flavors: this.#options.flavors ?? DEFAULT_FLAVORS,
      zones: this.#options.zones ?? ['zone-a', 'zone-b'],
      quota: { ...DEFAULT_QUOTA, ...this.#options.quota },
      timings: this.#timings,
      emit: (event) => this.#happened(event),
    });
    this.#management = await this.#startCluster('management');
  }

  #startCluster(name: string): Promise<StartedCluster> {
    return startPlaygroundCluster({
      name,
      timings: this.#timings,
      absentKinds: this.#options.absentKinds ?? [],
      emit: (event) => this.#happened(event),
      onFault: (error) => {
        this.#fault ??= error;
      },
    });
  }

  #happened(event: PlaygroundEvent): void {
    if (event.kind === 'serverActive') this.#boot(event.server);
    if (event.kind === 'serverDeleting' || event.kind === 'serverGone') this.#powerOff(event.server);
    for (const listener of this.#listeners) listener(event);
  }

  #boot(name: string): void {
    const timer = setTimeout(() => {
      this.#bootTimers.delete(timer);
      const state = this.#cloud?.state;
      const server = [...(state?.servers.values() ?? [])].find((each) => each.name === name);
      if (state === undefined || server === undefined || server.status !== 'ACTIVE' || server.taskState !== null)
        return;
      if (server.userData === '') return; // nobody told it to become a node
      const address = state.ports.get(server.portIds[0] ?? '')?.address ?? '10.0.0.2';
      if (this.#options.bootServer !== undefined) return this.#options.bootServer({ ...server, address });
      try {
        const boot = readGuestBoot(server.userData, server);
        const kubelet = new Kubelet({ boot, flavor: server.flavor, address, timings: this.#timings });
        this.#kubelets.set(name, kubelet);
        kubelet.run().catch((error: unknown) => {
          this.#fault ??= error;
        });
      } catch (error) {
        // a guest that cannot make sense of its user data stays a server without a node, as in real life
        if (!(error instanceof Error)) throw error;
        this.#happened({ kind: 'bootFailed', server: name, detail: error.message });
      }
    }, this.#timings.bootMs);
    this.#bootTimers.add(timer);
  }

  #powerOff(name: string): void {
    this.#kubelets.get(name)?.stop();
    this.#kubelets.delete(name);
  }

  #books(): Books {
    if (this.#fault !== undefined) throw new Error('the playground has a bug', { cause: this.#fault });
    const { cloud, management } = this.#started();
    const clusters = [management, ...this.#workload].map((started) => started.observer.books());
    const sum = (key: 'nodesRegistered' | 'podsRun' | 'podsEvicted' | 'decisions'): number =>
      clusters.reduce((total, books) => total + books[key], 0);
    return {
      ...cloud.state.books(),
      nodesRegistered: sum('nodesRegistered'),
      podsRun: sum('podsRun'),
      podsEvicted: sum('podsEvicted'),
      decisions: sum('decisions'),
    };
  }

  #started(): { readonly cloud: CloudServer; readonly management: StartedCluster } {
    const cloud = this.#cloud;
    const management = this.#management;
    if (cloud === undefined || management === undefined) throw new Error('the playground is not started');
    return { cloud, management };
  }

  view(): Playground {
    const { cloud, management } = this.#started();
    return {
      management: management.cluster,
      managementKubeconfig: management.cluster.kubeconfig,
      cloudsYaml: cloudsYaml(cloud),
      cloudUrl: cloud.url,
      projectId: cloud.state.projectId,
      networkName: cloud.state.network.name,
      storageNetworkName: 'playground-storage',
      externalNetworkName: cloud.state.externalNetwork.name,
      imageName: cloud.state.image.name,
      addWorkloadCluster: async (name) => {
        const started = await this.#startCluster(name);
        this.#workload.push(started);
        return started.cluster;
      },
      apply: (objects) => management.cluster.apply(objects),
      setCloudFaults: (faults) => cloud.state.setFaults(faults),
      setQuota: (quota) => {
        cloud.state.quota = { ...cloud.state.quota, ...quota };
      },
      rotateCredentials: () => {
        cloud.keystone.rotate();
        return cloudsYaml(cloud);
      },
      killServer: (name) => this.#powerOff(name),
      loseServer: (name) => {
        const server = [...cloud.state.servers.values()].find((each) => each.name === name);
        if (server !== undefined) cloud.state.dropServer(server.id);
      },
      books: () => this.#books(),
      on: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      close: () => this.close(),
    };
  }

  async close(): Promise<void> {
    for (const timer of this.#bootTimers) clearTimeout(timer);
    for (const kubelet of this.#kubelets.values()) kubelet.stop();
    this.#kubelets.clear();
    await Promise.all(this.#workload.map((started) => started.close()));
    await this.#management?.close();
    await this.#cloud?.close();
  }
}

function cloudsYaml(cloud: CloudServer): string {
  const { applicationCredentialId, applicationCredentialSecret } = cloud.keystone.credentials;
  return stringify({
    clouds: {
      playground: {
        auth_type: 'v3applicationcredential',
        auth: {
          auth_url: `${cloud.url}/identity/v3`,
          application_credential_id: applicationCredentialId,
          application_credential_secret: applicationCredentialSecret,
        },
        region_name: cloud.keystone.region,
        interface: 'public',
        identity_api_version: 3,
      },
    },
  });
}
