// The stage of a chaos run: a playground for both Kubernetes planes, its cloud or a real one behind the fault proxy, the
// WorkloadCluster and its secrets.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { customResourceDefinition } from '../../src/api/custom-resource-definition.ts';
import { GROUP_VERSION } from '../../src/api/names.ts';
import type { Playground, PlaygroundCluster, PlaygroundTimings } from '../../src/playground/playground.ts';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { fieldsOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { CloudBooks, type CloudIds } from './cloud-books.ts';

/** A real cloud instead of the playground's. */
export interface RealCloud {
  readonly cloudsYaml: string;
  readonly cloud: string;
  readonly network: string;
  readonly image: string;
  readonly flavors: readonly [string, string];
}

export interface ChaosWorld {
  readonly playground: Playground;
  readonly cluster: PlaygroundCluster;
  readonly books: CloudBooks;
  /** Past proxy and product. */
  readonly cloud: OpenStackClient;
  readonly ids: CloudIds;
  /** The real clouds.yaml, for the proxy to stand in front of. */
  readonly cloudsYaml: string;
  /** Puts the WorkloadCluster in place; `kubeconfig` and `cloudsYaml` are what the controller gets. */
  register(secrets: { readonly kubeconfig: string; readonly cloudsYaml: string }): Promise<void>;
  /** Replaces the secret with the clouds.yaml. */
  setCloudsYaml(text: string): Promise<void>;
  setDesired(pool: string, nodes: number): Promise<void>;
  claims(): readonly Fields[];
  /** Names under which the playground's cloud had more than one ACTIVE server, ever, those planted not counted. */
  activatedTwice(): readonly string[];
  close(): Promise<void>;
}

/** Milliseconds of the lapse: a second or two per step, as on a quick cloud. */
const TIMINGS = {
  buildMs: 3000,
  bootMs: 2000,
  readyMs: 1000,
  deleteMs: 2000,
  podStartMs: 500,
  podStopMs: 500,
  // A hundred kubelets that report every few seconds of a time that runs twenty times faster are a load of their own.
  heartbeatMs: 600_000,
  nodeGraceMs: 3_600_000,
};
const NODES_MAX = 100;

/** Starts the playground and finds what is to be used in the cloud. */
export async function openChaosWorld(real?: RealCloud, timings: Partial<PlaygroundTimings> = {}): Promise<ChaosWorld> {
  const playground = await startPlayground({ timings: { ...TIMINGS, ...timings } });
  const cluster = await playground.addWorkloadCluster('shop');
  const kinds = ['WorkloadCluster', 'NodeClaim'] as const;
  await playground.apply(kinds.map((kind) => customResourceDefinition(kind)));
  await cluster.apply([customResourceDefinition('NodePool')]);
  const used = real ?? {
    cloudsYaml: playground.cloudsYaml,
    cloud: 'playground',
    network: playground.networkName,
    image: playground.imageName,
    flavors: ['b2-7', 'b2-15'] as const,
  };
  const client = new OpenStackClient(cloudEntry(used.cloudsYaml, used.cloud));
  const ids = await idsOf(client, used);
  const books = new CloudBooks(client, ids);
  const activations: string[] = [];
  playground.on((event) => {
    if (event.kind === 'serverActive') activations.push(event.server);
  });
  const pool = (name: string, desiredNodes: number): Fields => ({
    apiVersion: GROUP_VERSION,
    kind: 'NodePool',
    metadata: { name },
    spec: { flavors: used.flavors, desiredNodes, maxNodes: NODES_MAX, drain: { timeoutSeconds: 5 } },
  });
  return {
    playground,
    cluster,
    books,
    cloud: client,
    ids,
    cloudsYaml: used.cloudsYaml,
    register: async ({ kubeconfig, cloudsYaml }) => {
      await playground.apply([
        secret('shop-kubeconfig', { value: kubeconfig }),
        secret('shop-openstack', { 'clouds.yaml': cloudsYaml }),
        workloadCluster(used, { projectId: await client.projectId(), apiEndpoint: cluster.url }),
      ]);
      const stored = playground.management.get('workloadclusters', 'shop', 'default');
      books.clusterUid = textOf(fieldsOf(stored?.['metadata'])['uid']);
    },
    setCloudsYaml: (text) => playground.apply([secret('shop-openstack', { 'clouds.yaml': text })]),
    setDesired: (name, nodes) => cluster.apply([pool(name, nodes)]),
    claims: () => playground.management.list('nodeclaims'),
    activatedTwice: () => {
      const planted = books.plantedNames();
      const times = (list: readonly string[], name: string) => list.filter((each) => each === name).length;
      return [...new Set(activations)].filter((name) => times(activations, name) - times(planted, name) > 1);
    },
    close: () => playground.close(),
  };
}

function secret(name: string, stringData: Readonly<Record<string, string>>): Fields {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, stringData };
}

function workloadCluster(used: RealCloud, where: { readonly projectId: string; readonly apiEndpoint: string }): Fields {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'WorkloadCluster',
    metadata: { name: 'shop', namespace: 'default' },
    spec: {
      kubeconfig: { secretRef: { name: 'shop-kubeconfig', key: 'value' } },
      bootstrap: { apiEndpoint: where.apiEndpoint },
      openstack: {
        credentialsSecretRef: { name: 'shop-openstack', key: 'clouds.yaml' },
        cloud: used.cloud,
        projectId: where.projectId,
        network: used.network,
        images: [{ name: used.image }],
      },
    },
  };
}

function cloudEntry(cloudsYaml: string, name: string): CloudEntry {
  const file: { clouds: Record<string, CloudEntry> } = parse(cloudsYaml);
  const entry = file.clouds[name];
  if (entry === undefined) throw new Error(`the clouds.yaml has no cloud '${name}'`);
  return entry;
}

async function idsOf(client: OpenStackClient, used: RealCloud): Promise<CloudIds> {
  const images = await client.call('image', 'GET', `/v2/images?name=${encodeURIComponent(used.image)}`);
  const flavors = await client.list('compute', '/flavors/detail', 'flavors');
  const networks = await client.call('network', 'GET', `/networks?name=${encodeURIComponent(used.network)}`);
  const imageId = textOf(images.images[0]?.id);
  const flavorId = textOf(flavors.find((flavor) => flavor['name'] === used.flavors[0])?.['id']);
  const networkId = textOf(networks.networks[0]?.id);
  if (imageId === '') throw new Error(`the cloud has no image '${used.image}'`);
  if (flavorId === '') throw new Error(`the cloud has no flavor '${used.flavors[0]}'`);
  if (networkId === '') throw new Error(`the cloud has no network '${used.network}'`);
  return { imageId, flavorId, networkId };
}

/** What OS_CLOUD and the SLUICE_TEST_ variables name in the clouds.yaml at `path`; the defaults are those of a cloud with one
 *  private network and OVH's flavors. */
export function readRealCloud(path: string, env: NodeJS.ProcessEnv): RealCloud {
  return {
    cloudsYaml: readFileSync(path, 'utf8'),
    cloud: env['OS_CLOUD'] ?? 'nodepool',
    network: env['SLUICE_TEST_NETWORK'] ?? 'nodepool-net',
    image: env['SLUICE_TEST_IMAGE'] ?? 'Debian 12',
    flavors: [env['SLUICE_TEST_FLAVOR'] ?? 'd2-2', env['SLUICE_TEST_SECOND_FLAVOR'] ?? 'd2-4'],
  };
}
