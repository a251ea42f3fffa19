// The rules between a NodePool's fields, in code. The CRD says them in CEL, but the CRD belongs to the tenant, who can
// replace it; and some things (label syntax, fields that do nothing yet) CEL is not asked. Bounds of single fields are
// parse-resources.ts's part; immutability needs the old object and is the CRD's alone: claims keep what they were made of.
import { PROTECTED_LABELS } from './names.ts';
import {
  ANTI_AFFINITY_NODES_MAX,
  isStrictlyApart,
  NODES_MAX_DEFAULT,
  type NodePool,
  type NodePoolSpec,
  POOL_NAME_LENGTH_MAX,
  POOL_NAME_PATTERN,
} from './node-pool.ts';

export interface SpecProblem {
  /** Path as the user wrote it, e.g. spec.maxNodes. */
  readonly field: string;
  readonly reason: 'InvalidSpec' | 'NotImplemented';
  /** Says what must hold and what was given; names the field. */
  readonly message: string;
}

/** Why this pool cannot be acted upon; empty = valid. In the order of the fields. Nothing is done to the existing nodes
 *  of a pool with a problem. */
export function validateNodePool(pool: NodePool): readonly SpecProblem[] {
  const { spec } = pool;
  return [
    ...nameProblems(pool.metadata.name),
    ...flavorProblems(spec),
    ...sizeProblems(spec),
    ...antiAffinityProblems(spec),
    ...templateProblems(spec),
    ...repeatProblems(spec),
    ...NOT_YET.filter(([, used]) => used(spec)).map(
      ([field, , instead]): SpecProblem => notImplemented(field, instead),
    ),
  ];
}

const NOT_YET: readonly (readonly [field: string, used: (spec: NodePoolSpec) => boolean, instead?: string])[] = [
  ['spec.autoscaling.standbyNodes', (spec) => (spec.autoscaling?.standbyNodes ?? 0) > 0],
  ['spec.upgrade', (spec) => spec.upgrade !== undefined],
  ['spec.disruption', (spec) => spec.disruption !== undefined],
  ['spec.health', (spec) => spec.health !== undefined],
  ['spec.rootVolume', (spec) => spec.rootVolume !== undefined, 'nodes boot from their image, not from volumes'],
  ['spec.kubelet', (spec) => spec.kubelet !== undefined],
];

/** The refusal of a field that is in the schema and does nothing yet. `instead`: what is done in its place. */
export function notImplemented(field: string, instead?: string): SpecProblem {
  const what = instead === undefined ? '' : `, ${instead}`;
  return {
    field,
    reason: 'NotImplemented',
    message: `${field} does nothing in this version of Sluice${what}: remove it (it is refused so that nobody relies on it)`,
  };
}

function invalid(field: string, message: string): SpecProblem {
  return { field, reason: 'InvalidSpec', message: `${field} ${message}` };
}

function nameProblems(name: string): readonly SpecProblem[] {
  if (name.length <= POOL_NAME_LENGTH_MAX && new RegExp(POOL_NAME_PATTERN).test(name)) return [];
  const rule = `must be at most ${POOL_NAME_LENGTH_MAX} lower-case letters, digits and dashes, starting with a letter`;
  return [invalid('metadata.name', `${rule}, because nodes are named after it: '${name.slice(0, 63)}'`)];
}

function flavorProblems(spec: NodePoolSpec): readonly SpecProblem[] {
  if ((spec.flavor === undefined) !== (spec.flavors === undefined)) return [];
  return [invalid('spec.flavor', 'or spec.flavors must be set, and not both')];
}

function antiAffinityProblems(spec: NodePoolSpec): readonly SpecProblem[] {
  if (spec.antiAffinityPolicy === undefined || spec.antiAffinity === true) return [];
  return [invalid('spec.antiAffinityPolicy', 'needs spec.antiAffinity: true')];
}

function sizeProblems(spec: NodePoolSpec): readonly SpecProblem[] {
  const strictlyApart = isStrictlyApart(spec);
  const maxNodes = spec.maxNodes ?? (strictlyApart ? ANTI_AFFINITY_NODES_MAX : NODES_MAX_DEFAULT);
  const maxSaid = spec.maxNodes === undefined ? `${maxNodes}, its default` : String(maxNodes);
  const problems: SpecProblem[] = [];
  for (const field of ['minNodes', 'desiredNodes'] as const) {
    const size = spec[field];
    if (size !== undefined && size > maxNodes)
      problems.push(invalid(`spec.${field}`, `must be at most spec.maxNodes: ${size} > ${maxSaid}`));
  }
  if (strictlyApart && maxNodes > ANTI_AFFINITY_NODES_MAX)
    problems.push(
      invalid('spec.maxNodes', `must be at most ${ANTI_AFFINITY_NODES_MAX} with spec.antiAffinity: ${maxNodes}`),
    );
  return problems;
}

// Kubernetes' own rules for labels (apimachinery, qualified names): a node patch with a wrong one would be refused for
// ever, so it is said here, once.
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const PREFIX_LENGTH_MAX = 253;

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return NAME.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= PREFIX_LENGTH_MAX && PREFIX.test(prefix) && NAME.test(key.slice(slash + 1));
}

function templateProblems(spec: NodePoolSpec): readonly SpecProblem[] {
  const problems: SpecProblem[] = [];
  const { labels = {}, annotations = {}, finalizers = [] } = spec.template?.metadata ?? {};
  const at = 'spec.template.metadata';
  for (const [key, value] of Object.entries(labels)) {
    const field = `${at}.labels['${key}']`;
    if (!isQualifiedName(key)) problems.push(invalid(field, 'must be a label key such as example.com/name'));
    else if (PROTECTED_LABELS.has(key)) problems.push(invalid(field, 'is set by Sluice and must not be in a template'));
    else if (value !== '' && !NAME.test(value))
      problems.push(invalid(field, 'must be at most 63 letters, digits, dashes, dots and underscores'));
  }
  for (const key of Object.keys(annotations))
    if (!isQualifiedName(key)) problems.push(invalid(`${at}.annotations['${key}']`, 'must be an annotation key'));
  finalizers.forEach((name, index) => {
    if (!name.includes('/') || !isQualifiedName(name))
      problems.push(invalid(`${at}.finalizers[${index}]`, "must be a qualified name such as 'example.com/name'"));
  });
  return [
    ...problems,
    ...taintProblems('spec.template.spec.taints', spec.template?.spec?.taints ?? []),
    ...taintProblems('spec.startupTaints', spec.startupTaints ?? []),
  ];
}

function taintProblems(
  field: string,
  taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[],
): readonly SpecProblem[] {
  const problems: SpecProblem[] = [];
  const seen = new Set<string>();
  taints.forEach((taint, index) => {
    const identity = `${taint.key}:${taint.effect}`;
    if (!isQualifiedName(taint.key)) problems.push(invalid(`${field}[${index}].key`, 'must be a qualified name'));
    if (taint.value !== undefined && taint.value !== '' && !NAME.test(taint.value))
      problems.push(invalid(`${field}[${index}].value`, 'must be a label value'));
    if (seen.has(identity)) problems.push(invalid(`${field}[${index}]`, 'repeats the key and effect of another taint'));
    seen.add(identity);
  });
  return problems;
}

function repeatProblems(spec: NodePoolSpec): readonly SpecProblem[] {
  const lists = ['flavors', 'availabilityZones', 'securityGroups'] as const;
  return lists
    .filter((field) => new Set(spec[field] ?? []).size < (spec[field] ?? []).length)
    .map((field) => invalid(`spec.${field}`, 'must not name the same thing twice'));
}
