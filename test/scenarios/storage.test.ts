// Pods with volumes of a driver that tracks how much storage is left, and clusters too old to have the kinds for it.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fieldsOf, listOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import {
  conditionOf,
  deployment,
  eventually,
  nodePool,
  openWorld,
  runningPods,
  SCENARIO_MS,
  serversAsked,
  type ScenarioWorld,
} from './scenario-world.ts';

const POLL = { timeout: 45_000, interval: 200 };
const DRIVER = 'disk.example.com';

let world: ScenarioWorld;

afterEach(() => world.close());

const trackedDriver: Fields = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: DRIVER },
  spec: { storageCapacity: true },
};
const storageClass: Fields = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'tracked' },
  provisioner: DRIVER,
  volumeBindingMode: 'WaitForFirstConsumer',
};
const claim: Fields = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec: {
    storageClassName: 'tracked',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '10Gi' } },
  },
};
const pod: Fields = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'db', namespace: 'default' },
  spec: {
    containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: '500m' } } }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
};

function capacity(zone: string, left: string): Fields {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIStorageCapacity',
    metadata: { name: `left-${zone}`, namespace: 'kube-system' },
    storageClassName: 'tracked',
    nodeTopology: { matchLabels: { 'topology.kubernetes.io/zone': zone } },
    capacity: left,
  };
}

/** Notes of events about the pod, read as kubectl does: the playground keeps two kinds called events. */
async function saidOfPod(): Promise<string> {
  const server = /server: (\S+)/.exec(world.cluster.kubectlKubeconfig)?.[1] ?? '';
  const answer = await fetch(`${server}/apis/events.k8s.io/v1/namespaces/default/events`);
  return listOf(fieldsOf(await answer.json())['items'])
    .map(fieldsOf)
    .filter((event) => fieldsOf(event['regarding'])['name'] === 'db')
    .map((event) => textOf(event['note']))
    .join('\n');
}

describe('a driver that tracks its storage', { timeout: SCENARIO_MS }, () => {
  it('has no node made where nothing is left, and one where something is', async () => {
    world = await openWorld();
    await world.cluster.apply([trackedDriver, storageClass, capacity('zone-a', '9Gi'), capacity('zone-b', '5Gi')]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', autoscale: true, minNodes: 0, maxNodes: 3 })]);
    await world.cluster.apply([claim, pod]);
    await vi.waitFor(async () => expect(await saidOfPod()).toMatch(/did not have enough free storage/), POLL);
    expect(serversAsked(world)).toEqual([]);
    await world.cluster.apply([capacity('zone-b', '10Gi')]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(1));
    expect(serversAsked(world)).toHaveLength(1);
    const labels = fieldsOf(fieldsOf(listOf(world.cluster.list('nodes'))[0])['metadata'])['labels'];
    expect(fieldsOf(labels)['topology.kubernetes.io/zone']).toBe('zone-b');
  });
});

describe('a cluster of an older Kubernetes', { timeout: SCENARIO_MS }, () => {
  it('is served all the same: what it cannot have, it has none of', async () => {
    const absentKinds = ['csistoragecapacities', 'deviceclasses', 'resourceclaims', 'resourceslices'];
    world = await openWorld({ absentKinds });
    await world.cluster.apply([storageClass, claim, pod]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', autoscale: true, minNodes: 0, maxNodes: 3 })]);
    await world.cluster.apply([deployment('web', { replicas: 1, cpu: '100m' })]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(2));
    expect(serversAsked(world)).toHaveLength(1);
    await eventually(() => {
      expect(conditionOf(world.cluster.get('nodepools', 'general'), 'Ready')).toMatch(/^True/);
    });
  });
});
