// Everything that placing a pod of one shape asks, put together once per shape and fork: which nodes it names, its static
// profile, its volumes, the counters behind its spread constraints and affinity terms.
import type { PodAffinityTerm, PodObject, PodShape, ShapeFaults } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { type CounterBook, type CounterRequest, EVERYWHERE } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';
import { type AffinityCheck, type NamespaceLabels, termForbids, termSelects } from './inter-pod-affinity.ts';
import { namedNodes } from './node-affinity.ts';
import { countsForSpread, type SpreadCheck, spreadEligibility } from './pod-topology-spread.ts';
import { type Refusal, fail, refuse } from './refusal.ts';
import { carrierToken, claimToken, fewest, selectorCost, termKey, termTokens, tokensWithin } from './shape-tokens.ts';
import type { StaticProfile, StaticVerdicts } from './static-verdicts.ts';
import { volumeBindingPod } from './volume-binding.ts';
import { type ClaimedVolume, claimedVolumes, type VolumeLookup } from './volume-lookup.ts';
import { claimInUse, isOncePod, volumeRestrictionsPod } from './volume-restrictions.ts';
import { volumeZonePod } from './volume-zone.ts';

const ANY_POD = { eligibility: EVERYWHERE, skipTerminating: false } as const;

export interface OwnAffinity extends Omit<AffinityCheck, 'existing'> {
  /** Those of its anti-affinity terms that match the shape itself. */
  readonly againstItself: readonly DomainCounter[];
}

export interface ShapeChecks {
  readonly shape: PodShape;
  /** The only nodes that it may run on; undefined: any. */
  readonly named: ReadonlySet<string> | undefined;
  readonly profile: StaticProfile;
  readonly volumes: readonly ClaimedVolume[];
  readonly spread: readonly SpreadCheck[];
  readonly affinity: OwnAffinity;
  /** Claim → pods that use it, for claims that only one pod may use. */
  readonly onceUsers: ReadonlyMap<string, DomainCounter>;
  /** Placing pods never opens a node to this shape, so that a node once refused stays refused. */
  readonly monotone: boolean;
  /** The budget allowed all counters; without them nothing can be said of the shape. */
  readonly complete: boolean;
}

export interface CheckContext {
  readonly counters: CounterBook;
  readonly statics: StaticVerdicts;
  readonly lookup: () => VolumeLookup;
  readonly namespaceLabels: NamespaceLabels;
}

/** Puts the checks of a shape together. */
export function shapeChecks(shape: PodShape, context: CheckContext): ShapeChecks {
  const { counters, statics, lookup } = context;
  let complete = true;
  const ask = (request: CounterRequest): readonly DomainCounter[] => {
    const counter = complete ? counters.counter(request) : undefined;
    complete &&= counter !== undefined;
    return counter === undefined ? [] : [counter];
  };
  const volumes = shape.volumes.length === 0 ? [] : claimedVolumes(shape, lookup());
  const onceUsers = new Map<string, DomainCounter>();
  for (const one of volumes) {
    if (!isOncePod(one)) continue;
    for (const counter of ask(usersRequest(shape.namespace, one.volume.claim))) {
      onceUsers.set(one.volume.claim, counter);
    }
  }
  const spread = spreadChecks(shape, ask);
  const affinity = affinityCheck(shape, ask, context);
  return {
    shape,
    named: namedNodes(shape.nodeAffinity),
    profile: statics.profileOf(shape),
    volumes,
    spread,
    affinity,
    onceUsers,
    monotone: shape.podAffinity.length === 0 && shape.spread.length === 0,
    complete,
  };
}

type Ask = (request: CounterRequest) => readonly DomainCounter[];

function affinityCheck(shape: PodShape, ask: Ask, context: CheckContext): OwnAffinity {
  const { namespaceLabels } = context;
  const { podAffinity, podAntiAffinity } = shape;
  const wanted = {
    key: podAffinity.length === 0 ? '' : JSON.stringify(['affinity', podAffinity]),
    tokens: fewest(podAffinity.map(termTokens)),
    counts: (other: PodShape) => podAffinity.every((one) => termSelects(one, other, namespaceLabels)),
    cost: podAffinity.reduce((sum, term) => sum + selectorCost(term.selector), 0),
  };
  const againstItself: DomainCounter[] = [];
  return {
    againstItself,
    affinity: podAffinity.flatMap(({ topologyKey }) => ask({ audience: wanted, topologyKey, ...ANY_POD })),
    matchesItself: podAffinity.every((term) => termSelects(term, shape, namespaceLabels)),
    antiAffinity: podAntiAffinity.flatMap((term) => {
      const { topologyKey, selector, namespaces, namespaceSelector } = term;
      const audience = {
        key: JSON.stringify(['anti-affinity', selector, namespaces, namespaceSelector]),
        tokens: termTokens(term),
        counts: (other: PodShape) => termSelects(term, other, namespaceLabels),
        cost: selectorCost(selector),
      };
      const made = ask({ audience, topologyKey, ...ANY_POD });
      if (audience.counts(shape) || termForbids(term, shape, namespaceLabels)) againstItself.push(...made);
      return made;
    }),
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
  return shape.faults === undefined ? undefined : selectorRefusal(shape.faults);
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

/** Counter of the pods on nodes that carry the anti-affinity term; undefined: the budget does not allow it. */
export function carriersCounter(term: PodAffinityTerm, counters: CounterBook): DomainCounter | undefined {
  const key = termKey(term);
  return counters.counter({
    audience: {
      key: `carriers ${key}`,
      tokens: [carrierToken(key)],
      counts: (other) => other.podAntiAffinity.some((one) => termKey(one) === key),
      cost: 1,
    },
    topologyKey: term.topologyKey,
    ...ANY_POD,
  });
}

function spreadChecks(shape: PodShape, ask: Ask): readonly SpreadCheck[] {
  const { namespace } = shape;
  return shape.spread.flatMap((constraint) => {
    const { maxSkew, minDomains, selector, topologyKey } = constraint;
    // Labels are not in the key: numbered pods of one StatefulSet share their counters.
    const audience = {
      key: JSON.stringify(['spread', namespace, selector]),
      tokens: tokensWithin(namespace, selector),
      counts: (other: PodShape) => countsForSpread(namespace, selector, other),
      cost: selectorCost(selector),
    };
    const eligibility = spreadEligibility(shape, constraint);
    const self = selectorMatches(selector, shape.labels) ? 1 : 0;
    return ask({ audience, topologyKey, eligibility, skipTerminating: true }).map((counter) => ({
      counter,
      maxSkew,
      minDomains,
      self,
      countsItself: audience.counts(shape),
    }));
  });
}

function usersRequest(namespace: string, claim: string): CounterRequest {
  return {
    audience: {
      key: JSON.stringify(['users', namespace, claim]),
      tokens: [claimToken(namespace, claim)],
      counts: (other) =>
        other.namespace === namespace && other.volumes.some((volume) => volume.claim === claim && !volume.ephemeral),
      cost: 1,
    },
    topologyKey: undefined,
    ...ANY_POD,
  };
}
