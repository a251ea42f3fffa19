// Everything that placing a pod of one shape asks, put together once per shape and fork: which nodes it names, its static
// profile, its volumes, the counters behind its spread constraints and affinity terms.
import type { PodAffinityTerm, PodObject, PodShape, ShapeFaults } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import type { CounterBook } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';
import { resourceClaims } from './dynamic-resources.ts';
import { type AffinityCheck, type NamespaceLabels, termSelects } from './inter-pod-affinity.ts';
import { namedNodes } from './node-affinity.ts';
import { countsForSpread, type SpreadCheck, spreadCounterOptions } from './pod-topology-spread.ts';
import { type Refusal, fail, refuse } from './refusal.ts';
import type { StaticProfile, StaticVerdicts } from './static-verdicts.ts';
import { volumeBindingPod } from './volume-binding.ts';
import { type ClaimedVolume, claimedVolumes, type VolumeLookup } from './volume-lookup.ts';
import { claimInUse, isOncePod, volumeRestrictionsPod } from './volume-restrictions.ts';
import { volumeZonePod } from './volume-zone.ts';

export interface ShapeChecks {
  readonly shape: PodShape;
  readonly shapeNumber: number;
  /** The only nodes that it may run on; undefined: any. */
  readonly named: ReadonlySet<string> | undefined;
  readonly profile: StaticProfile;
  readonly volumes: readonly ClaimedVolume[];
  readonly spread: readonly SpreadCheck[];
  readonly affinity: Omit<AffinityCheck, 'existing'>;
  /** Claim → pods that use it, for claims that only one pod may use. */
  readonly onceUsers: ReadonlyMap<string, DomainCounter>;
  /** Placing pods never opens a node to this shape, so that a node once refused stays refused. */
  readonly monotone: boolean;
}

export interface CheckContext {
  readonly counters: CounterBook;
  readonly statics: StaticVerdicts;
  readonly lookup: () => VolumeLookup;
  readonly namespaceLabels: NamespaceLabels;
}

const EVERYWHERE = { skipTerminating: false, eligible: (): boolean => true } as const;

/** Puts the checks of a shape together. */
export function shapeChecks(shape: PodShape, shapeNumber: number, context: CheckContext): ShapeChecks {
  const { counters, statics, lookup, namespaceLabels } = context;
  const volumes = shape.volumes.length === 0 ? [] : claimedVolumes(shape, lookup());
  const onceUsers = new Map<string, DomainCounter>();
  for (const one of volumes) {
    if (isOncePod(one)) onceUsers.set(one.volume.claim, usersCounter(shape.namespace, one.volume.claim, counters));
  }
  return {
    shape,
    shapeNumber,
    named: namedNodes(shape.nodeAffinity),
    profile: statics.profileOf(shape),
    volumes,
    spread: spreadChecks(shape, counters),
    affinity: {
      affinity: shape.podAffinity.map((term) =>
        counters.counter({
          key: JSON.stringify(['affinity', term.topologyKey, shape.podAffinity]),
          topologyKey: term.topologyKey,
          ...EVERYWHERE,
          counts: (other) => shape.podAffinity.every((one) => termSelects(one, other, namespaceLabels)),
        }),
      ),
      matchesItself: shape.podAffinity.every((term) => termSelects(term, shape, namespaceLabels)),
      antiAffinity: shape.podAntiAffinity.map((term) =>
        counters.counter({
          key: JSON.stringify(['anti-affinity', term]),
          topologyKey: term.topologyKey,
          ...EVERYWHERE,
          counts: (other) => termSelects(term, other, namespaceLabels),
        }),
      ),
    },
    onceUsers,
    monotone: shape.podAffinity.length === 0 && shape.spread.length === 0,
  };
}

/** What the scheduler says of the pod before it looks at any node, once its names do not contradict each other. */
export function podRefusal(checks: ShapeChecks, pod: PodObject, lookup: () => VolumeLookup): Refusal | undefined {
  const { shape, volumes } = checks;
  if (volumes.length > 0) {
    const refusal =
      volumeRestrictionsPod(volumes) ??
      volumeBindingPod(volumes, { pod, lookup: lookup() }) ??
      volumeZonePod(volumes, lookup());
    if (refusal !== undefined) return refusal;
  }
  return (shape.faults === undefined ? undefined : selectorRefusal(shape.faults)) ?? resourceClaims(shape);
}

/** On every node alike, yet said after what each node says of room. */
export function claimRefusal(checks: ShapeChecks): Refusal | undefined {
  if (checks.onceUsers.size === 0) return undefined;
  return claimInUse(checks.volumes, (claim) => checks.onceUsers.get(claim)?.total ?? 0);
}

function selectorRefusal({ spread, affinity }: ShapeFaults): Refusal | undefined {
  if (spread !== undefined) {
    const plugin = 'PodTopologySpread';
    return fail(
      plugin,
      `running PreFilter plugin "${plugin}": get constraints from pod: obtaining pod's hard topology spread constraints: ${spread}`,
    );
  }
  return affinity === undefined ? undefined : refuse('InterPodAffinity', `parsing pod: ${affinity}`);
}

/** Canonical text of an anti-affinity term; equal text = equal term. */
export function termKey(term: PodAffinityTerm): string {
  return JSON.stringify(term);
}

/** Counter of the pods on nodes that carry the anti-affinity term. */
export function carriersCounter(term: PodAffinityTerm, counters: CounterBook): DomainCounter {
  const key = termKey(term);
  return counters.counter({
    key: `carriers ${key}`,
    topologyKey: term.topologyKey,
    ...EVERYWHERE,
    counts: (other) => other.podAntiAffinity.some((one) => termKey(one) === key),
  });
}

function spreadChecks(shape: PodShape, counters: CounterBook): readonly SpreadCheck[] {
  if (shape.spread.length === 0) return [];
  // Labels are not in the key: numbered pods of one StatefulSet share their counters.
  const scope = [shape.namespace, shape.spread, [...shape.nodeSelector], shape.nodeAffinity ?? null, shape.tolerations];
  return shape.spread.map((constraint, position) => ({
    counter: counters.counter({
      key: JSON.stringify(['spread', position, scope]),
      ...spreadCounterOptions(shape, constraint),
      counts: (other) => countsForSpread(shape, constraint, other),
    }),
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains,
    self: selectorMatches(constraint.selector, shape.labels) ? 1 : 0,
  }));
}

function usersCounter(namespace: string, claim: string, counters: CounterBook): DomainCounter {
  return counters.counter({
    key: JSON.stringify(['users', namespace, claim]),
    topologyKey: undefined,
    ...EVERYWHERE,
    counts: (other) =>
      other.namespace === namespace && other.volumes.some((volume) => volume.claim === claim && !volume.ephemeral),
  });
}
