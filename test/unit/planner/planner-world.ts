// A small in-memory cluster for planner tests: parts with valid defaults, and carrying out a plan as the controllers and
// the scheduler would, without any of them. Above 250 lines because every part has all its fields.
import type { NodeClaim, NodeClaimPhase, NodeClaimStatus } from '../../../src/api/node-claim.ts';
import type { NodePool, NodePoolSpec } from '../../../src/api/node-pool.ts';
import type { WorkloadCluster, WorkloadClusterSpec } from '../../../src/api/workload-cluster.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type {
  ClusterObjects,
  Flavor,
  NodeObject,
  PodDisruptionBudgetObject,
  PodObject,
  PodShape,
  Resources,
} from '../../../src/cluster/cluster-objects.ts';
import { arrayOf } from '../../../src/cluster/listed.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { type SingleStep, singleSteps } from '../../../src/planner/single-steps.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { simulatePendingPods } from '../../../src/simulation/simulate-pending-pods.ts';

export const NOW_MS = Date.parse('2026-01-01T12:00:00Z');
const LONG_AGO_MS = NOW_MS - 24 * 3_600_000;
const GIB = 2 ** 30;
const interner = new PodShapeInterner();
let counter = 0;

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function makeCluster(
  spec: Partial<WorkloadClusterSpec> = {},
  meta: Partial<WorkloadCluster['metadata']> = {},
): WorkloadCluster {
  return {
    metadata: { name: 'shop', namespace: 'fleet', uid: 'cluster-uid', resourceVersion: '1', ...meta },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'cloud' },
        projectId: 'project-1',
        network: 'net',
        images: [{ name: 'node-image' }],
      },
      // Nothing reserved, so that a flavor of 4 vCPUs takes four pods of one.
      reserved: { cpuMillis: 0, cpuMillisPerCore: 0, memoryMiB: 0, memoryPercent: 0, ephemeralPercent: 0 },
      ...spec,
    },
  };
}

export function makePool(
  name: string,
  spec: Partial<NodePoolSpec> = {},
  meta: Partial<NodePool['metadata']> = {},
): NodePool {
  const flavors = spec.flavor === undefined && spec.flavors === undefined ? { flavor: 'b2-4' } : {};
  return {
    metadata: { name, uid: `pool-${name}`, resourceVersion: '1', ...meta },
    spec: { ...flavors, autoscale: true, ...spec },
  };
}

/** `b2-4` has 4 vCPUs and 16 GiB. */
export function makeFlavor(name: string, vcpus: number, memoryGiB = vcpus * 4): Flavor {
  return { id: `id-${name}`, name, vcpus, memoryMiB: memoryGiB * 1024, diskGiB: 100, extraSpecs: new Map() };
}

export function makeClaim(
  name: string,
  pool: string,
  options: {
    phase?: NodeClaimPhase;
    status?: Partial<NodeClaimStatus>;
    spec?: Partial<NodeClaim['spec']>;
    createdMs?: number;
  } = {},
): NodeClaim {
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: iso(options.createdMs ?? LONG_AGO_MS),
    },
    spec: {
      clusterUid: 'cluster-uid',
      clusterName: 'shop',
      poolName: pool,
      poolUid: `pool-${pool}`,
      flavor: 'b2-4',
      flavorId: 'id-b2-4',
      zone: 'zone-a',
      region: 'GRA',
      projectId: 'project-1',
      imageId: 'image-1',
      networkIds: ['net-1'],
      securityGroups: [],
      labels: {},
      taints: [],
      templateHash: '',
      drainTimeoutSeconds: 600,
      drainForce: true,
      provisionTimeoutSeconds: 900,
      expected: { cpuMillis: 4000, memoryBytes: 15 * GIB, ephemeralBytes: 50 * GIB, pods: 110 },
      ...options.spec,
    },
    status: { phase: options.phase ?? 'Ready', serverId: `server-${name}`, nodeName: name, ...options.status },
  };
}

