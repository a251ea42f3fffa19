// The public applications of test/apps as what is measured: all of them at once, each in its namespace, with the pools of
// several kinds that they are planned with there.
import type { PlaygroundFlavor } from '../../../src/playground/playground.ts';
import { fieldsOf } from '../../../src/playground/untyped.ts';
import { allocatableOf } from '../../../src/scheduling/template-node.ts';
import { FLAVORS, POOLS, ZONES } from '../../apps/app-cluster.ts';
import type { AppFacts } from '../../apps/app-facts.ts';
import { expandApp, type V1DaemonSet } from '../../apps/expand-app.ts';
import { planApp } from '../../apps/plan-apps.ts';
import { makeCluster } from '../../builders/make-objects.ts';
import type { V1Container, V1Pod, V1VolumeClaim } from '../../twin/v1.ts';
import type { KubeObject } from '../kube-client.ts';
import type { CompletenessInput } from './completeness-input.ts';
import type { NodeSize } from './joining-nodes.ts';

const IMAGE = 'registry.invalid/pause:1'; // never pulled: nothing runs
const MIB = 1024 ** 2;
const PROVISIONER = 'cinder.csi.openstack.org';
/** Classes that every cluster has; others are made here. */
const SYSTEM_CLASSES: ReadonlyMap<number, string> = new Map([
  [2_000_001_000, 'system-node-critical'],
  [2_000_000_000, 'system-cluster-critical'],
]);

/** All of `apps`. Which pods no node takes is what test/apps finds, where a second implementation confirms it. */
export function inputOfApps(apps: readonly AppFacts[]): CompletenessInput {
  const expanded = apps.map((facts) => expandApp(facts, 0));
  const pods = expanded.flatMap((app) => app.pods);
  const claims = expanded.flatMap((app) => app.claims);
  const daemonSets = expanded.flatMap((app) => app.daemonSets);
  const namespaces = new Set([...pods, ...claims, ...daemonSets].map(({ metadata }) => metadata.namespace ?? ''));
  const classes = new Set(expanded.flatMap((app) => app.storageClasses));
  const priorities = new Set(pods.map((pod) => pod.spec.priority ?? 0).filter((value) => !isKnown(value)));
  const unplaceable = apps.flatMap((facts) => [...planApp(facts, 1, () => 0).unplaceable.values()]);
  return {
    name: 'apps',
    objects: [
      ...[...namespaces].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
      ...[...classes].map(storageClass),
      ...[...priorities].map(priorityClass),
      ...claims.map(volumeClaim),
      ...daemonSets.map(daemonSet),
    ],
    pods: pods.map(asSubmitted),
    pools: POOLS.map(({ metadata: { name }, spec }) => ({
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodePool',
      metadata: { name },
      spec,
    })),
    flavors: FLAVORS.map(({ name, vcpus, memoryMiB, diskGiB, extraSpecs }): PlaygroundFlavor => {
      return { name, vcpus, memoryMiB, diskGiB, extraSpecs: Object.fromEntries(extraSpecs) };
    }),
    zones: ZONES,
    reserved: {},
    sizeOf,
    unplaceable: unplaceable.reduce((sum, count) => sum + count, 0),
  };
}

function isKnown(priority: number): boolean {
  return priority === 0 || SYSTEM_CLASSES.has(priority);
}

/** What the reserve rule promises of it. */
function sizeOf(flavorName: string): NodeSize {
  const flavor = FLAVORS.find(({ name }) => name === flavorName);
  if (flavor === undefined) throw new Error(`no flavor '${flavorName}'`);
  const { cpuMillis, memoryBytes, ephemeralBytes, pods, extended } = allocatableOf(flavor, makeCluster());
  return {
    cpuMillis,
    memoryMiB: Math.floor(memoryBytes / MIB),
    ephemeralMiB: Math.floor(ephemeralBytes / MIB),
    pods,
    extended,
  };
}

function asSubmitted({ metadata, spec }: V1Pod): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
    },
    spec: podSpec(spec),
  };
}

function podSpec({ priority = 0, containers, initContainers, ...spec }: V1Pod['spec']): object {
  const priorityClassName = priority === 0 ? undefined : className(priority ?? 0);
  return {
    ...spec,
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
    containers: (containers ?? []).map(container),
    initContainers: (initContainers ?? []).map(container),
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
  };
}

/** Extended resources cannot be overcommitted, so that the API server wants them as limits too. */
function container({ resources, ports, ...rest }: V1Container): object {
  const requests = Object.entries(resources?.requests ?? {});
  const limits = Object.fromEntries(requests.filter(([name]) => name.includes('/')));
  return {
    ...rest,
    image: IMAGE,
    ports: (ports ?? []).map((port) => ({ ...port, containerPort: port.hostPort })),
    resources: { requests: Object.fromEntries(requests), limits },
  };
}

function className(priority: number): string {
  return SYSTEM_CLASSES.get(priority) ?? `priority-${priority}`;
}

function priorityClass(value: number): KubeObject {
  return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: className(value) }, value };
}

function storageClass(name: string): KubeObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: PROVISIONER,
    volumeBindingMode: 'WaitForFirstConsumer',
  };
}

function volumeClaim({ metadata, spec }: V1VolumeClaim): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: metadata.name, namespace: metadata.namespace ?? '' },
    spec,
  };
}

function daemonSet({ metadata: { name, namespace }, spec: { template } }: V1DaemonSet): KubeObject {
  const own = { 'completeness-daemon': name };
  const labels = fieldsOf(fieldsOf(template.metadata)['labels']);
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: own },
      template: { metadata: { labels: { ...labels, ...own } }, spec: podSpec(template.spec) },
    },
  };
}
