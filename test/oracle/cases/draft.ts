// A case while it is made: objects as an API server stores them, only with the fields that a filter may read. Themes
// add to it. Nothing here knows what the right answer is.
import type { Random } from './random.ts';

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export interface ObjectDraft {
  metadata: JsonObject & { name: string };
  [field: string]: Json | undefined;
}

export interface ContainerDraft extends JsonObject {
  name: string;
  resources: JsonObject;
}

export interface PodDraft {
  metadata: JsonObject & { name: string; namespace: string; uid: string; labels: JsonObject };
  spec: JsonObject & { containers: ContainerDraft[]; initContainers: ContainerDraft[]; volumes: JsonObject[] };
  status: JsonObject;
}

export interface NodeDraft {
  metadata: JsonObject & { name: string; labels: JsonObject };
  spec: JsonObject;
  status: JsonObject & { allocatable: JsonObject };
}

/** The fields of one line of `sluice check-fit`, `id` apart. */
export interface Draft {
  pod: PodDraft;
  nodes: NodeDraft[];
  pods: PodDraft[];
  namespaces: ObjectDraft[];
  persistentVolumeClaims: ObjectDraft[];
  persistentVolumes: ObjectDraft[];
  storageClasses: ObjectDraft[];
  csiNodes: ObjectDraft[];
  csiDrivers: ObjectDraft[];
  csiStorageCapacities: ObjectDraft[];
  volumeAttachments: ObjectDraft[];
  services: ObjectDraft[];
  replicaSets: ObjectDraft[];
  resourceClaims: ObjectDraft[];
  resourceSlices: ObjectDraft[];
  deviceClasses: ObjectDraft[];
}

/** Adds one subject (taints, ports, …) to a case, with values where naive code goes wrong. */
export type Theme = (draft: Draft, random: Random) => void;

export const NAMESPACES = ['default', 'team-a', 'team-b'];
export const ZONE = 'topology.kubernetes.io/zone';
export const REGION = 'topology.kubernetes.io/region';
export const HOSTNAME = 'kubernetes.io/hostname';
export const ZONES = ['zone-1', 'zone-2', 'zone-3'];

/** Keys and values of few kinds, so that selectors meet labels; some names are traps of JavaScript objects. */
export const LABEL_KEYS = ['app', 'tier', 'version', 'constructor', 'hasOwnProperty'];
export const LABEL_VALUES = ['a', 'b', 'c', ''];

/** A map that may hold any key, `__proto__` included. */
export function mapOf(entries: readonly (readonly [string, Json])[]): JsonObject {
  return Object.fromEntries(entries);
}

export function randomLabels(random: Random, probability = 0.5): JsonObject {
  const labels = mapOf(random.some(LABEL_KEYS, probability).map((key) => [key, random.pick(LABEL_VALUES)]));
  return random.chance(0.02) ? mapOf([...(Object.entries(labels) as [string, Json][]), ['__proto__', 'a']]) : labels;
}

function makeNode(random: Random, name: string): NodeDraft {
  const labels: [string, Json][] = random.some(LABEL_KEYS, 0.3).map((key) => [key, random.pick(LABEL_VALUES)]);
  if (!random.chance(0.05)) labels.push([HOSTNAME, name]);
  if (!random.chance(0.12)) labels.push([ZONE, random.pick(ZONES)]);
  if (random.chance(0.5)) labels.push([REGION, random.pick(['region-1', 'region-2'])]);
  if (random.chance(0.15)) labels.push(['failure-domain.beta.kubernetes.io/zone', random.pick(ZONES)]);
  return {
    metadata: { name, uid: `uid-${name}`, labels: mapOf(labels) },
    spec: {},
    status: {
      allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '100Gi', pods: '110' },
      capacity: { cpu: '16', memory: '64Gi', 'ephemeral-storage': '200Gi', pods: '250' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

export function makePod(random: Random, name: string): PodDraft {
  const namespace = random.chance(0.6) ? 'default' : random.pick(NAMESPACES);
  return {
    metadata: { name, namespace, uid: `uid-${name}`, labels: randomLabels(random) },
    spec: {
      containers: [{ name: 'main', resources: { requests: { cpu: '100m', memory: '64Mi' } } }],
      initContainers: [],
      volumes: [],
      schedulerName: 'default-scheduler',
    },
    status: {},
  };
}

function makeBoundPod(random: Random, name: string, nodes: readonly NodeDraft[]): PodDraft {
  const pod = makePod(random, name);
  pod.spec['nodeName'] = random.chance(0.04) ? 'gone' : random.pick(nodes).metadata.name;
  pod.status['phase'] = random.chance(0.07)
    ? random.pick(['Succeeded', 'Failed'])
    : random.pick(['Running', 'Pending']);
  if (random.chance(0.06)) pod.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z';
  return pod;
}

/** A small cluster where the pod fits on every node. */
export function makeDraft(random: Random): Draft {
  const nodes = Array.from({ length: random.between(2, 6) }, (_, index) => makeNode(random, `node-${'abcdef'[index]}`));
  const podCount = random.chance(0.15) ? 0 : random.between(1, 12);
  return {
    pod: makePod(random, 'pending'),
    nodes,
    pods: Array.from({ length: podCount }, (_, index) => makeBoundPod(random, `bound-${index}`, nodes)),
    namespaces: random.some(NAMESPACES, 0.8).map((name) => ({
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...randomLabels(random) } },
    })),
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    csiDrivers: [],
    csiStorageCapacities: [],
    volumeAttachments: [],
    services: [],
    replicaSets: [],
    resourceClaims: [],
    resourceSlices: [],
    deviceClasses: [],
  };
}
