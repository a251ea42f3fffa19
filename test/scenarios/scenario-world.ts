// A playground with one cluster in it and the real controller beside it; what a scenario does to it and sees of it.
import { vi } from 'vitest';
import { customResourceDefinition } from '../../src/api/custom-resource-definition.ts';
import { GROUP_VERSION } from '../../src/api/names.ts';
import { startController, type RunningController } from '../../src/cli/start-controller.ts';
import type { Playground, PlaygroundCluster, PlaygroundEvent } from '../../src/playground/playground.ts';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../src/playground/untyped.ts';

/** The loop looks at timers every 10 s at the latest, and a scenario waits for two such turns on a busy machine. */
export const SCENARIO_MS = 90_000;
const WAIT = { timeout: 45_000, interval: 50 };

export const TIMINGS = {
  buildMs: 100,
  bootMs: 50,
  readyMs: 50,
  deleteMs: 50,
  podStartMs: 30,
  podStopMs: 30,
  heartbeatMs: 1000,
};

export interface ScenarioWorld {
  readonly playground: Playground;
  readonly cluster: PlaygroundCluster;
  readonly events: readonly PlaygroundEvent[];
  /** Stops the controller as a rolling update would, and starts a new one. */
  restartController(): Promise<void>;
  close(): Promise<void>;
}

function secret(name: string, stringData: Readonly<Record<string, string>>): Fields {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, stringData };
}

/** Puts a WorkloadCluster of this name and its secrets on the management cluster. */
export async function registerCluster(
  playground: Playground,
  cluster: PlaygroundCluster,
  options: { readonly cloudsYaml?: string; readonly spec?: Fields } = {},
): Promise<void> {
  await cluster.apply([customResourceDefinition('NodePool')]);
  await playground.apply([
    secret(`${cluster.name}-kubeconfig`, { value: cluster.kubeconfig }),
    secret(`${cluster.name}-openstack`, { 'clouds.yaml': options.cloudsYaml ?? playground.cloudsYaml }),
    {
      apiVersion: GROUP_VERSION,
      kind: 'WorkloadCluster',
      metadata: { name: cluster.name, namespace: 'default' },
      spec: {
        kubeconfig: { secretRef: { name: `${cluster.name}-kubeconfig`, key: 'value' } },
        openstack: {
          credentialsSecretRef: { name: `${cluster.name}-openstack`, key: 'clouds.yaml' },
          cloud: 'playground',
          projectId: playground.projectId,
          network: playground.networkName,
          images: [{ name: playground.imageName }],
        },
        ...options.spec,
      },
    },
  ]);
}

/** Starts everything; the controller runs. `cloudsYaml` changes the credentials that it gets, `openstack` and `autoscaler`
 *  those parts of the WorkloadCluster. */
export async function openWorld(
  options: {
    readonly cloudsYaml?: (good: string) => string;
    readonly openstack?: Fields;
    readonly autoscaler?: Fields;
    readonly absentKinds?: readonly string[];
  } = {},
): Promise<ScenarioWorld> {
  const playground = await startPlayground({ timings: TIMINGS, absentKinds: options.absentKinds ?? [] });
  const cluster = await playground.addWorkloadCluster('shop');
  const events: PlaygroundEvent[] = [];
  playground.on((event) => events.push(event));
  await playground.apply([customResourceDefinition('WorkloadCluster'), customResourceDefinition('NodeClaim')]);
  const cloudsYaml = options.cloudsYaml?.(playground.cloudsYaml) ?? playground.cloudsYaml;
  const openstack = {
    credentialsSecretRef: { name: 'shop-openstack' },
    projectId: playground.projectId,
    network: playground.networkName,
    images: [{ name: playground.imageName }],
    ...options.openstack,
  };
  await registerCluster(playground, cluster, {
    cloudsYaml,
    spec: { openstack, ...(options.autoscaler === undefined ? {} : { autoscaler: options.autoscaler }) },
  });
  const start = (identity: string): Promise<RunningController> =>
    startController({
      management: { kind: 'kubeconfigText', text: playground.managementKubeconfig },
      namespaces: ['default'],
      listen: undefined,
      logLevel: 'silent',
      // The playground's cloud bears what no scenario should wait for.
      openstackRequestsPerSecond: 200,
      identity,
    });
  let controller = await start('first');
  return {
    playground,
    cluster,
    events,
    restartController: async () => {
      await controller.close();
      controller = await start('second');
    },
    close: async () => {
      await controller.close();
      await playground.close();
    },
  };
}

/** A NodePool that gives nodes up after a second. */
export function nodePool(name: string, spec: Fields): Fields {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'NodePool',
    metadata: { name },
    spec: {
      autoscaling: { scaleDownUnneededTimeSeconds: 1, scaleDownDelayAfterAddSeconds: 0 },
      drain: { timeoutSeconds: 3 },
      ...spec,
    },
  };
}

export function deployment(name: string, options: { readonly replicas: number; readonly cpu: string }): Fields {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: options.replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: options.cpu } } }] },
      },
    },
  };
}

/** Retries the assertions until they hold. */
export function eventually(assert: () => void): Promise<void> {
  return vi.waitFor(assert, WAIT);
}

export function runningPods(cluster: PlaygroundCluster): number {
  return cluster
    .list('pods')
    .filter((pod) => fieldsOf(pod['status'])['phase'] === 'Running')
    .filter((pod) => fieldsOf(pod['metadata'])['deletionTimestamp'] === undefined).length;
}

/** `status` of a condition and its reason, e.g. `True QuotaExceeded`; '' when there is none. */
export function conditionOf(object: Fields | undefined, type: string): string {
  const conditions = listOf(fieldsOf(object?.['status'])['conditions']).map(fieldsOf);
  const found = conditions.find((condition) => condition['type'] === type);
  return found === undefined ? '' : `${textOf(found['status'])} ${textOf(found['reason'])}`;
}

/** Names of the servers that Nova was asked for, in order. */
export function serversAsked(world: ScenarioWorld): readonly string[] {
  return world.events.flatMap((event) => (event.kind === 'serverCreated' ? [event.server] : []));
}

/** Nothing of ours is left anywhere. */
export function nothingLeft({ playground, cluster }: ScenarioWorld): Fields {
  const { serversLeft, portsLeft } = playground.books();
  const claims = playground.management.list('nodeclaims').length;
  const tokens = cluster
    .list('secrets')
    .filter((each) => textOf(fieldsOf(each['metadata'])['name']).startsWith('bootstrap-token-')).length;
  return { serversLeft, portsLeft, claims, nodes: cluster.list('nodes').length, tokens };
}

export const EMPTY: Fields = { serversLeft: 0, portsLeft: 0, claims: 0, nodes: 0, tokens: 0 };
