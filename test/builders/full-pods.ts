// Lines of a watch as a current API server writes them for the pods of one ReplicaSet that run: who set which field, the
// token's volume with its name in each pod, addresses and times.

export interface FullPodOptions {
  readonly name: string;
  /** Whatever differs between two pods of one template follows from it. */
  readonly number: number;
  /** Put over what is there. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A v1 Pod as the server lists it. */
export function fullPod({ name, number, metadata, spec, status }: FullPodOptions): Readonly<Record<string, unknown>> {
  const ip = `10.1.${number >> 8}.${number & 255}`;
  const token = `kube-api-access-${(number * 7919).toString(36).padStart(5, 'b')}`;
  const time = new Date(1_800_000_000_000 + number * 1000).toISOString().replace('.000', '');
  const mounts = [
    { name: token, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    { name: 'settings', mountPath: '/etc/settings' },
  ];
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `${name}-${number.toString(36)}`,
      generateName: `${name}-`,
      namespace: 'shop',
      uid: `11111111-2222-3333-4444-${String(number).padStart(12, '0')}`,
      resourceVersion: String(1000 + number),
      creationTimestamp: time,
      labels: { app: name, 'pod-template-hash': '6f9c' },
      annotations: { 'cni.example.com/podIP': `${ip}/32`, note: 'says "hello"\n' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: `uid of ${name}`, controller: true }],
      managedFields: managedFields(ip, time),
      ...metadata,
    },
    spec: {
      volumes: [
        { name: token, projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }] } },
        { name: 'settings', configMap: { name: 'settings', defaultMode: 420 } },
      ],
      containers: [
        {
          name: 'main',
          image: 'registry.invalid/web:1',
          resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
          volumeMounts: mounts,
        },
      ],
      nodeName: `node-${number}`,
      schedulerName: 'default-scheduler',
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
      priority: 0,
      ...spec,
    },
    status: statusOf({ ip, time, number, mounts, status }),
  };
}

/** The line that brings it. */
export function lineOf(pod: object, type = 'ADDED'): string {
  return JSON.stringify({ type, object: pod });
}

function managedFields(ip: string, time: string): readonly object[] {
  return [
    { manager: 'kube-controller-manager', operation: 'Update', time, fieldsV1: { 'f:spec': { 'f:containers': {} } } },
    {
      manager: 'kubelet',
      operation: 'Update',
      time,
      fieldsV1: { 'f:status': { 'f:podIPs': { '.': {}, [`k:{"ip":"${ip}"}`]: { 'f:ip': {} } } } },
      subresource: 'status',
    },
  ];
}

function statusOf(of: {
  readonly ip: string;
  readonly time: string;
  readonly number: number;
  readonly mounts: readonly object[];
  readonly status: Readonly<Record<string, unknown>> | undefined;
}): object {
  const { ip, time, number, mounts, status } = of;
  return {
    phase: 'Running',
    conditions: ['Ready', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: time,
    })),
    hostIP: '192.0.2.1',
    podIP: ip,
    podIPs: [{ ip }],
    startTime: time,
    containerStatuses: [
      {
        name: 'main',
        state: { running: { startedAt: time } },
        lastState: {},
        ready: true,
        restartCount: number % 3,
        containerID: `containerd://${number}`,
        allocatedResources: { cpu: '100m', memory: '128Mi' },
        resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
        volumeMounts: mounts,
      },
    ],
    ...status,
  };
}
