// Label selectors and node selector terms.
//
// A label selector that is absent matches nothing, one that is empty everything; its parts are ANDed. NotIn and DoesNotExist
// hold when the key is absent. One that the API server would not accept is faulty: what that means differs by rule.
//
// A node selector term matches when all its expressions and fields do; an empty term matches nothing, and one with a part
// that the API server would not accept matches nothing either.
import type { Maybe, V1LabelSelector, V1NodeSelectorTerm, V1Requirement } from './v1.ts';
import { mapOf } from './world.ts';

type Labels = ReadonlyMap<string, string>;

const NAME = /^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `name` or `dns.prefix/name`. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? (parts[0] ?? '') : 'none';
  return parts.length <= 2 && NAME.test(name) && prefix.length <= 253 && DNS_NAME.test(prefix);
}

function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

export function selects(selector: Maybe<V1LabelSelector>, labels: Labels): boolean {
  return selector !== undefined && selector !== null && requirements(selector).every((one) => holds(one, labels));
}

/** `{}`: there, and without a part. */
export function isEverything(selector: Maybe<V1LabelSelector>): boolean {
  return selector !== undefined && selector !== null && requirements(selector).length === 0;
}

export function isFaulty(selector: Maybe<V1LabelSelector>): boolean {
  if (selector === undefined || selector === null) return false;
  return !requirements(selector).every(({ key, operator, values }) => {
    if (!isQualifiedName(key ?? '') || !(values ?? []).every(isLabelValue)) return false;
    const count = (values ?? []).length;
    if (operator === 'In' || operator === 'NotIn') return count > 0;
    return (operator === 'Exists' || operator === 'DoesNotExist') && count === 0;
  });
}

/** matchLabels and matchExpressions alike. */
function requirements(selector: V1LabelSelector): readonly V1Requirement[] {
  const equal = [...mapOf(selector.matchLabels)].map(([key, value]) => ({ key, operator: 'In', values: [value] }));
  return [...equal, ...(selector.matchExpressions ?? [])];
}

function holds(requirement: V1Requirement, labels: Labels): boolean {
  const value = labels.get(requirement.key ?? '');
  const values = requirement.values ?? [];
  switch (requirement.operator ?? '') {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [actual, bound] = [int64(value), int64(values[0])];
      if (actual === undefined || bound === undefined) return false;
      return requirement.operator === 'Gt' ? actual > bound : actual < bound;
    }
    default:
      return false;
  }
}

/** `name` undefined: the rule gives no node name, so fields must be well-formed and say nothing else. */
export function matchesAnyTerm(
  terms: readonly V1NodeSelectorTerm[],
  node: { readonly name?: string; readonly labels: Labels },
): boolean {
  return terms.some((term) => {
    const expressions = term.matchExpressions ?? [];
    const fields = term.matchFields ?? [];
    if (expressions.length + fields.length === 0) return false;
    return (
      expressions.every((one) => isGoodExpression(one) && holds(one, node.labels)) &&
      fields.every((one) => isGoodField(one) && (node.name === undefined || fieldHolds(one, node.name)))
    );
  });
}

/** Whether no term has a part that the API server would not accept. */
export function areReadable(terms: readonly V1NodeSelectorTerm[]): boolean {
  return terms.every(
    ({ matchExpressions, matchFields }) =>
      (matchExpressions ?? []).every(isGoodExpression) && (matchFields ?? []).every(isGoodField),
  );
}

function fieldHolds(field: V1Requirement, name: string): boolean {
  const value = field.key === 'metadata.name' ? name : '';
  return (field.values ?? []).includes(value) === (field.operator === 'In');
}

function isGoodField({ operator, values }: V1Requirement): boolean {
  return (operator === 'In' || operator === 'NotIn') && (values ?? []).length === 1;
}

function isGoodExpression({ key, operator, values }: V1Requirement): boolean {
  const list = values ?? [];
  if (!isQualifiedName(key ?? '') || !list.every(isLabelValue)) return false;
  switch (operator ?? '') {
    case 'In':
    case 'NotIn':
      return list.length > 0;
    case 'Exists':
    case 'DoesNotExist':
      return list.length === 0;
    case 'Gt':
    case 'Lt':
      return list.length === 1 && int64(list[0]) !== undefined;
    default:
      return false;
  }
}

/** As strconv.ParseInt(text, 10, 64) reads it. */
function int64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
