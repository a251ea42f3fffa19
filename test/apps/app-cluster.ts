// An empty cluster with pools of several kinds, and the applications as its pending pods.
import { parsePod } from '../../src/cluster/parse-pod.ts';
import * as parse from '../../src/cluster/parse-objects.ts';
import type { ClusterObjects, Flavor } from '../../src/cluster/cluster-objects.ts';
import { PodShapeInterner } from '../../src/cluster/pod-shape-interner.ts';
import { makeFlavor, makeObjects } from '../builders/make-objects.ts';
import { makePool } from '../builders/make-pool.ts';
import type { V1Objects, V1Pod, V1StorageClass } from '../twin/v1.ts';
import type { AppFacts } from './app-facts.ts';
import { expandApp, type V1DaemonSet } from './expand-app.ts';

export interface AppCluster {
  /** As the product reads them. */
  readonly objects: ClusterObjects;
  /** As an API server holds them; no node. */
  readonly raw: Omit<V1Objects, 'nodes' | 'pods'>;
  /** All pending. */
  readonly pods: readonly V1Pod[];
  readonly daemonSets: readonly V1DaemonSet[];
}

export const ZONES = ['zone-a', 'zone-b', 'zone-c'];

export const FLAVORS: readonly Flavor[] = [
  makeFlavor('b3-8', { vcpus: 2, memoryMiB: 8_000, diskGiB: 50 }),
  makeFlavor('b3-16', { vcpus: 4, memoryMiB: 16_000, diskGiB: 100 }),
  makeFlavor('b3-32', { vcpus: 8, memoryMiB: 32_000, diskGiB: 200 }),
  makeFlavor('b3-64', { vcpus: 16, memoryMiB: 64_000, diskGiB: 400 }),
  makeFlavor('l4-90', { vcpus: 22, memoryMiB: 90_000, diskGiB: 400, ...gpus(1) }),
  makeFlavor('l4-360', { vcpus: 90, memoryMiB: 360_000, diskGiB: 400, ...gpus(4) }),
];

const LARGE = { minNodes: 0, maxNodes: 999, autoscale: true };

/** Plain nodes of several sizes in three zones; nodes with GPUs in one; nodes of one size in one zone that wear a label
 *  which an application asks for; nodes that nobody here tolerates. */
export const POOLS = [
  makePool('general')
    .flavors('b3-8', 'b3-16', 'b3-32', 'b3-64')
    .spec({ ...LARGE, availabilityZones: ZONES })
    .build(),
  makePool('gpu')
    .flavors('l4-90', 'l4-360')
    .spec({ ...LARGE, availabilityZones: ['zone-a'] })
    .build(),
  makePool('ondemand')
    .labels({ 'kops.k8s.io/instancegroup': 'ondemand-nodes' })
    .spec({ ...LARGE, availabilityZones: ['zone-b'] })
    .build(),
  makePool('reserved').taints({ key: 'dedicated', value: 'batch', effect: 'NoSchedule' }).spec(LARGE).build(),
];

/** `copies` copies of the application, each in its namespace, all pods pending. */
export function appCluster(facts: AppFacts, copies: number): AppCluster {
  const expanded = Array.from({ length: copies }, (_, copy) => expandApp(facts, copy));
  const pods = expanded.flatMap((one) => one.pods);
  const daemonSets = expanded.flatMap((one) => one.daemonSets);
  const classes = [...new Set(['standard', ...expanded.flatMap((one) => one.storageClasses)])];
  const storageClasses = classes.map(
    (name): V1StorageClass => ({
      metadata: { name },
      provisioner: 'cinder.csi.openstack.org',
      volumeBindingMode: 'WaitForFirstConsumer',
    }),
  );
  const namespaces = [...new Set(pods.map((pod) => pod.metadata.namespace ?? ''))].map((name) => ({
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
  }));
  const persistentVolumeClaims = expanded.flatMap((one) => one.claims);
  const interner = new PodShapeInterner();
  return {
    raw: { namespaces, persistentVolumeClaims, storageClasses },
    pods,
    daemonSets,
    objects: makeObjects({
      pods: pods.map((pod) => parsePod(pod, interner)),
      daemonSets: daemonSets.map((one) => parse.parseDaemonSet(one, interner)),
      namespaces: namespaces.map(parse.parseNamespace),
      persistentVolumeClaims: persistentVolumeClaims.map(parse.parsePersistentVolumeClaim),
      storageClasses: storageClasses.map(parse.parseStorageClass),
      nodePools: POOLS,
      flavors: FLAVORS,
      targets: {
        networkId: 'network-1',
        subnetId: undefined,
        images: [{ id: 'image-1', name: 'node-image', flavors: undefined }],
        zones: ZONES,
        region: 'region-1',
      },
    }),
  };
}

function gpus(count: number): Pick<Flavor, 'extraSpecs'> {
  return { extraSpecs: new Map([['pci_passthrough:alias', `gpu:${count}`]]) };
}
