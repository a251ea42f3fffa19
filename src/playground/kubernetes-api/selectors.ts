// labelSelector and fieldSelector of list and watch requests.
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import { ApiError, type KubeObject } from './kube-object.ts';

export type ObjectFilter = (object: KubeObject) => boolean;

const SET_TERM = /^([^\s!=,()]+)\s+(in|notin)\s+\(([^)]*)\)$/;
const EQUAL_TERM = /^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)$/;
const EXISTS_TERM = /^(!?)\s*([^\s!=,()]+)$/;

/** Splits at commas that are not inside parentheses. */
function terms(selector: string): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function labelTerm(term: string): ObjectFilter {
  const labels = (object: KubeObject): Record<string, string> => object.metadata.labels ?? {};
  const set = SET_TERM.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (object) => {
      const value = labels(object)[key];
      const inSet = value !== undefined && values.has(value);
      return operator === 'in' ? inSet : !inSet;
    };
  }
  const equal = EQUAL_TERM.exec(term);
  if (equal !== null) {
    const [, key = '', operator, value = ''] = equal;
    return (object) => (labels(object)[key] === value) === (operator !== '!=');
  }
  const exists = EXISTS_TERM.exec(term);
  if (exists === null) throw new ApiError(400, `unable to parse requirement: '${term}'`);
  const [, not, key = ''] = exists;
  return (object) => (labels(object)[key] !== undefined) === (not !== '!');
}

function fieldTerm(term: string): ObjectFilter {
  const parsed = /^([^\s!=]+)\s*(==|=|!=)\s*(.*)$/.exec(term);
  if (parsed === null) throw new ApiError(400, `invalid field selector: '${term}'`);
  const [, field = '', operator, value = ''] = parsed;
  const path = field.split('.');
  return (object) => {
    let at: unknown = object;
    for (const key of path) at = fieldsOf(at)[key];
    return (textOf(at) === value) === (operator !== '!=');
  };
}

/** True for objects that both selectors match; an empty selector matches everything. Throws ApiError 400. */
export function objectFilter(labelSelector: string, fieldSelector: string): ObjectFilter {
  const filters = [...terms(labelSelector).map(labelTerm), ...terms(fieldSelector).map(fieldTerm)];
  return (object) => filters.every((filter) => filter(object));
}

/** True when a LabelSelector object (matchLabels, matchExpressions) matches; undefined matches nothing, {} everything. */
export function labelSelectorMatches(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  if (selector === undefined || selector === null) return false;
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  const equal = Object.entries(fieldsOf(matchLabels)).every(([key, value]) => labels[key] === value);
  return equal && listOf(matchExpressions).every((expression) => expressionMatches(fieldsOf(expression), labels));
}

function expressionMatches(expression: Fields, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[textOf(expression['key'])];
  const values = listOf(expression['values']);
  switch (expression['operator']) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      throw new ApiError(400, `unknown operator '${textOf(expression['operator'])}' in a label selector`);
  }
}
