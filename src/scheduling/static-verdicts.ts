// What a node says to a pod whatever runs there (cordon, taints, node affinity), computed once per kind of pod and class
// of node: nodes that differ only in name and hostname are one class, unless the pod asks for those.
import { LABELS } from '../api/names.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import { matchesNodeAffinity, nodeAffinity } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import type { Refusal } from './refusal.ts';
import { taintToleration } from './taint-toleration.ts';

/** A kind of pod, as far as static filters see it. */
export interface StaticProfile {
  readonly shape: PodShape;
  /** Asks for a node by name or hostname: classes do not help. */
  readonly specific: boolean;
  /** Per node class; null: nothing against it. */
  readonly verdicts: (Refusal | null | undefined)[];
}

export class StaticVerdicts {
  readonly #classNumbers = new Map<string, number>();
  readonly #profiles = new Map<string, StaticProfile>();

  /** Number of the node's class. */
  classOf(facts: NodeFacts): number {
    const labels = [...facts.labels].filter(([key]) => key !== LABELS.hostname);
    labels.sort(([left], [right]) => (left < right ? -1 : 1));
    const taints = facts.taints.map((taint) => [taint.key, taint.value, taint.effect]);
    const key = JSON.stringify([labels, taints, facts.unschedulable]);
    const known = this.#classNumbers.get(key);
    if (known !== undefined) return known;
    this.#classNumbers.set(key, this.#classNumbers.size);
    return this.#classNumbers.size - 1;
  }

  profileOf(shape: PodShape): StaticProfile {
    const tolerations = shape.tolerations.map((one) => [one.key, one.operator, one.value, one.effect]);
    const key = JSON.stringify([tolerations, [...shape.nodeSelector], shape.nodeAffinity ?? null]);
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const profile: StaticProfile = { shape, specific: isSpecific(shape), verdicts: [] };
    this.#profiles.set(key, profile);
    return profile;
  }
}

/** The first static filter that refuses, in the scheduler's order; undefined: none. */
export function staticRefusal(
  profile: StaticProfile,
  node: { readonly facts: NodeFacts; readonly nodeClass: number },
): Refusal | undefined {
  if (profile.specific) return ask(profile.shape, node.facts);
  const known = profile.verdicts[node.nodeClass];
  if (known !== undefined) return known ?? undefined;
  const verdict = ask(profile.shape, node.facts);
  profile.verdicts[node.nodeClass] = verdict ?? null;
  return verdict;
}

function ask(shape: PodShape, facts: NodeFacts): Refusal | undefined {
  return nodeUnschedulable(shape, facts) ?? taintToleration(shape, facts) ?? nodeAffinity(shape, facts);
}

/** A DaemonSet runs a pod here: its controller asks for affinity and taints, never for cordons or room. */
export function runsDaemon(shape: PodShape, facts: NodeFacts): boolean {
  return matchesNodeAffinity(shape, facts) && taintToleration(shape, facts) === undefined;
}

function isSpecific(shape: PodShape): boolean {
  if (shape.nodeSelector.has(LABELS.hostname)) return true;
  return (shape.nodeAffinity ?? []).some(
    (term) => term.fields.length > 0 || term.expressions.some((one) => one.key === LABELS.hostname),
  );
}
