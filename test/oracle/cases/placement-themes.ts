// What a pod asks of its neighbours: topology spread and affinity between pods.
import {
  type Draft,
  HOSTNAME,
  type Json,
  type JsonObject,
  LABEL_KEYS,
  LABEL_VALUES,
  mapOf,
  NAMESPACES,
  REGION,
  ZONE,
  ZONES,
} from './draft.ts';
import { taints } from './node-themes.ts';
import type { Random } from './random.ts';

const TOPOLOGY_KEYS = [ZONE, ZONE, ZONE, ZONE, ZONE, ZONE, HOSTNAME, HOSTNAME, HOSTNAME, HOSTNAME, REGION, 'app'];
/** Keys of selectors: the first often, so that selectors meet pods. */
const SELECTED_KEYS = ['app', 'app', 'app', ...LABEL_KEYS];

/** A label selector, nil and empty ones among them; `valid` leaves out those that do not parse. */
function labelSelector(random: Random, valid: boolean): JsonObject | undefined {
  if (random.chance(0.06)) return undefined;
  if (random.chance(0.12)) return {};
  if (valid && random.chance(0.4)) return { matchLabels: { app: random.pick(['a', 'a', 'a', 'b']) } };
  const labels: [string, Json][] = random
    .picks(SELECTED_KEYS, random.pick([0, 0, 1, 1, 1, 2]))
    .map((key) => [key, random.pick(LABEL_VALUES)]);
  if (!valid)
    labels.push(
      random.pick([
        ['bad key', 'a'],
        ['app', 'bad value'],
        ['__proto__', 'a'],
      ]),
    );
  const expressions = Array.from({ length: random.pick([0, 0, 0, 1, 1, 2]) }, () => {
    const operator = random.pick(['In', 'In', 'NotIn', 'Exists', 'DoesNotExist']);
    const wantsValues = operator === 'In' || operator === 'NotIn';
    return {
      key: random.pick(SELECTED_KEYS),
      operator: valid || random.chance(0.5) ? operator : 'Gt',
      values:
        wantsValues === (valid || random.chance(0.6)) ? random.picks(LABEL_VALUES, random.between(1, 3)) : undefined,
    };
  });
  return {
    matchLabels: labels.length === 0 ? undefined : mapOf(labels),
    matchExpressions: expressions.length === 0 ? undefined : expressions,
  };
}

export function topologySpread(draft: Draft, random: Random): void {
  if (random.chance(0.25)) taints(draft, random);
  if (random.chance(0.3)) {
    draft.pod.spec['nodeSelector'] = mapOf([[random.pick(LABEL_KEYS), random.pick(LABEL_VALUES)]]);
    for (const node of random.some(draft.nodes, 0.8)) {
      Object.assign(node.metadata.labels, draft.pod.spec['nodeSelector']);
    }
  }
  plainLabels(draft, random);
  for (const pod of draft.pods) if (random.chance(0.8)) pod.metadata.namespace = draft.pod.metadata.namespace;
  if (random.chance(0.08)) draft.pods.forEach((pod) => (pod.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z'));
  const valid = !random.chance(0.015);
  draft.pod.spec['topologySpreadConstraints'] = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => ({
    maxSkew: random.pick([1, 1, 1, 2, 3]),
    topologyKey: random.pick(TOPOLOGY_KEYS),
    whenUnsatisfiable: random.chance(0.88) ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector: labelSelector(random, valid),
    minDomains: random.maybe(0.25, () => random.between(1, 5)),
    nodeAffinityPolicy: random.maybe(0.4, () => random.pick(['Honor', 'Ignore'])),
    nodeTaintsPolicy: random.maybe(0.4, () => random.pick(['Honor', 'Ignore'])),
    matchLabelKeys: random.maybe(0.25, () => random.some([...LABEL_KEYS, 'absent'], 0.4)),
  }));
}

/** Pods of a few kinds in a cluster whose nodes know their place: selectors and topology keys meet something. */
function plainLabels(draft: Draft, random: Random): void {
  for (const pod of [draft.pod, ...draft.pods]) {
    if (random.chance(0.7)) pod.metadata.labels['app'] = random.pick(['a', 'a', 'b']);
  }
  if (random.chance(0.3)) return;
  for (const node of draft.nodes) {
    node.metadata.labels[HOSTNAME] ??= node.metadata.name;
    node.metadata.labels[ZONE] ??= random.pick(ZONES);
  }
}

function affinityTerm(random: Random, valid: boolean): JsonObject {
  return {
    topologyKey: random.pick(TOPOLOGY_KEYS),
    labelSelector: labelSelector(random, valid),
    namespaces: random.maybe(0.3, () => random.some([...NAMESPACES, 'gone'], 0.5)),
    namespaceSelector: random.chance(0.3) ? labelSelector(random, true) : undefined,
    matchLabelKeys: random.maybe(0.1, () => random.some(LABEL_KEYS, 0.5)),
    mismatchLabelKeys: random.maybe(0.1, () => random.some(LABEL_KEYS, 0.5)),
  };
}

function affinityTerms(random: Random, probability: number, valid: boolean): JsonObject | undefined {
  if (!random.chance(probability)) return undefined;
  const terms = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => affinityTerm(random, valid));
  const preferred = [{ weight: 10, podAffinityTerm: affinityTerm(random, true) }];
  return {
    requiredDuringSchedulingIgnoredDuringExecution: random.chance(0.92) ? terms : undefined,
    preferredDuringSchedulingIgnoredDuringExecution: random.chance(0.15) ? preferred : undefined,
  };
}

export function podAffinity(draft: Draft, random: Random): void {
  plainLabels(draft, random);
  const valid = !random.chance(0.03);
  for (const pod of draft.pods) {
    if (random.chance(0.3))
      pod.spec['affinity'] = {
        podAntiAffinity: affinityTerms(random, 0.8, true),
        podAffinity: affinityTerms(random, 0.2, true),
      };
  }
  if (random.chance(0.2)) return;
  draft.pod.spec['affinity'] = {
    podAffinity: affinityTerms(random, 0.6, valid),
    podAntiAffinity: affinityTerms(random, 0.5, valid || random.chance(0.5)),
  };
}