export function makeNode(claim: NodeClaim, change: Partial<NodeObject> = {}): NodeObject {
  const { expected } = claim.spec;
  return {
    uid: `node-${claim.metadata.name}`,
    name: claim.metadata.name,
    resourceVersion: '1',
    createdMs: LONG_AGO_MS,
    deleting: false,
    labels: new Map([
      ['sluice.dev/nodepool', claim.spec.poolName],
      ['kubernetes.io/hostname', claim.metadata.name],
      ['node.kubernetes.io/instance-type', claim.spec.flavor],
      ...(claim.spec.zone === '' ? [] : [['topology.kubernetes.io/zone', claim.spec.zone] as const]),
    ]),
    annotations: new Map(),
    finalizers: [],
    taints: [],
    unschedulable: false,
    providerId: '',
    allocatable: {
      cpuMillis: expected?.cpuMillis ?? 4000,
      memoryBytes: expected?.memoryBytes ?? 15 * GIB,
      ephemeralBytes: expected?.ephemeralBytes ?? 50 * GIB,
      pods: expected?.pods ?? 110,
      extended: new Map(),
    },
    ready: 'True',
    readyChangedMs: LONG_AGO_MS,
    volumesAttached: 0,
    ...change,
  };
}

export function makeShape(change: Partial<PodShape> & { cpuMillis?: number; memoryBytes?: number } = {}): PodShape {
  const { cpuMillis = 1000, memoryBytes = GIB, index: _index, key: _key, ...rest } = change;
  const requests: Resources = { cpuMillis, memoryBytes, ephemeralBytes: 0, pods: 1, extended: new Map() };
  return interner.intern({
    namespace: 'default',
    labels: new Map([['app', 'web']]),
    requests,
    nodeSelector: new Map(),
    nodeAffinity: undefined,
    tolerations: [],
    hostPorts: [],
    spread: [],
    podAffinity: [],
    podAntiAffinity: [],
    volumes: [],
    ...rest,
  });
}

export function makePod(name: string, change: Partial<PodObject> & { cpuMillis?: number } = {}): PodObject {
  const { cpuMillis, ...rest } = change;
  const shape =
    rest.shape ??
    makeShape({ namespace: rest.namespace ?? 'default', ...(cpuMillis === undefined ? {} : { cpuMillis }) });
  return {
    uid: `pod-${name}`,
    namespace: shape.namespace,
    name,
    createdMs: LONG_AGO_MS,
    version: 0,
    deleting: false,
    phase: (rest.nodeName ?? '') === '' ? 'Pending' : 'Running',
    nodeName: '',
    nominatedNodeName: '',
    schedulerName: 'default-scheduler',
    priority: 0,
    gated: false,
    unschedulable: true,
    controller: { kind: 'ReplicaSet', name: 'web', uid: 'rs-web' },
    mirror: false,
    safeToEvict: undefined,
    doNotDisrupt: false,
    localStorage: false,
    ...rest,
    shape,
  };
}

export function makePods(count: number, change: Partial<PodObject> & { cpuMillis?: number } = {}): PodObject[] {
  return Array.from({ length: count }, () => makePod(`web-${counter++}`, change));
}

export function makeBudget(name: string, disruptionsAllowed: number, app = 'web'): PodDisruptionBudgetObject {
  return {
    uid: `pdb-${name}`,
    namespace: 'default',
    name,
    disruptionsAllowed,
    selector: { requirements: [{ key: 'app', operator: 'In', values: [app] }] },
  };
}

/** Claims that are Ready with their nodes; ClusterObjects with defaults for the rest. */
export function makeObjects(change: Partial<ClusterObjects> = {}): ClusterObjects {
  const claims = change.claims ?? [];
  const registered = claims.filter((claim) => ['Ready', 'Draining'].includes(claim.status?.phase ?? ''));
  return {
    cluster: makeCluster(),
    observedAtMs: NOW_MS,
    nodePools: [],
    claims,
    pods: [],
    nodes: registered.map((claim) => makeNode(claim)),
    podDisruptionBudgets: [],
    daemonSets: [],
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: [{ uid: 'ns', name: 'default', labels: new Map() }],
    flavors: [makeFlavor('b2-2', 2), makeFlavor('b2-4', 4), makeFlavor('b2-8', 8)],
    targets: {
      networkId: 'net-1',
      subnetId: undefined,
      images: [{ id: 'image-1', name: 'node-image', flavors: undefined }],
      zones: ['zone-a'],
      region: 'GRA',
    },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: undefined,
    backoffs: [],
    frozen: undefined,
    ...change,
  };
}

