// Expands the application facts (reduced public manifests: requests, labels, affinity, spread, volumes, budgets) to the
// Kubernetes objects that they were reduced from, as far as scheduling goes.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, Loose } from './kube-client.ts';

const PAUSE = 'registry.invalid/pause:1'; // never pulled: guests do not run containers here

/** Jobs and custom kinds end or need an operator; DaemonSets are deployed by their own scenario. */
const KINDS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet']);

/** Fields of the facts that are pod spec as it stands. */
const COPIED = [
  'affinity',
  'topologySpreadConstraints',
  'terminationGracePeriodSeconds',
  'nodeSelector',
  'tolerations',
] as const;

export interface App {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly pods: number;
}

/** The named applications of the facts file, each in a namespace of its own name. */
export function readApps(file: string, names: readonly string[]): readonly App[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document): Loose => document.toJSON());
  return names.map((name) => {
    const facts = documents.find((one) => one?.app === name);
    if (facts === undefined) throw new Error(`${file} has no application '${name}'`);
    return expand(facts);
  });
}

function expand(facts: Loose): App {
  const namespace = facts.app;
  const workloads: Loose[] = (facts.workloads ?? []).filter((one: Loose) => KINDS.has(one.kind));
  const objects: KubeObject[] = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }];
  for (const workload of workloads) objects.push(workloadObject(workload, namespace));
  for (const [index, budget] of (facts.pdbs ?? []).entries()) {
    objects.push({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: budget.name ?? `budget-${index}`, namespace },
      spec: {
        selector: budget.selector ?? { matchLabels: budget.matchLabels ?? {} },
        ...(budget.minAvailable === undefined
          ? { maxUnavailable: budget.maxUnavailable ?? 1 }
          : { minAvailable: budget.minAvailable }),
      },
    });
  }
  return { name: namespace, objects, pods: workloads.reduce((sum, one) => sum + (one.replicas ?? 1), 0) };
}

function workloadObject(workload: Loose, namespace: string): KubeObject {
  const { pod } = workload;
  const labels = { ...pod.labels, 'e2e-workload': workload.name };
  const stateful = workload.kind === 'StatefulSet';
  return {
    apiVersion: 'apps/v1',
    kind: stateful ? 'StatefulSet' : 'Deployment',
    metadata: { name: workload.name, namespace },
    spec: {
      replicas: workload.replicas ?? 1,
      selector: { matchLabels: labels },
      ...(stateful ? { serviceName: workload.name, podManagementPolicy: 'Parallel' } : {}),
      template: {
        metadata: { labels },
        spec: {
          ...Object.fromEntries(COPIED.filter((key) => pod[key] !== undefined).map((key) => [key, pod[key]])),
          volumes: Array.from({ length: pod.emptyDirVolumes ?? 0 }, (_, index) => ({
            name: `v${index}`,
            emptyDir: {},
          })),
          containers: (pod.containers ?? []).map((container: Loose, index: number) => ({
            name: `c${index}`,
            image: PAUSE,
            resources: {
              ...(container.requests === undefined ? {} : { requests: quantities(container.requests) }),
              ...(container.limits === undefined ? {} : { limits: quantities(container.limits) }),
            },
          })),
        },
      },
    },
  };
}

function quantities(facts: Readonly<Record<string, number | string>>): Record<string, string> {
  const known: Readonly<Record<string, [string, string]>> = {
    cpu_m: ['cpu', 'm'],
    mem_mib: ['memory', 'Mi'],
    eph_mib: ['ephemeral-storage', 'Mi'],
  };
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => {
      const [name, unit] = known[key] ?? [key, ''];
      return [name, `${value}${unit}`];
    }),
  );
}
