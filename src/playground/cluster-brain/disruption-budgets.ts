// The status of PodDisruptionBudgets: how many of their pods may go now.
import { fieldsOf, listOf, sameJson, textOf, type Fields } from '../untyped.ts';
import type { KubeObject } from '../kubernetes-api/kube-object.ts';
import { labelSelectorMatches } from '../kubernetes-api/selectors.ts';
import type { BrainContext } from './brain-context.ts';

/** A granted eviction whose pod is not seen to go within this time is forgotten, as in Kubernetes. */
const DISRUPTED_TIMEOUT_MS = 120_000;

/** Counts anew after every change of pods. */
export function runDisruptionBudgets(context: BrainContext, nowMs: number): void {
  const pods = context.list('pods');
  for (const budget of context.list('poddisruptionbudgets')) {
    const spec = fieldsOf(budget['spec']);
    const covered = pods.filter(
      (pod) =>
        pod.metadata.namespace === budget.metadata.namespace &&
        !['Succeeded', 'Failed'].includes(textOf(fieldsOf(pod['status'])['phase'])) &&
        labelSelectorMatches(spec['selector'], pod.metadata.labels ?? {}),
    );
    const disruptedPods = stillDisrupted(budget, { covered, nowMs });
    const healthy = covered.filter(
      (pod) =>
        isReady(pod) && pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name] === undefined,
    ).length;
    const desiredHealthy = wantedHealthy(spec, expectedPods(context, covered));
    const status = {
      observedGeneration: budget.metadata.generation,
      expectedPods: expectedPods(context, covered),
      currentHealthy: healthy,
      desiredHealthy,
      disruptionsAllowed: Math.max(0, healthy - desiredHealthy),
      ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    };
    if (!sameJson(budget['status'], JSON.parse(JSON.stringify(status)))) {
      context.update('poddisruptionbudgets', { ...budget, status }, 'status');
    }
  }
}

function isReady(pod: KubeObject): boolean {
  const conditions = listOf(fieldsOf(pod['status'])['conditions']).map(fieldsOf);
  return conditions.some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');
}

function stillDisrupted(budget: KubeObject, now: { covered: readonly KubeObject[]; nowMs: number }): Fields {
  const entries = Object.entries(fieldsOf(fieldsOf(budget['status'])['disruptedPods']));
  return Object.fromEntries(
    entries.filter(([name, at]) => {
      const pod = now.covered.find((each) => each.metadata.name === name);
      const young = now.nowMs - Date.parse(textOf(at)) < DISRUPTED_TIMEOUT_MS;
      return pod !== undefined && pod.metadata.deletionTimestamp === undefined && young;
    }),
  );
}

/** The scale of the pods' controllers, so that pods that do not exist at the moment count as unhealthy. */
function expectedPods(context: BrainContext, covered: readonly KubeObject[]): number {
  const owners = new Set(covered.map((pod) => pod.metadata.ownerReferences?.[0]?.uid ?? pod.metadata.uid));
  let expected = 0;
  for (const owner of owners) {
    const set = context.list('replicasets').find((each) => each.metadata.uid === owner);
    const replicas = fieldsOf(set?.['spec'])['replicas'];
    const pods = covered.filter((pod) => (pod.metadata.ownerReferences?.[0]?.uid ?? pod.metadata.uid) === owner);
    expected += typeof replicas === 'number' ? replicas : pods.length;
  }
  return expected;
}

function wantedHealthy(spec: Fields, expected: number): number {
  const count = (value: unknown): number => {
    if (typeof value === 'number') return value;
    const percent = /^(\d+)%$/.exec(textOf(value))?.[1];
    return percent === undefined ? 0 : Math.ceil((expected * Number(percent)) / 100);
  };
  if (spec['minAvailable'] !== undefined) return count(spec['minAvailable']);
  return Math.max(0, expected - count(spec['maxUnavailable'] ?? 1));
}
