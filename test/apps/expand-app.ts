// Facts → the objects that an API server and its controllers would make of the application: pods with what admission adds
// (requests from limits, priority, tolerations), claims of StatefulSets, DaemonSets. Custom kinds (Ray, Volcano) become
// the pods that their operators would make. A workload that ships with 0 replicas is asked for once.
import type { V1Container, V1Pod, V1Toleration, V1Volume, V1VolumeClaim } from '../twin/v1.ts';
import type { AppAmounts, AppContainer, AppFacts, AppPod, AppVolumeClaim, AppWorkload } from './app-facts.ts';

export interface V1DaemonSet {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: { readonly template: Pick<V1Pod, 'spec'> & { readonly metadata: object } };
}

export interface ExpandedApp {
  readonly pods: readonly V1Pod[];
  readonly claims: readonly V1VolumeClaim[];
  readonly daemonSets: readonly V1DaemonSet[];
  readonly storageClasses: readonly string[];
}

/** What the admission plugin DefaultTolerationSeconds adds to every pod. */
const ADMITTED: readonly V1Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
];
const PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const DEFAULT_CLASS = 'standard';
const UNITS: ReadonlyMap<string, readonly [name: string, unit: string]> = new Map([
  ['cpu_m', ['cpu', 'm']],
  ['mem_mib', ['memory', 'Mi']],
  ['eph_mib', ['ephemeral-storage', 'Mi']],
]);

/** One copy of the application in a namespace of its own. DaemonSets are of the whole cluster: only copy 0 has them. */
export function expandApp(facts: AppFacts, copy: number): ExpandedApp {
  const namespace = `${facts.app}-${copy}`;
  const pods: V1Pod[] = [];
  const claims = (facts.pvcs ?? []).map((claim) => claimOf(claim, namespace, claim.name));
  const daemonSets: V1DaemonSet[] = [];
  facts.workloads.forEach((workload, index) => {
    const name = (workload.name ?? `${workload.from ?? workload.kind}-${index}`).toLowerCase().replaceAll('/', '-');
    if (workload.kind === 'DaemonSet') {
      if (copy === 0) daemonSets.push(daemonSetOf(workload, namespace, name));
      return;
    }
    for (let ordinal = 0; ordinal < podCount(workload); ordinal += 1) {
      pods.push(podOf(facts, workload, { namespace, name, ordinal }));
      for (const template of workload.volumeClaimTemplates ?? []) {
        claims.push(claimOf(template, namespace, `${template.name}-${name}-${ordinal}`));
      }
    }
  });
  return {
    pods,
    claims,
    daemonSets,
    storageClasses: [...new Set(claims.map((one) => one.spec?.storageClassName ?? ''))],
  };
}

function podCount({ kind, replicas, parallelism, numOfHosts }: AppWorkload): number {
  const wanted = kind === 'Job' ? (parallelism ?? 1) : (replicas ?? 1);
  return Math.max(1, wanted) * (numOfHosts ?? 1);
}

interface Identity {
  readonly namespace: string;
  readonly name: string;
  readonly ordinal: number;
}

function podOf(facts: AppFacts, workload: AppWorkload, { namespace, name, ordinal }: Identity): V1Pod {
  const stateful = workload.kind === 'StatefulSet';
  const podName = stateful ? `${name}-${ordinal}` : `${name}-pod-${ordinal}`;
  const added = stateful
    ? { 'statefulset.kubernetes.io/pod-name': podName, 'apps.kubernetes.io/pod-index': String(ordinal) }
    : { 'pod-template-hash': name };
  const claimed = (workload.volumeClaimTemplates ?? []).map((one) => ({
    name: one.name,
    persistentVolumeClaim: { claimName: `${one.name}-${podName}` },
  }));
  const priorities = new Map((facts.priorityClasses ?? []).map((one) => [one.name, one.value]));
  const priorityClass = workload.pod.priorityClassName ?? '';
  const spec = specOf(workload.pod, claimed);
  const metadata = {
    name: podName,
    namespace,
    uid: `${namespace}/${podName}`,
    labels: { ...workload.pod.labels, ...added },
    annotations: workload.pod.annotations,
    creationTimestamp: '2026-01-01T00:00:00Z',
    ownerReferences: [{ kind: workload.kind, name, uid: `${namespace}/${workload.kind}/${name}`, controller: true }],
  };
  const priority = priorities.get(priorityClass) ?? PRIORITIES[priorityClass] ?? 0;
  return { metadata, spec: { ...spec, priority }, status: { phase: 'Pending' } };
}

function daemonSetOf({ pod }: AppWorkload, namespace: string, name: string): V1DaemonSet {
  return {
    metadata: { name, namespace, uid: `${namespace}/DaemonSet/${name}` },
    spec: { template: { metadata: { labels: pod.labels ?? {} }, spec: specOf(pod, []) } },
  };
}

function specOf(pod: AppPod, claimed: readonly V1Volume[]): V1Pod['spec'] {
  const { nodeSelector, affinity, topologySpreadConstraints, tolerations, hostNetwork } = pod;
  const emptyDirs = Array.from({ length: pod.emptyDirVolumes ?? 0 }, (_, index) => ({
    name: `dir-${index}`,
    emptyDir: {},
  }));
  const hostPaths = Array.from({ length: pod.hostPathVolumes ?? 0 }, (_, index) => ({
    name: `path-${index}`,
    hostPath: { path: `/var/lib/${index}` },
  }));
  const named = (pod.pvcs ?? []).map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return {
    schedulerName: 'default-scheduler',
    nodeSelector,
    affinity,
    topologySpreadConstraints,
    hostNetwork,
    tolerations: [...(tolerations ?? []), ...ADMITTED],
    containers: (pod.containers ?? []).map((one, index) => containerOf(one, `c${index}`)),
    initContainers: (pod.initContainers ?? []).map((one, index) => containerOf(one, `i${index}`)),
    volumes: [...emptyDirs, ...hostPaths, ...named, ...claimed],
  };
}

function containerOf(container: AppContainer, name: string): V1Container {
  const limits = quantities(container.limits ?? {});
  return {
    name,
    ...(container.sidecar === true ? { restartPolicy: 'Always' } : {}),
    ports: (container.hostPorts ?? []).map((hostPort) => ({ hostPort })),
    // The API server takes a limit for a request that is not named.
    resources: { requests: { ...limits, ...quantities(container.requests ?? {}) } },
  };
}

function quantities(amounts: AppAmounts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(amounts).map(([key, value]) => {
      const [name, unit] = UNITS.get(key) ?? [key, ''];
      return [name, `${value}${unit}`];
    }),
  );
}

function claimOf(claim: AppVolumeClaim, namespace: string, name: string): V1VolumeClaim {
  return {
    metadata: { name, namespace, uid: `${namespace}/claim/${name}` },
    spec: {
      storageClassName: claim.storageClassName ?? DEFAULT_CLASS,
      accessModes: claim.accessModes,
      resources: { requests: { storage: claim.size } },
    },
    status: { phase: 'Pending' },
  };
}
