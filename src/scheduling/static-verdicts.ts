// What a node says to a pod whatever runs there (cordon, taints, node affinity), computed once per kind of pod and class
// of node: nodes that differ only in name and hostname are one class, unless the pod asks for those.
import { LABELS } from '../api/names.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import { type ClassBits, ClassIndex, hasBit } from './class-bits.ts';
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
  /** Classes of nodes that take it, of the first `classesKnown` ones. */
  admitted: ClassBits;
  classesKnown: number;
  /** Per node class that does not: why. */
  readonly refusals: (Refusal | undefined)[];
}

export class StaticVerdicts {
  readonly #classNumbers = new Map<string, number>();
  readonly #classes = new ClassIndex();
  readonly #profiles = new Map<string, StaticProfile>();

  /** Number of the node's class. */
  classOf(facts: NodeFacts): number {
    const taints = facts.taints.map((taint) => [taint.key, taint.value, taint.effect]);
    const rest = taints.length === 0 && !facts.unschedulable ? '' : JSON.stringify([taints, facts.unschedulable]);
    const key = `${labelText(facts.labels)}${rest}`;
    const known = this.#classNumbers.get(key);
    if (known !== undefined) return known;
    this.#classNumbers.set(key, this.#classNumbers.size);
    this.#classes.add(facts);
    return this.#classNumbers.size - 1;
  }

  profileOf(shape: PodShape): StaticProfile {
    const key = profileKey(shape);
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const profile: StaticProfile = {
      shape,
      specific: isSpecific(shape),
      admitted: new Uint32Array(),
      classesKnown: 0,
      refusals: [],
    };
    this.#profiles.set(key, profile);
    return profile;
  }

  /** The profile's node classes, as bits; for profiles that are not specific. */
  admitted(profile: StaticProfile): ClassBits {
    if (profile.classesKnown < this.#classes.count) {
      profile.admitted = this.#classes.admits(profile.shape);
      profile.classesKnown = this.#classes.count;
    }
    return profile.admitted;
  }

  /** The first static filter that refuses, in the scheduler's order; undefined: none. */
  refusal(
    profile: StaticProfile,
    node: { readonly facts: () => NodeFacts; readonly nodeClass: number },
  ): Refusal | undefined {
    if (profile.specific) return ask(profile.shape, node.facts());
    if (hasBit(this.admitted(profile), node.nodeClass)) return undefined;
    const known = profile.refusals[node.nodeClass];
    if (known !== undefined) return known;
    const refusal = ask(profile.shape, node.facts());
    profile.refusals[node.nodeClass] = refusal;
    return refusal;
  }
}

/** Sorted, without the hostname. Kept by the labels of a Node, which are the same object until they change: a fork numbers its
 *  classes anew. */
function labelText(labels: ReadonlyMap<string, string>): string {
  const known = labelTexts.get(labels);
  if (known !== undefined) return known;
  const sorted = [...labels].filter(([key]) => key !== LABELS.hostname);
  const text = JSON.stringify(sorted.sort(([left], [right]) => (left < right ? -1 : 1)));
  labelTexts.set(labels, text);
  return text;
}

const labelTexts = new WeakMap<ReadonlyMap<string, string>, string>();

function ask(shape: PodShape, facts: NodeFacts): Refusal | undefined {
  return nodeUnschedulable(shape, facts) ?? taintToleration(shape, facts) ?? nodeAffinity(shape, facts);
}

/** A DaemonSet runs a pod here: its controller asks for affinity and taints, never for cordons or room. */
export function runsDaemon(shape: PodShape, facts: NodeFacts): boolean {
  return matchesNodeAffinity(shape, facts) && taintToleration(shape, facts) === undefined;
}

/** Equal text = equal answers. Most pods ask for nothing and are not spelled out. */
export function profileKey({ tolerations, nodeSelector, nodeAffinity }: PodShape): string {
  const parts: unknown[] = [];
  for (const { key, operator, value, effect } of tolerations) parts.push(key, operator, value, effect);
  if (nodeSelector.size > 0) parts.push(tolerations.length);
  for (const [key, value] of nodeSelector) parts.push(key, value);
  if (nodeAffinity !== undefined) parts.push(nodeAffinity);
  return parts.length === 0 ? '' : JSON.stringify(parts);
}

/** Asks for a node by its name or hostname. */
export function isSpecific(shape: PodShape): boolean {
  if (shape.nodeSelector.has(LABELS.hostname)) return true;
  return (shape.nodeAffinity ?? []).some(
    (term) => term.fields.length > 0 || term.expressions.some((one) => one.key === LABELS.hostname),
  );
}
