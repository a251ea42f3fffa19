// What is a label key and a label value, and what kube-scheduler says of a selector that the API would not accept.
// Source: apimachinery pkg/labels, pkg/api/validate/content, v0.37. Its words are part of a verdict, so they are repeated.
import type { LabelSelector, Requirement } from './cluster-objects.ts';

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_LENGTH_MAX = 63;
const PREFIX_LENGTH_MAX = 253;

const NAME_WORDS = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const PREFIX_WORDS = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;
const KEY_WORDS = `a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
const VALUE_WORDS = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;

/** A qualified name: an optional DNS prefix and a name. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  const name = slash === -1 ? key : key.slice(slash + 1);
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name)) return false;
  return slash === -1 || (slash <= PREFIX_LENGTH_MAX && PREFIX.test(key.slice(0, slash)));
}

export function isLabelValue(value: string): boolean {
  return value.length <= NAME_LENGTH_MAX && (value === '' || NAME.test(value));
}

/** The error of kube-scheduler for a label selector; undefined: it is one. */
export function selectorFault(selector: LabelSelector | undefined): string | undefined {
  for (const requirement of selector?.requirements ?? []) {
    const fault = requirementFault(requirement);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function requirementFault({ key, operator, values }: Requirement): string | undefined {
  const faults: string[] = [];
  const keys = keyFaults(key);
  if (keys.length > 0) faults.push(`key: Invalid value: ${JSON.stringify(key)}: ${keys.join('; ')}`);
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        faults.push(invalidValues(values, "for 'in', 'notin' operators, values set can't be empty"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        faults.push(invalidValues(values, 'values set must be empty for exists and does not exist'));
      break;
    default:
      return `${JSON.stringify(operator)} is not a valid label selector operator`;
  }
  values.forEach((value, index) => {
    if (isLabelValue(value)) return;
    const words = [
      ...(value.length > NAME_LENGTH_MAX ? [`must be no more than ${NAME_LENGTH_MAX} bytes`] : []),
      ...(value === '' || NAME.test(value) ? [] : [VALUE_WORDS]),
    ];
    faults.push(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${words.join('; ')}`);
  });
  if (faults.length === 0) return undefined;
  return faults.length === 1 ? faults[0] : `[${faults.join(', ')}]`;
}

function invalidValues(values: readonly string[], words: string): string {
  // Go has no list where there is nothing in it.
  return `values: Invalid value: ${values.length === 0 ? 'null' : JSON.stringify(values)}: ${words}`;
}

function keyFaults(key: string): readonly string[] {
  const parts = key.split('/');
  if (parts.length > 2) return [KEY_WORDS];
  const faults: string[] = [];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === '') faults.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    if (prefix.length > PREFIX_LENGTH_MAX) faults.push(`prefix part must be no more than ${PREFIX_LENGTH_MAX} bytes`);
    if (!PREFIX.test(prefix)) faults.push(`prefix part ${PREFIX_WORDS}`);
  }
  if (name === '') faults.push('name part must be non-empty');
  else if (name.length > NAME_LENGTH_MAX) faults.push(`name part must be no more than ${NAME_LENGTH_MAX} bytes`);
  if (name === '' || !NAME.test(name)) faults.push(`name part ${NAME_WORDS}`);
  return faults;
}
