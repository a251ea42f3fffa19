// PodTopologySpread, constraints with DoNotSchedule only, one after the other.
// Who counts: a node that has the topology keys of all these constraints takes part; for one constraint also only if the
// pod's selector and affinity want it (nodeAffinityPolicy Honor, the default) and its taints are tolerated
// (nodeTaintsPolicy Honor; the default ignores them). There, pods of the pod's namespace that match and are not terminating.
// The selector: absent counts nothing; `{}` counts no pod and yet the pod itself; matchLabelKeys that the pod has are added
// to one that is there.
// A node without the key is refused; else count in its domain + the pod itself − the least domain must stay within maxSkew.
// The least is 0 when there are fewer domains than minDomains.
import { wantsNode } from './node-affinity.ts';
import { error, no, type TwinRefusal } from './refusal.ts';
import { isEverything, isFaulty, selects } from './selectors.ts';
import { toleratesAll } from './taint-toleration.ts';
import type { V1LabelSelector, V1Node, V1Pod, V1SpreadConstraint } from './v1.ts';
import { labelsOf, namespaceOf, podsOn, type World } from './world.ts';

const PLUGIN = 'PodTopologySpread';
const SKEWED = "node(s) didn't match pod topology spread constraints";

export function faultySpread(pod: V1Pod): TwinRefusal | undefined {
  if (!hardConstraints(pod).some((one) => isFaulty(one.labelSelector))) return undefined;
  const start = `running PreFilter plugin "${PLUGIN}": get constraints from pod: obtaining pod's hard topology spread constraints: …`;
  return error(PLUGIN, start);
}

export function podTopologySpread(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  for (const constraint of hardConstraints(pod)) {
    const domain = labelsOf(node).get(constraint.topologyKey);
    if (domain === undefined) return no(PLUGIN, `${SKEWED} (missing required label)`);
    const counts = domainCounts(pod, constraint, world);
    const enough = counts.size >= (constraint.minDomains ?? 1);
    const least = enough ? Math.min(...counts.values()) : 0;
    const skew = (counts.get(domain) ?? 0) + selfCount(pod, constraint) - least;
    if (skew > (constraint.maxSkew ?? 0)) return no(PLUGIN, SKEWED);
  }
  return undefined;
}

function domainCounts(pod: V1Pod, constraint: V1SpreadConstraint, world: World): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const node of world.nodes) {
    const domain = labelsOf(node).get(constraint.topologyKey);
    if (domain === undefined || !takesPart(pod, constraint, node)) continue;
    const matching = podsOn(world, node).filter(
      (other) =>
        !isTerminating(other) && countsFor(pod, constraint, { namespace: namespaceOf(other), labels: labelsOf(other) }),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + matching.length);
  }
  return counts;
}

export function hardConstraints(pod: V1Pod): readonly V1SpreadConstraint[] {
  return (pod.spec.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === 'DoNotSchedule');
}

/** Whether pods on the node are counted for a constraint of the pod. */
export function takesPart(pod: V1Pod, constraint: V1SpreadConstraint, node: V1Node): boolean {
  const labels = labelsOf(node);
  return (
    hardConstraints(pod).every((one) => labels.has(one.topologyKey)) &&
    (constraint.nodeAffinityPolicy === 'Ignore' || wantsNode(pod, node)) &&
    (constraint.nodeTaintsPolicy !== 'Honor' || toleratesAll(pod, node))
  );
}

/** Whether a pod with this namespace and these labels is counted for a constraint of `pod`. */
export function countsFor(
  pod: V1Pod,
  constraint: V1SpreadConstraint,
  other: { readonly namespace: string; readonly labels: ReadonlyMap<string, string> },
): boolean {
  const selector = mergedSelector(pod, constraint);
  return other.namespace === namespaceOf(pod) && !isEverything(selector) && selects(selector, other.labels);
}

/** 1 when the pod would be counted by its own constraint; here `{}` does match. */
export function selfCount(pod: V1Pod, constraint: V1SpreadConstraint): number {
  return selects(mergedSelector(pod, constraint), labelsOf(pod)) ? 1 : 0;
}

function mergedSelector(pod: V1Pod, constraint: V1SpreadConstraint): V1LabelSelector | undefined {
  const selector = constraint.labelSelector ?? undefined;
  if (selector === undefined) return undefined;
  const labels = labelsOf(pod);
  const added = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const value = labels.get(key);
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }];
  });
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}

function isTerminating(pod: V1Pod): boolean {
  return (pod.metadata.deletionTimestamp ?? undefined) !== undefined;
}
