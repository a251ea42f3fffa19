// InterPodAffinity, required terms only, in this order:
// 1. Affinity. A pod that matches all terms at once counts, for each term, in the domain (value of the term's key) of its
//    node. A node passes when it has every key and each domain has such a pod. The first of its kind: when no pod counts
//    anywhere and the pod matches its own terms, any node with all keys passes.
// 2. Anti-affinity of the pod: no pod that matches a term in the domain of its key. Without the key there is no domain.
// 3. Anti-affinity of the pods there: none has a term that matches the pod, in the domain of its key.
// Namespaces of a term: its list, and those that its namespaceSelector matches; with neither, its owner's. The selector of the
// waiting pod finds only namespaces that exist as objects; for that of a running pod, a namespace without object has no
// labels. `{}` is every namespace in both. Terminating pods count; matchLabelKeys were merged by the API server.
// Terms of a running pod that the scheduler cannot parse count for nothing, and its good ones with them.
import { no, type TwinRefusal } from './refusal.ts';
import { isEverything, isFaulty, selects } from './selectors.ts';
import type { V1Node, V1Pod, V1PodAffinity, V1PodAffinityTerm } from './v1.ts';
import { labelsOf, namespaceOf, nodeOf, type World } from './world.ts';

const PLUGIN = 'InterPodAffinity';
export const NO_AFFINITY = "node(s) didn't match pod affinity rules";
export const OWN_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules";
export const THEIR_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules";

export function faultyAffinity(pod: V1Pod): TwinRefusal | undefined {
  const { podAffinity: near, podAntiAffinity: far } = pod.spec.affinity ?? {};
  const weighted = (of: V1PodAffinity | null | undefined): readonly V1PodAffinityTerm[] =>
    (of?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((one) => one.podAffinityTerm ?? []);
  const all = [...affinityTerms(pod), ...required(far), ...weighted(near), ...weighted(far)];
  return all.some(isFaultyTerm) ? no(PLUGIN, 'parsing pod: …') : undefined;
}

export function interPodAffinity(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  if (!hasCompany(pod, node, world)) return no(PLUGIN, NO_AFFINITY);
  const near = (key: string): readonly V1Pod[] =>
    world.pods.filter((other) => sameDomain(key, node, nodeOf(world, other)));
  if (antiAffinityTerms(pod).some((term) => near(term.topologyKey).some((other) => finds(pod, term, other, world)))) {
    return no(PLUGIN, OWN_ANTI_AFFINITY);
  }
  const kept = world.pods.some((other) =>
    antiAffinityTerms(other).some(
      (term) => sameDomain(term.topologyKey, node, nodeOf(world, other)) && forbids(other, term, pod, world),
    ),
  );
  return kept ? no(PLUGIN, THEIR_ANTI_AFFINITY) : undefined;
}

function hasCompany(pod: V1Pod, node: V1Node, world: World): boolean {
  const terms = affinityTerms(pod);
  if (!terms.every((term) => labelsOf(node).has(term.topologyKey))) return false;
  const matching = world.pods.filter((other) => terms.every((term) => finds(pod, term, other, world)));
  const everyDomain = terms.every((term) =>
    matching.some((other) => sameDomain(term.topologyKey, node, nodeOf(world, other))),
  );
  if (everyDomain) return true;
  const somewhere = matching.some((other) => {
    const place = nodeOf(world, other);
    return place !== undefined && terms.some((term) => labelsOf(place).has(term.topologyKey));
  });
  return !somewhere && terms.every((term) => finds(pod, term, pod, world));
}

export function affinityTerms(pod: V1Pod): readonly V1PodAffinityTerm[] {
  return required(pod.spec.affinity?.podAffinity);
}

export function antiAffinityTerms(pod: V1Pod): readonly V1PodAffinityTerm[] {
  const terms = required(pod.spec.affinity?.podAntiAffinity);
  return terms.some(isFaultyTerm) ? [] : terms;
}

/** A term of the waiting `owner` matches `other`. */
export function finds(owner: V1Pod, term: V1PodAffinityTerm, other: V1Pod, world: World): boolean {
  const namespace = world.namespaces.get(namespaceOf(other));
  const labels = namespace && labelsOf(namespace);
  return (
    inNamespaces(owner, term, { name: namespaceOf(other), labels }) && selects(term.labelSelector, labelsOf(other))
  );
}

/** A term of the running `owner` matches `waiting`. */
export function forbids(owner: V1Pod, term: V1PodAffinityTerm, waiting: V1Pod, world: World): boolean {
  const namespace = world.namespaces.get(namespaceOf(waiting));
  const labels = namespace === undefined ? new Map<string, string>() : labelsOf(namespace);
  const name = namespaceOf(waiting);
  return inNamespaces(owner, term, { name, labels }) && selects(term.labelSelector, labelsOf(waiting));
}

function inNamespaces(
  owner: V1Pod,
  term: V1PodAffinityTerm,
  namespace: { readonly name: string; readonly labels: ReadonlyMap<string, string> | undefined },
): boolean {
  const selector = term.namespaceSelector ?? undefined;
  const list = term.namespaces ?? [];
  if (list.length === 0 && selector === undefined) return namespace.name === namespaceOf(owner);
  if (list.includes(namespace.name) || isEverything(selector)) return true;
  return namespace.labels !== undefined && selects(selector, namespace.labels);
}

function required(affinity: V1PodAffinity | null | undefined): readonly V1PodAffinityTerm[] {
  return affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function isFaultyTerm(term: V1PodAffinityTerm): boolean {
  return isFaulty(term.labelSelector) || isFaulty(term.namespaceSelector);
}

function sameDomain(key: string, node: V1Node, other: V1Node | undefined): boolean {
  const value = labelsOf(node).get(key);
  return value !== undefined && other !== undefined && labelsOf(other).get(key) === value;
}
