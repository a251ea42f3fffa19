// A cluster of any size whose pods use every rule that reads other pods (spread, affinity both ways, host ports, volumes),
// and more pods of each kind to place on it. Raw objects through the parsers, as the API server would send them.
import type { ClusterObjects, PodObject } from '../src/cluster/cluster-objects.ts';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parseCsiNode, parsePersistentVolume, parsePersistentVolumeClaim } from '../src/cluster/parse-objects.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import type { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { objectsOf } from './steady-state.ts';
import { stillCluster } from './still-cluster.ts';

/** A kind of pod, by the rule that it exercises. */
export const KINDS = [
  'plain',
  'zone-spread',
  'host-spread',
  'zone-affinity',
  'host-anti-affinity',
  'zone-anti-affinity',
  'host-port',
  'volume',
] as const;
export type Kind = (typeof KINDS)[number];

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';
const NAMESPACE = 'bench';
const DRIVER = 'cinder.csi.openstack.org';
const PODS_PER_NODE = 30;
const REPLICAS = 20;

/** Nodes with 30 pods each, which come from apps of 20 replicas of all kinds in turn, dealt round-robin over the nodes. */
export function packedCluster(pods: number, interner: PodShapeInterner): ClusterObjects {
  const nodes = Math.max(3, Math.ceil(pods / PODS_PER_NODE));
  const names = Array.from({ length: nodes }, (_, index) => `node-${String(index).padStart(6, '0')}`);
  const base = objectsOf(stillCluster({ nodes: 0, pods: 0, seed: 1 }), interner);
  const bound = Array.from({ length: pods }, (_, index) => {
    const app = Math.floor(index / REPLICAS);
    const kind = KINDS[app % KINDS.length] ?? 'plain';
    const nodeName = names[index % nodes] ?? '';
    return parsePod(rawPod({ kind, app: `old-${app}`, number: index, nodeName }), interner);
  });
  const claimed = [...Array(pods).keys()].filter(
    (index) => KINDS[Math.floor(index / REPLICAS) % KINDS.length] === 'volume',
  );
  const claims = [...claimed, ...NEW_NUMBERS];
  return {
    ...base,
    pods: bound,
    nodes: names.map((name, index) => parseNode(rawNode(name, `zone-${index % 3}`))),
    csiNodes: names.map((name) =>
      parseCsiNode({
        metadata: { name, uid: name },
        spec: { drivers: [{ name: DRIVER, nodeID: name, allocatable: { count: 100 } }] },
      }),
    ),
    persistentVolumeClaims: claims.map((number) => parsePersistentVolumeClaim(rawClaim(number))),
    persistentVolumes: claims.map((number) => parsePersistentVolume(rawVolume(number))),
  };
}

const NEW_FIRST = 10_000_000;
/** Most pods of a kind that newPods makes. */
export const NEW_PODS_MAX = 400;
const NEW_NUMBERS = Array.from({ length: NEW_PODS_MAX }, (_, index) => NEW_FIRST + index);

/** Pending pods of one more app of the kind. */
export function newPods(kind: Kind, count: number, interner: PodShapeInterner): readonly PodObject[] {
  return NEW_NUMBERS.slice(0, count).map((number) =>
    parsePod(rawPod({ kind, app: `new-${kind}`, number, nodeName: '' }), interner),
  );
}

function rawPod(of: { readonly kind: Kind; readonly app: string; readonly number: number; readonly nodeName: string }) {
  const { kind, app, number, nodeName } = of;
  const ports = kind === 'host-port' ? [{ containerPort: 80, hostPort: 20_000 + (hash(app) % 10_000) }] : [];
  return {
    metadata: { name: `${app}-${number}`, namespace: NAMESPACE, uid: `${app}-${number}`, labels: { app } },
    spec: {
      nodeName,
      containers: [{ name: 'main', ports, resources: { requests: { cpu: '50m', memory: '64Mi' } } }],
      ...constraintsOf(kind, app),
      ...(kind === 'volume'
        ? { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `claim-${number}` } }] }
        : {}),
    },
    status: { phase: nodeName === '' ? 'Pending' : 'Running' },
  };
}

function constraintsOf(kind: Kind, app: string): object {
  const labelSelector = { matchLabels: { app } };
  const required = (topologyKey: string) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector }],
  });
  const spread = (topologyKey: string) => ({
    topologySpreadConstraints: [{ topologyKey, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector }],
  });
  switch (kind) {
    case 'zone-spread':
      return spread(ZONE);
    case 'host-spread':
      return spread(HOST);
    case 'zone-affinity':
      return { affinity: { podAffinity: required(ZONE) } };
    case 'host-anti-affinity':
      return { affinity: { podAntiAffinity: required(HOST) } };
    case 'zone-anti-affinity':
      return { affinity: { podAntiAffinity: required(ZONE) } };
    case 'plain':
    case 'host-port':
    case 'volume':
      break;
  }
  return {};
}

function rawNode(name: string, zone: string): object {
  return {
    metadata: { name, uid: name, labels: { [HOST]: name, [ZONE]: zone } },
    status: {
      allocatable: { cpu: '16', memory: '64Gi', pods: '250', 'ephemeral-storage': '100Gi' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

function rawClaim(number: number): object {
  return {
    metadata: {
      name: `claim-${number}`,
      namespace: NAMESPACE,
      uid: `claim-${number}`,
      annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
    },
    spec: {
      volumeName: `volume-${number}`,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
    status: { phase: 'Bound' },
  };
}

function rawVolume(number: number): object {
  return {
    metadata: { name: `volume-${number}`, uid: `volume-${number}` },
    spec: {
      csi: { driver: DRIVER, volumeHandle: `handle-${number}` },
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      claimRef: { namespace: NAMESPACE, name: `claim-${number}`, uid: `claim-${number}` },
    },
    status: { phase: 'Bound' },
  };
}

function hash(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum;
}
