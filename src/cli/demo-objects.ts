// What the demo installs: one WorkloadCluster, two NodePools from zero, prices, and an application that needs nodes.
import { customResourceDefinition } from '../api/custom-resource-definition.ts';
import { GROUP_VERSION } from '../api/names.ts';
import type { Playground, PlaygroundCluster } from '../playground/playground.ts';

export type Manifest = Record<string, unknown>;

export const DEMO_NAMESPACE = 'default';
export const DEMO_CLUSTER = 'shop';

/** Euros per hour; close to what such sizes cost in a public cloud. */
export const DEMO_PRICES: ReadonlyMap<string, number> = new Map([
  ['b2-7', 0.0681],
  ['b2-15', 0.1332],
  ['b2-30', 0.2674],
  ['c2-7', 0.0998],
  ['c2-15', 0.1977],
  ['r2-15', 0.1022],
  ['r2-30', 0.1186],
  ['r2-60', 0.2402],
]);

/** In a demo a node is given up after seconds; the default is ten minutes. */
const UNNEEDED_SECONDS = 3;

const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: DEMO_NAMESPACE },
  stringData,
});

/** For the management cluster. */
export function managementObjects(playground: Playground, workload: PlaygroundCluster): readonly Manifest[] {
  return [
    customResourceDefinition('WorkloadCluster'),
    customResourceDefinition('NodeClaim'),
    secret('shop-kubeconfig', { value: workload.kubeconfig }),
    secret('shop-openstack', { 'clouds.yaml': playground.cloudsYaml }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'prices', namespace: DEMO_NAMESPACE },
      data: Object.fromEntries([...DEMO_PRICES].map(([flavor, price]) => [flavor, String(price)])),
    },
    {
      apiVersion: GROUP_VERSION,
      kind: 'WorkloadCluster',
      metadata: { name: DEMO_CLUSTER, namespace: DEMO_NAMESPACE },
      spec: {
        kubeconfig: { secretRef: { name: 'shop-kubeconfig', key: 'value' } },
        openstack: {
          credentialsSecretRef: { name: 'shop-openstack', key: 'clouds.yaml' },
          cloud: 'playground',
          projectId: playground.projectId,
          network: playground.networkName,
          images: [{ name: playground.imageName }],
          securityGroups: ['default'],
        },
        pricesRef: { name: 'prices' },
      },
    },
  ];
}

function nodePool(name: string, spec: Manifest): Manifest {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'NodePool',
    metadata: { name },
    spec: {
      autoscale: true,
      minNodes: 0,
      autoscaling: {
        scaleDownUnneededTimeSeconds: UNNEEDED_SECONDS,
        scaleDownUnreadyTimeSeconds: 30,
        scaleDownDelayAfterAddSeconds: 0,
      },
      drain: { timeoutSeconds: 20 },
      ...spec,
    },
  };
}

/** For the workload cluster: the pools and what runs on every node. */
export function poolObjects(): readonly Manifest[] {
  return [
    customResourceDefinition('NodePool'),
    nodePool('general', { flavors: ['b2-7', 'b2-15', 'b2-30'], maxNodes: 6 }),
    nodePool('memory', {
      flavors: ['r2-15', 'r2-30', 'r2-60'],
      maxNodes: 3,
      availabilityZones: ['zone-a', 'zone-b'],
      template: {
        metadata: { labels: { kind: 'memory' } },
        spec: { taints: [{ key: 'dedicated', value: 'memory', effect: 'NoSchedule' }] },
      },
    }),
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'node-agent', namespace: 'kube-system' },
      spec: {
        selector: { matchLabels: { app: 'node-agent' } },
        template: {
          metadata: { labels: { app: 'node-agent' } },
          spec: {
            tolerations: [{ operator: 'Exists' }],
            containers: [container({ cpu: '100m', memory: '200Mi' })],
          },
        },
      },
    },
  ];
}

const container = (requests: Readonly<Record<string, string>>): Manifest => ({
  name: 'main',
  image: 'example.invalid/app:1',
  resources: { requests },
});

/** A pod of its own. */
export function pod(name: string, requests: Readonly<Record<string, string>>): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: DEMO_NAMESPACE },
    spec: { containers: [container(requests)] },
  };
}

export function deployment(
  name: string,
  options: {
    readonly replicas: number;
    readonly requests: Readonly<Record<string, string>>;
    readonly podSpec?: Manifest;
  },
): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: DEMO_NAMESPACE },
    spec: {
      replicas: options.replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { ...options.podSpec, containers: [container(options.requests)] },
      },
    },
  };
}

/** The load: `web` may lose one pod at a time, `cache` needs the memory pool. */
export function loadObjects(webReplicas: number): readonly Manifest[] {
  return [
    deployment('web', { replicas: webReplicas, requests: { cpu: '900m', memory: '1Gi' } }),
    deployment('jobs', { replicas: webReplicas > 4 ? 4 : 1, requests: { cpu: '400m', memory: '2Gi' } }),
    deployment('cache', {
      replicas: webReplicas > 4 ? 2 : 1,
      requests: { cpu: '500m', memory: '9Gi' },
      podSpec: {
        nodeSelector: { kind: 'memory' },
        tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'memory', effect: 'NoSchedule' }],
      },
    }),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: DEMO_NAMESPACE },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    },
  ];
}
