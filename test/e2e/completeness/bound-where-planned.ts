// What the first plan promised, read from its claims, and how much of it came true. Equal pods are interchangeable, so the
// measure is by node and kind: as many of the kind as the claim says.
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { digestOf } from '../../../src/planner/planned-pods.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../../src/playground/untyped.ts';
import type { KubeObject } from '../kube-client.ts';

/** Node → kind → pods. */
export type FirstPlan = ReadonlyMap<string, ReadonlyMap<string, number>>;

export function firstPlanOf(claims: readonly Fields[]): FirstPlan {
  return new Map(
    claims.map((claim) => {
      const kinds = listOf(fieldsOf(claim['spec'])['plannedPods']).map(fieldsOf);
      const byKind = kinds.map(
        ({ priority, shape, count }) => [kindOf(Number(priority ?? 0), textOf(shape)), Number(count)] as const,
      );
      return [textOf(fieldsOf(claim['metadata'])['name']), new Map(byKind)];
    }),
  );
}

function kindOf(priority: number, digest: string): string {
  return `${priority} ${digest}`;
}

export interface Bound {
  /** Of the pods that the plan gave a node, those that are there. */
  readonly pods: number;
  readonly elsewhere: readonly Elsewhere[];
}

export interface Elsewhere {
  /** namespace/name */
  readonly pod: string;
  /** Where it is. */
  readonly node: string;
  /** The nodes that lack such a pod. */
  readonly planned: readonly string[];
}

export function boundWherePlanned(plan: FirstPlan, pods: readonly KubeObject[]): Bound {
  const interner = new PodShapeInterner();
  const left = new Map([...plan].map(([node, kinds]) => [node, new Map(kinds)]));
  const others: { readonly pod: string; readonly node: string; readonly kind: string }[] = [];
  let bound = 0;
  for (const raw of pods) {
    const pod = parsePod(raw, interner);
    const kinds = left.get(pod.nodeName);
    const kind = kindOf(pod.priority, digestOf(pod.shape));
    const room = kinds?.get(kind) ?? 0;
    if (room === 0) {
      if (pod.nodeName !== '') others.push({ pod: `${pod.namespace}/${pod.name}`, node: pod.nodeName, kind });
      continue;
    }
    kinds?.set(kind, room - 1);
    bound += 1;
  }
  const elsewhere = others.flatMap(({ pod, node, kind }) => {
    const planned = [...left].filter(([, kinds]) => (kinds.get(kind) ?? 0) > 0).map(([node]) => node);
    return planned.length === 0 ? [] : [{ pod, node, planned }];
  });
  return { pods: bound, elsewhere };
}
