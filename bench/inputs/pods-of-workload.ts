// Groups of a workload → full v1.Pods, as an API server lists them: pages of JSON text. Pods are numbered in the order of
// the file; a pod's number is the end of its uid.
import type { Workload, WorkloadGroup } from './read-workload.ts';

/** What list-watch clients ask for at once. */
const PAGE_PODS = 500;
export const BENCH_NAMESPACE = 'bench';
export const HOSTNAME = 'kubernetes.io/hostname';
export const ZONE = 'topology.kubernetes.io/zone';
export const GPU_RESOURCE = 'nvidia.com/gpu';
const CREATED = '2026-11-20T11:00:00Z';
const UID_START = '5105ce00-0000-4000-8000-';
const NUMBER_MARK = '%NUMBER%';
const NUMBER_DIGITS = 12;

/** Yields the pods of `workload` as texts of v1.PodLists, so that only one page is in memory. */
export function* podListPages(workload: Workload): Generator<string> {
  let number = 0;
  let page: string[] = [];
  for (const [index, group] of workload.groups.entries()) {
    const parts = JSON.stringify(podOf(group, index)).split(NUMBER_MARK);
    for (let copy = 0; copy < group.count; copy += 1) {
      page.push(parts.join(String(number).padStart(NUMBER_DIGITS, '0')));
      number += 1;
      if (page.length < PAGE_PODS) continue;
      yield listOf(page);
      page = [];
    }
  }
  if (page.length > 0) yield listOf(page);
}

/** The pod's place in the file. */
export function podNumber(uid: string): number {
  return Number(uid.slice(UID_START.length));
}

function listOf(pods: readonly string[]): string {
  return `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1000"},"items":[${pods.join(',')}]}`;
}

/** One pod with NUMBER_MARK for its number; with the fields that nobody reads too, because a parser has to get past them. */
function podOf(group: WorkloadGroup, index: number): object {
  const app = `group-${index}`;
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: app, uid: `rs-${index}` };
  const amounts = {
    cpu: `${group.cpuMillis}m`,
    memory: `${group.memoryMiB}Mi`,
    ...(group.gpus === 0 ? {} : { [GPU_RESOURCE]: String(group.gpus) }),
  };
  return {
    metadata: {
      name: `${app}-${NUMBER_MARK}`,
      generateName: `${app}-`,
      namespace: BENCH_NAMESPACE,
      uid: `${UID_START}${NUMBER_MARK}`,
      resourceVersion: '1000',
      creationTimestamp: CREATED,
      labels: labelsOf(group.label),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      containers: [
        {
          name: 'main',
          image: `registry.invalid/${app}:1`,
          imagePullPolicy: 'IfNotPresent',
          env: Array.from({ length: 4 }, (_, at) => ({ name: `SETTING_${at}`, value: `value-${at}` })),
          ports: [{ containerPort: 8080, protocol: 'TCP' }],
          resources: {
            requests: amounts,
            ...(group.gpus === 0 ? {} : { limits: { [GPU_RESOURCE]: String(group.gpus) } }),
          },
          volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }],
        },
      ],
      tolerations: ['not-ready', 'unreachable'].map((what) => ({
        key: `node.kubernetes.io/${what}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      ...constraintOf(group),
    },
    status: {
      phase: 'Pending',
      qosClass: 'Burstable',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', lastTransitionTime: CREATED }],
    },
  };
}

function constraintOf({ kind, selector }: WorkloadGroup): object {
  const labelSelector = { matchLabels: labelsOf(selector) };
  const spread = (topologyKey: string): object => ({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector }],
  });
  const terms = (topologyKey: string): object => ({
    requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector }],
  });
  switch (kind) {
    case 'spread-zone':
      return spread(ZONE);
    case 'spread-host':
      return spread(HOSTNAME);
    case 'aff-zone':
      return { affinity: { podAffinity: terms(ZONE) } };
    case 'anti-host':
      return { affinity: { podAntiAffinity: terms(HOSTNAME) } };
    case 'generic':
    default:
      return {};
  }
}

function labelsOf(pair: string): Readonly<Record<string, string>> {
  if (pair === '') return {};
  const at = pair.indexOf('=');
  return { [pair.slice(0, at)]: pair.slice(at + 1) };
}
