// What a pod takes of a node: resources in every form that the scheduler sums, and host ports.
import { type ContainerDraft, type Draft, type Json, type JsonObject, mapOf, type PodDraft } from './draft.ts';
import type { Random } from './random.ts';

const CPU = ['0', '100m', '0.1', '250m', '1', '1500m', '2', '3999m', '4', '.5', '5.', '00.5', '1e0', '1E-1'];
const CPU_ODD = [
  '0.1m',
  '1u',
  '1n',
  '0.0005',
  '1E',
  '1Ei',
  '10E',
  '9223372036854775807',
  '+1',
  '-1',
  '9223372036854776',
  '4000.5m',
];
const MEMORY = [
  '0',
  '64Mi',
  '128Mi',
  '1Gi',
  '1G',
  '1.5Gi',
  '2Gi',
  '4Gi',
  '8Gi',
  '1073741824',
  '1e9',
  '129e6',
  '123M',
  '8192Mi',
];
const MEMORY_ODD = [
  '0.5',
  '1m',
  '1000m',
  '0.5Ki',
  '1k',
  '7Ei',
  '8Ei',
  '16Ei',
  '10E',
  '9223372036854775807',
  '8589934592.5',
  '8589934593',
  '1E3',
  '-1Gi',
];
const COUNTS = ['0', '1', '2', '3', '0.5', '1500m', '1k'];
const EXTENDED = [
  'example.com/gpu',
  'nvidia.com/gpu',
  'hugepages-2Mi',
  'hugepages-1Gi',
  'attachable-volumes-csi-x',
  'kubernetes.io/batch',
  'x.kubernetes.io/batch',
];
/** Names that are no resource to the scheduler, or only nearly one. */
const EXTENDED_ODD = [
  'gpu',
  'storage',
  'widgets',
  'requests.example.com/x',
  'Bad Name/x',
  'example.com/',
  'a/b/c',
  'pods',
  'constructor',
];

function cpu(random: Random): Json {
  return random.chance(0.05) ? random.pick([1, 2, 0.5, 0]) : random.pick(random.chance(0.95) ? CPU : CPU_ODD);
}

function memory(random: Random): Json {
  return random.chance(0.05)
    ? random.pick([0, 1024, 8589934592])
    : random.pick(random.chance(0.95) ? MEMORY : MEMORY_ODD);
}

function resourceList(random: Random): JsonObject {
  const entries: [string, Json][] = [];
  if (random.chance(0.75)) entries.push(['cpu', cpu(random)]);
  if (random.chance(0.7)) entries.push(['memory', memory(random)]);
  if (random.chance(0.2)) entries.push(['ephemeral-storage', memory(random)]);
  for (const name of random.some(EXTENDED, 0.08)) entries.push([name, random.pick(COUNTS)]);
  for (const name of random.some(EXTENDED_ODD, 0.015)) entries.push([name, random.pick(COUNTS)]);
  return mapOf(entries);
}

function resourcesOf(random: Random): JsonObject {
  return {
    requests: random.maybe(0.85, () => resourceList(random)),
    limits: random.maybe(0.3, () => resourceList(random)),
  };
}

/** Gives a pod containers of every kind, pod-level resources and overhead. */
function dress(pod: PodDraft, random: Random): void {
  const { spec } = pod;
  spec.containers = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, index) => ({
    name: `c${index}`,
    resources: resourcesOf(random),
  }));
  spec.initContainers = Array.from(
    { length: random.pick([0, 0, 1, 2, 3]) },
    (_, index): ContainerDraft => ({
      name: `i${index}`,
      resources: resourcesOf(random),
      restartPolicy: random.pick(['Always', 'Always', undefined, undefined, 'Never', 'always']),
    }),
  );
  if (random.chance(0.15)) spec['overhead'] = resourceList(random);
  if (random.chance(0.2)) spec['resources'] = resourcesOf(random);
  if (random.chance(0.08)) {
    spec['ephemeralContainers'] = [{ name: 'debug', resources: { requests: { cpu: '4' } } }];
  }
}

