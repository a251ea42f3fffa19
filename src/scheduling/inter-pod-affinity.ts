// InterPodAffinity, required terms only: the pod's affinity, its anti-affinity, and the anti-affinity of pods that run.
import type { PodAffinityTerm, PodShape } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import type { DomainCounter } from './domain-counter.ts';
import { type Refusal, refuse } from './refusal.ts';

const PLUGIN = 'InterPodAffinity';

export interface AffinityCheck {
  /** One per term; each counts the pods that match all terms at once. */
  readonly affinity: readonly DomainCounter[];
  /** The pod matches all its own affinity terms: then the first of its kind may go anywhere. */
  readonly matchesItself: boolean;
  /** One per anti-affinity term; counts the pods that match it. */
  readonly antiAffinity: readonly DomainCounter[];
  /** One per anti-affinity term of running pods that matches this pod; counts the pods that carry it. */
  readonly existing: readonly DomainCounter[];
}

/** May pass when other pods come; the other refusals of this plugin only when pods go. */
export const NOT_NEAR: Refusal = refuse(PLUGIN, "node(s) didn't match pod affinity rules");

export function interPodAffinity(check: AffinityCheck, node: number): Refusal | undefined {
  if (!satisfiesAffinity(check, node)) return NOT_NEAR;
  if (check.antiAffinity.some((counter) => counter.countAt(node) > 0)) {
    return refuse(PLUGIN, "node(s) didn't match pod anti-affinity rules");
  }
  if (check.existing.some((counter) => counter.countAt(node) > 0)) {
    return refuse(PLUGIN, "node(s) didn't satisfy existing pods anti-affinity rules");
  }
  return undefined;
}

function satisfiesAffinity(check: AffinityCheck, node: number): boolean {
  const { affinity } = check;
  if (!affinity.every((counter) => counter.hasDomain(node))) return false;
  if (affinity.every((counter) => counter.countAt(node) > 0)) return true;
  return check.matchesItself && affinity.every((counter) => counter.total === 0);
}

const NO_LABELS: ReadonlyMap<string, string> = new Map<string, string>();

/** Labels of a namespace; undefined when there is no such object. */
export type NamespaceLabels = (namespace: string) => ReadonlyMap<string, string> | undefined;

/** A running pod of `other` matches a term of a pod that waits. A selector finds only namespaces that exist. */
export function termSelects(term: PodAffinityTerm, other: PodShape, namespaceLabels: NamespaceLabels): boolean {
  return (
    inNamespaces(term, other.namespace, namespaceLabels(other.namespace)) &&
    selectorMatches(term.selector, other.labels)
  );
}

/** A pod that waits matches a term of a running pod. Its namespace counts as unlabelled when there is no object. */
export function termForbids(term: PodAffinityTerm, waiting: PodShape, namespaceLabels: NamespaceLabels): boolean {
  const labels = namespaceLabels(waiting.namespace) ?? NO_LABELS;
  return inNamespaces(term, waiting.namespace, labels) && selectorMatches(term.selector, waiting.labels);
}

function inNamespaces(
  term: PodAffinityTerm,
  namespace: string,
  labels: ReadonlyMap<string, string> | undefined,
): boolean {
  if (term.namespaces.includes(namespace)) return true;
  if (term.namespaceSelector === undefined) return false;
  if (term.namespaceSelector.requirements.length === 0) return true;
  return labels !== undefined && selectorMatches(term.namespaceSelector, labels);
}
