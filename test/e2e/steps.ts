// The words of the scenarios: declare a pool, deploy, wait for what a user waits for.
import type { KubeObject, Loose } from './kube-client.ts';
import { waitUntil } from './wait-until.ts';
import { cloudBooks, type TenantWorld, type World } from './world.ts';

/** Most that a scale-up may take: the real cloud makes one server in some 2 s of CPU, and CI shares two cores. */
const SCALE_UP_MS = 420_000;
const SCALE_DOWN_MS = 600_000;
/** Two creates and a delete on a busy cloud. */
const ONE_PER_CLAIM_MS = 180_000;

export function nodePool(name: string, spec: Readonly<Record<string, unknown>>): KubeObject {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'NodePool',
    metadata: { name },
    spec: {
      minNodes: 0,
      maxNodes: 20,
      autoscale: true,
      autoscaling: { scaleDownUnneededTimeSeconds: 5, scaleDownUtilizationThreshold: '0.5' },
      drain: { timeoutSeconds: 120 },
      ...spec,
    },
  };
}

export function deployment(
  name: string,
  options: {
    replicas: number;
    cpu: string;
    memory: string;
    namespace?: string;
    pod?: Readonly<Record<string, unknown>>;
  },
): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: options.namespace ?? 'default' },
    spec: {
      replicas: options.replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image: 'registry.invalid/pause:1',
              resources: { requests: { cpu: options.cpu, memory: options.memory } },
            },
          ],
          ...options.pod,
        },
      },
    },
  };
}

export async function scale(tenant: TenantWorld, name: string, replicas: number, namespace = 'default'): Promise<void> {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace } };
  await tenant.kube.patch(object, { spec: { replicas } }, '/scale');
}

async function podsOf(tenant: TenantWorld, namespaces: readonly string[]): Promise<KubeObject[]> {
  const pods = await tenant.kube.list('v1', 'Pod');
  return pods.filter((pod) => namespaces.includes(pod.metadata.namespace ?? ''));
}

/** Waits until exactly `count` pods of these namespaces run, each bound by the real scheduler. */
export function podsRunning(tenant: TenantWorld, namespaces: readonly string[], count: number): Promise<KubeObject[]> {
  return waitUntil(
    `${count} pods to run in ${namespaces.join(', ')} of ${tenant.name}`,
    SCALE_UP_MS,
    async () => {
      const pods = await podsOf(tenant, namespaces);
      const running = pods.filter(
        (pod) => pod['status'].phase === 'Running' && pod.metadata.deletionTimestamp === undefined,
      );
      return pods.length === count && running.length === count ? pods : undefined;
    },
    async () => await situation(tenant, namespaces),
  );
}

export function poolSettledAt(
  tenant: TenantWorld,
  pool: string,
  nodes: number,
  limitMs = SCALE_UP_MS,
): Promise<KubeObject> {
  return waitUntil(
    `pool ${pool} of ${tenant.name} to have ${nodes} available nodes`,
    limitMs,
    async () => {
      const found = await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', pool);
      const status = found?.['status'];
      return status?.currentNodes === nodes && status.availableNodes === nodes ? found : undefined;
    },
    async () => await situation(tenant, ['default']),
  );
}

/** Waits until every node that is left has a pod on it. */
export function noNodeWithoutPods(tenant: TenantWorld): Promise<true> {
  return waitUntil(
    `no node of ${tenant.name} to be left without a pod`,
    SCALE_DOWN_MS,
    async () => {
      const used = new Set((await tenant.kube.list('v1', 'Pod')).map((pod) => pod['spec'].nodeName));
      const nodes = await tenant.kube.list('v1', 'Node');
      return nodes.every((node) => used.has(node.metadata.name)) ? true : undefined;
    },
    async () => await situation(tenant, ['default']),
  );
}

/** Waits until neither Nova nor Neutron holds anything of this tenant, and no Node or claim is left. */
export function everythingGone(world: World, tenant: TenantWorld): Promise<true> {
  return waitUntil(
    `Nova and Neutron of ${tenant.name} to be empty`,
    SCALE_DOWN_MS,
    async () => {
      const { servers, ports, serverGroups } = await cloudBooks(tenant);
      const nodes = await tenant.kube.list('v1', 'Node');
      const claims = await claimsOf(world, tenant);
      return servers.length + ports.length + serverGroups.length + nodes.length + claims.length === 0
        ? true
        : undefined;
    },
    async () => {
      const { servers, ports, serverGroups } = await cloudBooks(tenant);
      const claims = (await claimsOf(world, tenant)).map(claimLine);
      return `${servers.length} servers, ${ports.length} ports, ${serverGroups.length} groups; ${claims.join('; ')} | ${await situation(tenant, ['default'])}`;
    },
  );
}

export function claimsOf(world: World, tenant: TenantWorld): Promise<KubeObject[]> {
  return world.management.list('sluice.dev/v1alpha1', 'NodeClaim', '', tenant.namespace);
}

function claimLine(claim: KubeObject): string {
  const { phase, failure } = claim['status'] ?? {};
  return `${claim.metadata.name} ${phase}${failure === undefined ? '' : ` (${failure.code}: ${failure.message})`}`;
}

/** Waits until there is exactly one server and one port for each claim, and each server has its claim's name. A create
 *  may be under way at any moment, so this is asked until it holds; a twin or a leak would stay. */
export async function onePerClaim(world: World, tenant: TenantWorld): Promise<void> {
  let seen = '';
  await waitUntil(
    `one server and one port per claim of ${tenant.name}`,
    ONE_PER_CLAIM_MS,
    async () => {
      const claims = (await claimsOf(world, tenant)).map((claim) => claim.metadata.name).sort();
      const { servers, ports } = await cloudBooks(tenant);
      const names = servers.map((server) => String(server.name)).sort();
      const free = ports.filter((port: Loose) => port.device_id === '').length;
      seen = `claims ${claims.join(' ')}; servers ${names.join(' ')}; ${ports.length} ports, ${free} of them free`;
      const same = JSON.stringify(claims) === JSON.stringify(names);
      return same && ports.length === claims.length && free === 0 ? true : undefined;
    },
    () => Promise.resolve(seen),
  );
}

/** What a person would look at first; part of every failed wait. */
export async function situation(tenant: TenantWorld, namespaces: readonly string[]): Promise<string> {
  const pods = await podsOf(tenant, namespaces);
  const pending = pods.filter((pod) => pod['status'].phase !== 'Running');
  const nodes = await tenant.kube.list('v1', 'Node');
  const pools = await tenant.kube.list('sluice.dev/v1alpha1', 'NodePool');
  const conditions = pools.flatMap((pool) =>
    (pool['status']?.conditions ?? []).map(
      (one: Loose) => `${pool.metadata.name} ${one.type}=${one.status} ${one.reason} ${one.message}`,
    ),
  );
  return [
    `${pods.length} pods, not running: ${pending
      .map((pod) => `${pod.metadata.name}@${pod['spec'].nodeName ?? '-'}`)
      .slice(0, 10)
      .join(' ')}`,
    `nodes: ${nodes.map((node) => node.metadata.name).join(' ')}`,
    ...conditions,
  ].join(' | ');
}