/** What the kubelet reports of a pod that was or is being resized. */
function resized(pod: PodDraft, random: Random): void {
  const statusOf = (container: ContainerDraft): JsonObject => ({
    name: container.name,
    allocatedResources: random.maybe(0.5, () => resourceList(random)),
    resources: random.maybe(0.5, () => ({ requests: random.maybe(0.8, () => resourceList(random)) })),
  });
  pod.status['containerStatuses'] = random.some(pod.spec.containers, 0.8).map(statusOf);
  pod.status['initContainerStatuses'] = random.some(pod.spec.initContainers, 0.8).map(statusOf);
  if (random.chance(0.35)) {
    pod.status['conditions'] = random
      .picks(['Infeasible', 'Deferred', 'Infeasible'], random.between(1, 2))
      .map((reason) => ({
        type: random.chance(0.85) ? 'PodResizePending' : 'PodResizeInProgress',
        status: random.pick(['True', 'False']),
        reason,
      }));
  }
  if (random.chance(0.3)) pod.status['allocatedResources'] = resourceList(random);
  if (random.chance(0.3)) pod.status['resources'] = { requests: random.maybe(0.85, () => resourceList(random)) };
}

export function resources(draft: Draft, random: Random): void {
  for (const node of draft.nodes) {
    const allocatable: [string, Json][] = [];
    if (!random.chance(0.03))
      allocatable.push(['cpu', random.chance(0.2) ? cpu(random) : random.pick(['2', '4', '8', '7900m'])]);
    if (!random.chance(0.03)) {
      allocatable.push([
        'memory',
        random.chance(0.2) ? memory(random) : random.pick(['4Gi', '8Gi', '8589934592', '16Gi', '9G']),
      ]);
    }
    if (random.chance(0.7)) allocatable.push(['ephemeral-storage', random.pick(['2Gi', '8Gi', '100Gi'])]);
    if (!random.chance(0.03))
      allocatable.push(['pods', random.pick(['110', '110', '110', '110', '110', '110', '3', '2', '1500m'])]);
    for (const name of random.some(EXTENDED, 0.55)) allocatable.push([name, random.pick(COUNTS)]);
    node.status.allocatable = mapOf(allocatable);
  }
  for (const pod of draft.pods) {
    if (random.chance(0.6)) dress(pod, random);
    if (random.chance(0.3)) resized(pod, random);
  }
  dress(draft.pod, random);
  if (random.chance(0.1)) resized(draft.pod, random);
}

export function fullNodes(draft: Draft, random: Random): void {
  for (const node of random.some(draft.nodes, 0.5)) node.status.allocatable['pods'] = random.pick(['0', '1', '2', '3']);
}

const PORTS = [80, 443, 8080];
const IPS = ['', '0.0.0.0', '127.0.0.1', '10.0.0.1', '::', '::1', '127.0.0.01'];

export function hostPorts(draft: Draft, random: Random): void {
  for (const pod of [draft.pod, ...random.some(draft.pods, 0.7)]) {
    const containers = [...pod.spec.containers];
    if (random.chance(0.4)) {
      const init: ContainerDraft = {
        name: 'ports',
        resources: {},
        restartPolicy: random.pick(['Always', undefined, 'Never']),
      };
      pod.spec.initContainers.push(init);
      containers.push(init);
    }
    for (const container of containers) {
      if (random.chance(0.2)) continue;
      container['ports'] = Array.from({ length: random.between(1, 2) }, () => ({
        containerPort: random.pick(PORTS),
        hostPort: random.chance(0.9) ? random.pick(PORTS) : random.pick([0, undefined, -1]),
        protocol: random.maybe(0.8, () => random.pick(['TCP', 'TCP', 'UDP', 'SCTP', ''])),
        hostIP: random.maybe(0.6, () => random.pick(IPS)),
      }));
    }
    if (random.chance(0.2)) pod.spec['hostNetwork'] = true;
  }
}
