// What is measured: pods, and the pools that may be bought for them. Here from a directory of bench inputs, one template each.
import { podListPages } from '../../../bench/inputs/pods-of-workload.ts';
import { type IndexEntry, readWorkload } from '../../../bench/inputs/read-workload.ts';
import type { PlaygroundFlavor } from '../../../src/playground/playground.ts';
import type { KubeObject, Loose } from '../kube-client.ts';
import { nodePool } from '../steps.ts';
import type { NodeSize } from './joining-nodes.ts';

export interface CompletenessInput {
  readonly name: string;
  /** Namespaces first; with all that the pods name. */
  readonly objects: readonly KubeObject[];
  /** Created in this order. */
  readonly pods: readonly KubeObject[];
  readonly pools: readonly KubeObject[];
  readonly flavors: readonly PlaygroundFlavor[];
  readonly zones: readonly string[];
  /** spec.reserved of the WorkloadCluster. */
  readonly reserved: Readonly<Record<string, number>>;
  readonly sizeOf: (flavor: string) => NodeSize;
  /** Pods that no node of the pools takes, as known beforehand. */
  readonly unplaceable: number;
}

const FLAVOR = 'template';
const DISK_GIB = 100;
/** The product keeps this much for kubelet's eviction threshold, whatever is reserved. */
const EVICTION_THRESHOLD_MIB = 100;
const MILLIS_PER_CORE = 1000;
/** A pool may have 999 nodes. */
const NODES_MAX = 999;

/** One workload of `directory` with its own template as the only flavor, in one zone. */
export function inputOfWorkload(directory: string, entry: IndexEntry): CompletenessInput {
  const { template, groups } = readWorkload(directory, entry);
  const pods: KubeObject[] = [];
  for (const page of podListPages({ ...entry, groups })) {
    for (const pod of JSON.parse(page).items) pods.push(asSubmitted(pod));
  }
  const namespace = pods[0]?.metadata.namespace ?? '';
  const vcpus = Math.ceil(template.cpuMillis / MILLIS_PER_CORE);
  const size = {
    cpuMillis: template.cpuMillis,
    memoryMiB: template.memoryMiB,
    ephemeralMiB: DISK_GIB * 1024,
    pods: template.pods,
    extended: new Map<string, number>(),
  };
  const tooLarge = groups.filter(
    ({ cpuMillis, memoryMiB }) => cpuMillis > template.cpuMillis || memoryMiB > template.memoryMiB,
  );
  return {
    name: entry.name,
    objects: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }],
    pods,
    pools: [nodePool('pool', { flavors: [FLAVOR], maxNodes: NODES_MAX, autoscaling: {} })],
    flavors: [{ name: FLAVOR, vcpus, memoryMiB: template.memoryMiB + EVICTION_THRESHOLD_MIB, diskGiB: DISK_GIB }],
    zones: ['zone-1'],
    reserved: {
      cpuMillis: vcpus * MILLIS_PER_CORE - template.cpuMillis,
      cpuMillisPerCore: 0,
      memoryMiB: 0,
      memoryPercent: 0,
      ephemeralPercent: 0,
      podsMax: template.pods,
    },
    sizeOf: () => size,
    unplaceable: tooLarge.reduce((sum, { count }) => sum + count, 0),
  };
}

/** As a user submits it: without what the API server and a controller would have added. An owner that is not there would
 *  have the pod collected as garbage. */
function asSubmitted(pod: Loose): KubeObject {
  const { name, namespace, labels } = pod.metadata;
  const { affinity, topologySpreadConstraints, containers } = pod.spec;
  const [{ image, resources }] = containers;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      containers: [{ name: 'main', image, resources }],
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      ...(affinity === undefined ? {} : { affinity }),
      ...(topologySpreadConstraints === undefined ? {} : { topologySpreadConstraints }),
    },
  };
}