/** The plan for `objects`; fails when the checker finds anything in it. */
export function planFor(objects: ClusterObjects, nameSeed = 'seed'): Plan {
  const snapshot = buildSnapshot(objects, 7);
  const plan = makePlan(snapshot, { nameSeed });
  const findings = checkPlan(plan, snapshot);
  if (findings.length > 0) throw new Error(`The checker refuses the plan: ${JSON.stringify(findings)}`);
  return plan;
}

export function stepsOf<const K extends SingleStep['kind']>(
  plan: Plan,
  kind: K,
): (SingleStep & { readonly kind: K })[] {
  return singleSteps(plan.steps).filter((step): step is SingleStep & { readonly kind: K } => step.kind === kind);
}

/** `objects` after the plan: claims are Ready nodes at once, removed ones are gone, their pods pending again, and the
 *  scheduler has bound what fits. Time moves on by `afterMs`. */
export function applyPlan(objects: ClusterObjects, plan: Plan, afterMs: number): ClusterObjects {
  const removed = new Set(stepsOf(plan, 'removeClaim').map((step) => step.claim));
  const timers = stepsOf(plan, 'setTimer');
  const kept = objects.claims
    .filter((claim) => !removed.has(claim.metadata.name))
    .map((claim): NodeClaim => {
      const mine = timers.filter((timer) => timer.claim === claim.metadata.name);
      const status = { ...claim.status };
      for (const { timer, sinceMs } of mine) {
        if (sinceMs === undefined) delete status[timer];
        else status[timer] = iso(sinceMs);
      }
      return { ...claim, status };
    });
  const created = stepsOf(plan, 'createClaim').map((step) =>
    makeClaim(step.name, step.pool, {
      spec: step.spec,
      createdMs: objects.observedAtMs,
      status: { readyAt: iso(objects.observedAtMs + afterMs) },
    }),
  );
  const desired = new Map(stepsOf(plan, 'setDesiredNodes').map((step) => [step.pool, step.to]));
  const pods = [...objects.pods].flatMap((pod): PodObject[] => {
    if (!removed.has(pod.nodeName)) return [pod];
    return pod.controller === undefined || pod.controller.kind === 'DaemonSet'
      ? []
      : [{ ...pod, nodeName: '', phase: 'Pending' }];
  });
  const next: ClusterObjects = {
    ...objects,
    observedAtMs: objects.observedAtMs + afterMs,
    claims: [...kept, ...created],
    nodes: [
      ...arrayOf(objects.nodes).filter((node) => !removed.has(node.name)),
      ...created.map((claim) => makeNode(claim, { labels: labelsFor(claim) })),
    ],
    pods,
    nodePools: objects.nodePools
      .filter(
        (pool) =>
          pool.metadata.deletionTimestamp === undefined || kept.some((c) => c.spec.poolName === pool.metadata.name),
      )
      .map((pool) => {
        const to = desired.get(pool.metadata.name);
        return to === undefined ? pool : { ...pool, spec: { ...pool.spec, desiredNodes: to } };
      }),
  };
  return bindPods(next);
}

function labelsFor(claim: NodeClaim): ReadonlyMap<string, string> {
  return new Map([...Object.entries(claim.spec.labels), ['kubernetes.io/hostname', claim.metadata.name]]);
}

function bindPods(objects: ClusterObjects): ClusterObjects {
  const snapshot = buildSnapshot(objects, 0);
  const fork = new ForkedSnapshot(snapshot);
  const bound = new Map(
    simulatePendingPods(fork, snapshot.pendingPods).placed.map(({ pod, node }) => [pod.uid, fork.nodeName(node)]),
  );
  return {
    ...objects,
    pods: [...objects.pods].map((pod) => {
      const nodeName = bound.get(pod.uid);
      return nodeName === undefined ? pod : { ...pod, nodeName, phase: 'Running' };
    }),
  };
}
