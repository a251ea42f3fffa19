// A made-up but ordinary cluster, as its API would list it: nodes of one pool, Deployments of Zipf sizes, two DaemonSets,
// budgets. Seeded: the same figures give the same bytes. Every node is used above the scale-down threshold, nothing is
// pending: a planner that wants to change anything here is wrong. With `idleSince` it is the other way round: few pods, and
// every node was found unneeded long ago. Above 250 lines because it is mostly manifests.

export interface StillClusterOptions {
  readonly nodes: number;
  readonly pods: number;
  readonly seed: number;
  /** Since when every node is known to be unneeded; then pods under a budget are on a fifth of the nodes, as services that
   *  somebody cares for often are. Absent: no node is. */
  readonly idleSince?: string;
}

/** Raw API objects by kind, and what stands behind them on the other plane. */
export interface StillCluster {
  readonly nodes: readonly object[];
  readonly pods: readonly object[];
  readonly daemonSets: readonly object[];
  readonly podDisruptionBudgets: readonly object[];
  readonly namespaces: readonly object[];
  readonly nodePools: readonly object[];
  readonly claims: readonly object[];
  readonly workloadCluster: object;
}

export const FLAVOR = { id: 'f-b3-32', name: 'b3-32', vcpus: 8, memoryMiB: 32_000, diskGiB: 100 } as const;
/** A pool holds at most 999 nodes; there are at least two. */
const NODES_PER_POOL = 900;
const BUDGETED_SHARE = 1 / 5;
const NAMESPACE = 'bench';
const CREATED = '2026-11-01T00:00:00Z';
/** OVH's documented rule for managed nodes: 150m + 5m a core and 1,590 MiB are not for pods. */
const ALLOCATABLE = {
  cpu: `${FLAVOR.vcpus * 1000 - 150 - 5 * FLAVOR.vcpus}m`,
  memory: `${FLAVOR.memoryMiB - 1590}Mi`,
  'ephemeral-storage': '85Gi',
  pods: '110',
};
/** Requests of the Deployments, in millicores: microservices, with a mean that fills a node to some 70 %. */
const CPU_CHOICES = [50, 100, 100, 150, 200, 250, 400];

/** mulberry32: small, seeded, good enough for shapes. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Like a random one, and the same for the same text. No cryptographic hash: each is an object for the collector to look
 *  after, and the benchmarks measure what the collector costs. */
export function uid(text: string): string {
  let hex = '';
  for (let word = 0; word < 4; word += 1) {
    let mixed = 0x811c9dc5 ^ word;
    for (let at = 0; at < text.length; at += 1) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
    hex += ((mixed ^ (mixed >>> 15)) >>> 0).toString(16).padStart(8, '0');
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** The cluster; pods are dealt round-robin over the nodes, daemon pods first. */
export function stillCluster(options: StillClusterOptions): StillCluster {
  const random = seeded(options.seed);
  const pools = poolNames(options.nodes);
  const names = Array.from(
    { length: options.nodes },
    (_, index) => `${pools[index % pools.length]}-node-${index.toString(16).padStart(6, '0')}`,
  );
  const careful = options.idleSince === undefined ? names : names.slice(0, Math.ceil(names.length * BUDGETED_SHARE));
  const daemons = ['node-agent', 'log-shipper'];
  const pods: object[] = [];
  for (const name of names) {
    for (const daemon of daemons)
      pods.push(podOf({ app: daemon, kind: 'DaemonSet', node: name, cpuMillis: 100, memoryMiB: 128 }));
  }
  const budgets: object[] = [];
  let node = 0;
  for (let rank = 1; pods.length < options.pods; rank += 1) {
    const replicas = Math.max(2, Math.round(options.pods / 12 / rank));
    const cpuMillis = CPU_CHOICES[Math.floor(random() * CPU_CHOICES.length)] ?? 100;
    const memoryMiB = 64 * (1 + Math.floor(random() * 8));
    const app = `app-${rank}`;
    if (rank % 3 === 0) budgets.push(budgetOf(app, Math.floor(replicas / 10)));
    for (let copy = 0; copy < replicas && pods.length < options.pods; copy += 1) {
      const choice = rank % 3 === 0 ? careful : names;
      const name = choice[node % choice.length] ?? '';
      pods.push(podOf({ app, kind: 'ReplicaSet', node: name, cpuMillis, memoryMiB }));
      node += 1;
    }
  }
  return {
    nodes: names.map(nodeOf),
    pods,
    daemonSets: daemons.map(daemonSetOf),
    podDisruptionBudgets: budgets,
    namespaces: [{ apiVersion: 'v1', kind: 'Namespace', metadata: meta(NAMESPACE) }],
    nodePools: pools.map((pool) => nodePoolOf(pool, names.filter((name) => poolOf(name) === pool).length)),
    claims: names.map((name) => claimOf(name, options.idleSince)),
    workloadCluster: workloadClusterOf(),
  };
}

function poolNames(nodes: number): readonly string[] {
  const count = Math.max(2, Math.ceil(nodes / NODES_PER_POOL));
  return Array.from({ length: count }, (_, index) => `general-${(index + 10).toString(36)}`);
}

function poolOf(name: string): string {
  return name.slice(0, name.indexOf('-node-'));
}

function meta(name: string, more: object = {}) {
  return { name, uid: uid(name), resourceVersion: '1', creationTimestamp: CREATED, ...more };
}

let podCount = 0;
/** A name that no pod had. */
export function nextPodName(app: string): string {
  podCount += 1;
  return `${app}-${podCount.toString(36)}`;
}

export interface PodWish {
  readonly app: string;
  readonly kind: string;
  readonly node: string;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  /** Of its template: pods of another one have another hash in their labels. */
  readonly revision?: number;
}

/** One pod as the API lists it, with the fields that nobody reads too: they are what a parser has to get past. `name`: a new one
 *  unless it is given. */
export function podOf(what: PodWish & { readonly name?: string }): object {
  const { app, kind, node, cpuMillis, memoryMiB, revision, name = nextPodName(app) } = what;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, {
      namespace: NAMESPACE,
      labels: { app, 'pod-template-hash': uid(`${app}${revision ?? ''}`).slice(0, 8) },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind, name: app, uid: uid(app), controller: true, blockOwnerDeletion: true },
      ],
    }),
    spec: {
      nodeName: node,
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'main',
          image: `registry.invalid/${app}:1`,
          env: Array.from({ length: 6 }, (_, index) => ({ name: `SETTING_${index}`, value: `value-${index}` })),
          resources: {
            requests: { cpu: `${cpuMillis}m`, memory: `${memoryMiB}Mi` },
            limits: { memory: `${memoryMiB * 2}Mi` },
          },
          volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }],
        },
      ],
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
    },
    status: {
      phase: node === '' ? 'Pending' : 'Running',
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({ type, status: 'True' })),
    },
  };
}

