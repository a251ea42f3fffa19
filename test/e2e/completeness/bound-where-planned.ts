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

/** Of the pods that the plan gave a node, those that are there. */
export function boundWherePlanned(plan: FirstPlan, pods: readonly KubeObject[]): number {
  const interner = new PodShapeInterner();
  const left = new Map([...plan].map(([node, kinds]) => [node, new Map(kinds)]));
  let bound = 0;
  for (const raw of pods) {
    const pod = parsePod(raw, interner);
    const kinds = left.get(pod.nodeName);
    const kind = kindOf(pod.priority, digestOf(pod.shape));
    const room = kinds?.get(kind) ?? 0;
    if (room === 0) continue;
    kinds?.set(kind, room - 1);
    bound += 1;
  }
  return bound;
}
