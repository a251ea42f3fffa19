// The readable twin of the fork's filters: recounts everything from plain lists for each question. Only tests use it.
// Covers room, ports, taints, node selectors, spread and pod affinity within one namespace.
import { requirementMatches, selectorMatches } from '../../../src/cluster/label-selector.ts';
import type { NodeObject, PodObject, SpreadConstraint } from '../../../src/cluster/cluster-objects.ts';
import { tolerates } from '../../../src/scheduling/taint-toleration.ts';

/** Node name → the pods on it. */
export type Assignment = ReadonlyMap<string, readonly PodObject[]>;

/** Whether `pod` may join `node` while the pods of `assignment` run. */
export function naiveFits(
  pod: PodObject,
  node: NodeObject,
  world: { readonly nodes: readonly NodeObject[]; readonly assignment: Assignment },
): boolean {
  const here = world.assignment.get(node.name) ?? [];
  return (
    selects(pod, node) &&
    taintsTolerated(pod, node) &&
    hasRoom(pod, { node, here }) &&
    !here.some((other) =>
      other.shape.hostPorts.some((one) => pod.shape.hostPorts.some((two) => one.port === two.port)),
    ) &&
    pod.shape.spread.every((constraint) => staysEven(pod, constraint, { ...world, node })) &&
    affinityHolds(pod, { ...world, node })
  );
}

interface Place {
  readonly nodes: readonly NodeObject[];
  readonly assignment: Assignment;
  readonly node: NodeObject;
}

function hasRoom(pod: PodObject, at: { node: NodeObject; here: readonly PodObject[] }): boolean {
  const { allocatable } = at.node;
  if (at.here.length + 1 > allocatable.pods) return false;
  const sum = (amount: (one: PodObject) => number): number => at.here.reduce((all, one) => all + amount(one), 0);
  const fits = (amount: (one: PodObject) => number, capacity: number): boolean =>
    amount(pod) === 0 || sum(amount) + amount(pod) <= capacity;
  return (
    fits((one) => one.shape.requests.cpuMillis, allocatable.cpuMillis) &&
    fits((one) => one.shape.requests.memoryBytes, allocatable.memoryBytes) &&
    [...pod.shape.requests.extended.keys()].every((name) =>
      fits((one) => one.shape.requests.extended.get(name) ?? 0, allocatable.extended.get(name) ?? 0),
    )
  );
}

function selects(pod: PodObject, node: NodeObject): boolean {
  if (![...pod.shape.nodeSelector].every(([key, value]) => node.labels.get(key) === value)) return false;
  const terms = pod.shape.nodeAffinity;
  if (terms === undefined) return true;
  return terms.some((term) => term.expressions.every((one) => requirementMatches(one, node.labels.get(one.key))));
}

function taintsTolerated(pod: PodObject, node: NodeObject): boolean {
  return node.taints.every((taint) => taint.effect === 'PreferNoSchedule' || tolerates(pod.shape.tolerations, taint));
}

function staysEven(pod: PodObject, constraint: SpreadConstraint, place: Place): boolean {
  const { topologyKey, selector } = constraint;
  const own = place.node.labels.get(topologyKey);
  if (own === undefined) return false;
  const counts = new Map<string, number>();
  for (const node of place.nodes) {
    const domain = node.labels.get(topologyKey);
    if (domain === undefined || !pod.shape.spread.every((one) => node.labels.has(one.topologyKey))) continue;
    if (constraint.nodeAffinityPolicy === 'Honor' && !selects(pod, node)) continue;
    if (constraint.nodeTaintsPolicy === 'Honor' && !taintsTolerated(pod, node)) continue;
    const here = place.assignment.get(node.name) ?? [];
    const matching = here.filter(
      (one) => !one.deleting && selector?.requirements.length !== 0 && selectorMatches(selector, one.shape.labels),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + matching.length);
  }
  const least = counts.size === 0 || counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
  const self = selectorMatches(selector, pod.shape.labels) ? 1 : 0;
  return (counts.get(own) ?? 0) + self - least <= constraint.maxSkew;
}

function affinityHolds(pod: PodObject, place: Place): boolean {
  const all = place.nodes.flatMap((node) => (place.assignment.get(node.name) ?? []).map((other) => ({ node, other })));
  const together = (key: string, node: NodeObject): boolean =>
    place.node.labels.has(key) && place.node.labels.get(key) === node.labels.get(key);
  const terms = pod.shape.podAffinity;
  const matchesAll = (other: PodObject): boolean =>
    terms.every((term) => selectorMatches(term.selector, other.shape.labels));
  const matching = all.filter(({ other }) => matchesAll(other));
  const counted = matching.some(({ node }) => terms.some((term) => node.labels.has(term.topologyKey)));
  const near = terms.every((term) => matching.some(({ node }) => together(term.topologyKey, node)));
  const first = !counted && matchesAll(pod) && terms.every((term) => place.node.labels.has(term.topologyKey));
  if (!near && !first) return false;
  return all.every(
    ({ node, other }) =>
      !pod.shape.podAntiAffinity.some(
        (term) => together(term.topologyKey, node) && selectorMatches(term.selector, other.shape.labels),
      ) &&
      !other.shape.podAntiAffinity.some(
        (term) => together(term.topologyKey, node) && selectorMatches(term.selector, pod.shape.labels),
      ),
  );
}
