// Which fields of an object a value speaks of, in the form of managedFields (FieldsV1): a tree of `f:<key>`,
// `k:<list item key>` and `v:<set value>`. Here as lists of paths, which are easier to add, take away and look up.
// Lists are keyed by field name (see patches.ts), not by schema; all other lists are one leaf.
import { fieldsOf, isFields, listOf, type Fields } from '../untyped.ts';
import { LIST_KEYS, SET_LISTS } from './patches.ts';

/** Segments as in FieldsV1; the last is `.` for "the list item itself". */
export type FieldPath = readonly string[];

export const pathKey = (path: FieldPath): string => JSON.stringify(path);

/** All leaves of a value. `field` is the name under which it stands. */
export function pathsOf(value: unknown, field: string, at: FieldPath = []): FieldPath[] {
  if (isFields(value)) {
    const keys = Object.keys(value);
    return keys.length === 0 ? [at] : keys.flatMap((key) => pathsOf(value[key], key, [...at, `f:${key}`]));
  }
  const listKey = LIST_KEYS.get(field);
  if (Array.isArray(value) && SET_LISTS.has(field)) {
    return listOf(value).map((item) => [...at, `v:${JSON.stringify(item)}`]);
  }
  if (Array.isArray(value) && listKey !== undefined) {
    return listOf(value)
      .filter(isFields)
      .flatMap((item) => {
        const here = [...at, `k:${JSON.stringify({ [listKey]: item[listKey] })}`];
        return [[...here, '.'], ...pathsOf(item, '', here)];
      });
  }
  return [at];
}

/** The value at a path; undefined when there is none. */
export function valueAt(root: unknown, path: FieldPath): unknown {
  let at: unknown = root;
  for (const segment of path) {
    if (segment === '.') return at;
    if (segment.startsWith('f:')) at = fieldsOf(at)[segment.slice(2)];
    else {
      const index = indexOf(at, segment);
      at = index < 0 ? undefined : listOf(at)[index];
    }
    if (at === undefined) return undefined;
  }
  return at;
}

/** Takes the value at a path out of `root`, which is changed, and the objects and lists that become empty by it. */
export function removeAt(root: Fields, path: FieldPath): void {
  const trail: unknown[] = [root];
  const segments = path.filter((segment) => segment !== '.');
  for (const segment of segments.slice(0, -1)) trail.push(valueAt(trail.at(-1), [segment]));
  for (let depth = segments.length - 1; depth >= 0; depth -= 1) {
    const parent = trail[depth];
    removeStep(parent, segments[depth] ?? '');
    const empty = Array.isArray(parent) ? parent.length === 0 : isFields(parent) && Object.keys(parent).length === 0;
    // spec, status and metadata themselves stay
    if (!empty || depth <= 1) return;
  }
}

function removeStep(parent: unknown, segment: string): void {
  if (isFields(parent)) delete parent[segment.slice(2)];
  else if (Array.isArray(parent)) {
    const index = indexOf(parent, segment);
    if (index >= 0) parent.splice(index, 1);
  }
}

function indexOf(list: unknown, segment: string): number {
  const wanted: unknown = JSON.parse(segment.slice(2));
  if (segment.startsWith('v:')) return listOf(list).indexOf(wanted);
  const [key, value] = Object.entries(fieldsOf(wanted))[0] ?? ['', undefined];
  return listOf(list).findIndex((item) => fieldsOf(item)[key] === value);
}

/** Paths → FieldsV1. */
export function toFieldsV1(paths: readonly FieldPath[]): Fields {
  const root: Fields = {};
  for (const path of paths) {
    let at = root;
    for (const segment of path) {
      const next = at[segment];
      const child: Fields = isFields(next) ? next : {};
      at[segment] = child;
      at = child;
    }
  }
  return root;
}

/** FieldsV1 → paths of its leaves. */
export function fromFieldsV1(tree: Fields, at: FieldPath = []): FieldPath[] {
  const keys = Object.keys(tree);
  if (keys.length === 0) return at.length === 0 ? [] : [at];
  return keys.flatMap((key) => fromFieldsV1(fieldsOf(tree[key]), [...at, key]));
}
