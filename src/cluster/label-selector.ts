// Whether labels match a selector, by the words of Kubernetes. Decides nothing about where selectors come from.
import type { LabelSelector, Requirement } from './cluster-objects.ts';

const INTEGER = /^[+-]?[0-9]+$/;
const INT64_MAX = 2n ** 63n - 1n;

/** undefined matches nothing, a selector without requirements everything. */
export function selectorMatches(selector: LabelSelector | undefined, labels: ReadonlyMap<string, string>): boolean {
  return (
    selector?.requirements.every((requirement) => requirementMatches(requirement, labels.get(requirement.key))) ?? false
  );
}

/** `value` is the label's value, undefined when the label is absent. NotIn and DoesNotExist hold for an absent label;
 *  Gt and Lt (node selectors only) need both sides to be int64; an unknown operator never holds. */
export function requirementMatches(requirement: Requirement, value: string | undefined): boolean {
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const left = parseInt64(value);
      const right = parseInt64(requirement.values[0]);
      if (left === undefined || right === undefined) return false;
      return requirement.operator === 'Gt' ? left > right : left < right;
    }
    default:
      return false;
  }
}

/** Go's strconv.ParseInt(text, 10, 64); undefined when it would fail. */
export function parseInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || text.length > 32 || !INTEGER.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? undefined : value;
}