function nodeOf(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: meta(name, { labels: labelsOf(name) }),
    spec: { providerID: `openstack:///${uid(`server ${name}`)}` },
    status: {
      capacity: { ...ALLOCATABLE, cpu: String(FLAVOR.vcpus) },
      allocatable: ALLOCATABLE,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: CREATED, lastHeartbeatTime: CREATED }],
    },
  };
}

function labelsOf(name: string) {
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'node.kubernetes.io/instance-type': FLAVOR.name,
    'topology.kubernetes.io/zone': 'zone-1',
    'topology.kubernetes.io/region': 'region-1',
    'sluice.dev/nodepool': poolOf(name),
    nodepool: poolOf(name),
  };
}

function daemonSetOf(app: string): object {
  const container = { name: 'main', resources: { requests: { cpu: '100m', memory: '128Mi' } } };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta(app, { namespace: NAMESPACE }),
    spec: {
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app } }, spec: { containers: [container] } },
    },
  };
}

function budgetOf(app: string, disruptionsAllowed: number): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: meta(`${app}-budget`, { namespace: NAMESPACE }),
    spec: { maxUnavailable: '10%', selector: { matchLabels: { app } } },
    status: { disruptionsAllowed },
  };
}

function nodePoolOf(pool: string, nodes: number): object {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'NodePool',
    metadata: meta(pool, { generation: 1, finalizers: ['sluice.dev/nodepool'] }),
    spec: { flavor: FLAVOR.name, minNodes: 0, maxNodes: 999, desiredNodes: nodes, autoscale: true },
  };
}

function claimOf(name: string, unneededSince: string | undefined): object {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'NodeClaim',
    metadata: meta(`claim ${name}`, {
      name,
      namespace: 'default',
      finalizers: ['sluice.dev/nodeclaim'],
      labels: { 'sluice.dev/nodepool': poolOf(name) },
    }),
    spec: {
      clusterUid: uid('still'),
      clusterName: 'still',
      poolName: poolOf(name),
      poolUid: uid(poolOf(name)),
      flavor: FLAVOR.name,
      flavorId: FLAVOR.id,
      zone: 'zone-1',
      region: 'region-1',
      projectId: 'project',
      imageId: 'image',
      networkIds: ['network'],
      securityGroups: [],
      labels: labelsOf(name),
      taints: [],
      templateHash: 'bench',
      drainTimeoutSeconds: 600,
      drainForce: true,
      provisionTimeoutSeconds: 900,
    },
    status: {
      phase: 'Ready',
      serverId: uid(`server ${name}`),
      portId: uid(`port ${name}`),
      nodeName: name,
      nodeUid: uid(name),
      readyAt: CREATED,
      registeredAt: CREATED,
      ...(unneededSince === undefined ? {} : { unneededSince }),
    },
  };
}

function workloadClusterOf(): object {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'WorkloadCluster',
    metadata: meta('still', { namespace: 'default', generation: 1 }),
    spec: {
      kubeconfig: { secretRef: { name: 'kubeconfig' } },
      openstack: {
        credentialsSecretRef: { name: 'cloud' },
        projectId: 'project',
        network: 'network',
        images: [{ id: 'image' }],
      },
    },
  };
}
