// What a node itself says: names, unschedulable, taints, selectors and affinity to nodes, declared features.
import {
  type Draft,
  HOSTNAME,
  type Json,
  type JsonObject,
  LABEL_KEYS,
  LABEL_VALUES,
  mapOf,
  ZONE,
  ZONES,
} from './draft.ts';
import type { Random } from './random.ts';

const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const EFFECTS = ['NoSchedule', 'NoExecute', 'PreferNoSchedule'];

export function nodeName(draft: Draft, random: Random): void {
  draft.pod.spec['nodeName'] = random.chance(0.2) ? 'gone' : random.pick(draft.nodes).metadata.name;
}

export function unschedulable(draft: Draft, random: Random): void {
  for (const node of random.some(draft.nodes, 0.4)) {
    node.spec['unschedulable'] = true;
    if (random.chance(0.5)) addTaint(node.spec, { key: UNSCHEDULABLE, effect: 'NoSchedule' });
  }
  if (random.chance(0.4)) {
    addToleration(draft, {
      key: random.chance(0.8) ? UNSCHEDULABLE : undefined,
      operator: random.pick(['Exists', 'Equal', '', 'Lt']),
      effect: random.pick(['NoSchedule', 'NoExecute', '', 'PreferNoSchedule']),
      value: random.maybe(0.2, () => random.pick(['x', '', 'true'])),
    });
  }
}

export function taints(draft: Draft, random: Random): void {
  const keys = ['dedicated', 'gpu', 'example.com/zone'];
  const values = ['', 'a', 'b', '5', '10'];
  for (const node of random.some(draft.nodes, 0.6)) {
    for (let left = random.between(1, 3); left > 0; left -= 1) {
      addTaint(node.spec, {
        key: random.pick(keys),
        value: random.maybe(0.7, () => random.pick(values)),
        effect: random.pick(EFFECTS),
        timeAdded: random.maybe(0.1, () => '2026-01-01T00:00:00Z'),
      });
    }
  }
  for (let left = random.between(0, 4); left > 0; left -= 1) {
    addToleration(draft, {
      key: random.maybe(0.85, () => random.pick([...keys, ''])),
      operator: random.maybe(0.8, () => random.pick(['Exists', 'Exists', 'Equal', 'Equal', 'Gt', 'Lt', 'exists', ''])),
      value: random.maybe(0.6, () => random.pick(values)),
      effect: random.maybe(0.6, () => random.pick([...EFFECTS, ''])),
      tolerationSeconds: random.maybe(0.1, () => random.pick([0, 60, -1])),
    });
  }
}

function addTaint(spec: JsonObject, taint: JsonObject): void {
  const taints = spec['taints'];
  if (Array.isArray(taints)) taints.push(taint);
  else spec['taints'] = [taint];
}

function addToleration(draft: Draft, toleration: JsonObject): void {
  const tolerations = draft.pod.spec['tolerations'];
  if (Array.isArray(tolerations)) tolerations.push(toleration);
  else draft.pod.spec['tolerations'] = [toleration];
}

const NUMBERS = ['1', '5', '10', '-3', '+5', '007', '1.5', '', '9223372036854775807', '9223372036854775808', 'x'];
const ODD_VALUES = ['-x', 'UPPER', 'a b', 'x'.repeat(63), 'x'.repeat(64), 'ü', '.', 'a.', '_'];
const ODD_KEYS = ['', 'bad key', '-app', 'a/b/c', 'example.com/', '__proto__', 'UPPER.com/x', 'x'.repeat(64)];

export function nodeAffinity(draft: Draft, random: Random): void {
  for (const node of draft.nodes) {
    if (random.chance(0.6)) node.metadata.labels['cores'] = random.pick(NUMBERS);
    if (random.chance(0.05)) node.metadata.labels[random.pick(LABEL_KEYS)] = random.pick(ODD_VALUES);
  }
  if (random.chance(0.4)) draft.pod.spec['nodeSelector'] = randomNodeSelector(random);
  if (random.chance(0.85)) {
    const terms = Array.from({ length: random.chance(0.04) ? 0 : random.between(1, 3) }, () =>
      randomTerm(draft, random),
    );
    const required = { nodeSelectorTerms: terms };
    const preferred = random.maybe(0.15, () => [{ weight: 1, preference: randomTerm(draft, random) }]);
    draft.pod.spec['affinity'] = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: random.chance(0.95) ? required : undefined,
        preferredDuringSchedulingIgnoredDuringExecution: preferred,
      },
    };
  }
}

function randomNodeSelector(random: Random): JsonObject {
  const known: [string, Json][] = random.some(LABEL_KEYS, 0.15).map((key) => [key, random.pick(LABEL_VALUES)]);
  if (random.chance(0.3)) known.push([ZONE, random.pick(ZONES)]);
  if (random.chance(0.06)) known.push([random.pick(ODD_KEYS), random.pick(ODD_VALUES)]);
  return mapOf(known);
}

/** A term as a pod or a volume may carry it. */
export function randomTerm(draft: Draft, random: Random): JsonObject {
  const expressions = Array.from({ length: random.pick([0, 1, 1, 1, 2, 2]) }, () => randomExpression(draft, random));
  const fields = Array.from({ length: random.pick([0, 0, 0, 1, 1, 2]) }, () => randomField(draft, random));
  return {
    matchExpressions: expressions.length === 0 && random.chance(0.7) ? undefined : expressions,
    matchFields: fields.length === 0 ? undefined : fields,
  };
}

function randomExpression(draft: Draft, random: Random): JsonObject {
  if (random.chance(0.25)) {
    const values = random.picks(random.chance(0.7) ? ['0', '1', '5', '7', '10'] : NUMBERS, random.chance(0.93) ? 1 : 2);
    return { key: 'cores', operator: random.pick(['Gt', 'Lt']), values };
  }
  const operator = random.chance(0.02)
    ? random.pick(['Equals', '', 'in'])
    : random.pick(['In', 'In', 'NotIn', 'Exists', 'DoesNotExist']);
  const wantsValues = operator === 'In' || operator === 'NotIn' ? !random.chance(0.03) : random.chance(0.03);
  const key = random.chance(0.05) ? random.pick(ODD_KEYS) : random.pick([...LABEL_KEYS, ZONE, HOSTNAME, 'cores']);
  const choices =
    key === ZONE ? ZONES : key === HOSTNAME ? draft.nodes.map((node) => node.metadata.name) : LABEL_VALUES;
  const values = random.picks(random.chance(0.06) ? ODD_VALUES : choices, random.between(1, 3));
  return { key, operator, values: wantsValues ? values : undefined };
}

function randomField(draft: Draft, random: Random): JsonObject {
  const names = [...draft.nodes.map((node) => node.metadata.name), ...(random.chance(0.2) ? ['gone', ''] : [])];
  return {
    key: random.chance(0.94) ? 'metadata.name' : random.pick(['metadata.namespace', 'metadata.uid', '']),
    operator: random.chance(0.94) ? random.pick(['In', 'In', 'NotIn']) : random.pick(['Exists', 'Gt', '']),
    values: random.picks(names, random.chance(0.93) ? 1 : random.pick([0, 2])),
  };
}

/** NodeDeclaredFeatures, with names that mean nothing to the scheduler among them. */
export function declaredFeatures(draft: Draft, random: Random): void {
  const known = ['UserNamespacesHostNetworkSupport', 'RestartAllContainersOnContainerExits', 'VolumeBindMountOptions'];
  for (const node of draft.nodes) {
    // The API server takes a sorted list only; the scheduler relies on that.
    const names = random.some([...known, 'GuaranteedQoSPodCPUResize', 'NotAFeature'], 0.4).sort();
    if (random.chance(0.04)) names.reverse();
    node.status['declaredFeatures'] = names.length === 0 && random.chance(0.5) ? undefined : names;
  }
  const { spec } = draft.pod;
  if (random.chance(0.5)) {
    spec['hostNetwork'] = random.chance(0.85);
    spec['hostUsers'] = random.pick([false, false, true, undefined]);
  }
  const container = spec.containers[0];
  if (container === undefined) return;
  if (random.chance(0.35)) {
    container['restartPolicy'] = 'Never';
    container['restartPolicyRules'] = [
      {
        action: random.pick(['RestartAllContainers', 'RestartAllContainers', 'Restart']),
        exitCodes: { operator: 'In', values: [random.between(1, 9)] },
      },
    ];
  }
  if (random.chance(0.35)) {
    container['volumeMounts'] = [
      { name: 'data', mountPath: '/data', bindMountOptions: random.pick([['noexec'], [], undefined]) },
    ];
  }
}
