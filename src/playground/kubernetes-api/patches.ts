// The three kinds of patch that are not server-side apply: RFC 7396 merge, RFC 6902 JSON, and Kubernetes' strategic merge
// with the merge keys of the fields that callers of this API patch. All return a new value.
import { isFields, listOf, sameJson, textOf, type Fields } from '../untyped.ts';
import { ApiError } from './kube-object.ts';

/** Lists of objects that are merged by a key, by field name; all others are replaced as a whole. */
export const LIST_KEYS: ReadonlyMap<string, string> = new Map([
  ['conditions', 'type'],
  ['ownerReferences', 'uid'],
  ['containers', 'name'],
  ['initContainers', 'name'],
  ['env', 'name'],
  ['volumes', 'name'],
  ['addresses', 'type'],
  ['imagePullSecrets', 'name'],
]);

/** Lists of plain values that are merged as sets. */
export const SET_LISTS: ReadonlySet<string> = new Set(['finalizers']);

/** RFC 7396: null removes, objects merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** Strategic merge of objects and of the lists named above; `$patch: delete` and `$deleteFromPrimitiveList` are known. */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const field = key.slice('$deleteFromPrimitiveList/'.length);
      const gone = listOf(value);
      merged[field] = listOf(merged[field]).filter((item) => !gone.includes(item));
    } else if (key.startsWith('$')) continue;
    else if (value === null) delete merged[key];
    else if (Array.isArray(value)) merged[key] = mergeLists(key, listOf(merged[key]), value);
    else merged[key] = strategicMergePatch(merged[key], value);
  }
  return merged;
}

function mergeLists(field: string, target: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  if (SET_LISTS.has(field)) return [...target, ...patch.filter((item) => !target.includes(item))];
  const listKey = LIST_KEYS.get(field);
  if (listKey === undefined) return patch;
  const merged = [...target];
  for (const item of patch.filter(isFields)) {
    const at = merged.findIndex((other) => isFields(other) && other[listKey] === item[listKey]);
    if (item['$patch'] === 'delete') {
      if (at >= 0) merged.splice(at, 1);
    } else if (at >= 0) merged[at] = strategicMergePatch(merged[at], item);
    else merged.push(item);
  }
  return merged;
}

/** RFC 6902. Throws ApiError 422 when a test fails or a path does not exist. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new ApiError(400, 'a JSON patch must be a list of operations');
  const root: Fields = { document: structuredClone(target) };
  for (const operation of operations) {
    if (!isFields(operation)) throw new ApiError(400, 'an operation of a JSON patch must be an object');
    applyOperation(root, operation);
  }
  return root['document'];
}

function refuse(operation: Fields, why: string): never {
  throw new ApiError(422, `JSON patch ${textOf(operation['op'])} "${textOf(operation['path'])}": ${why}`);
}

function applyOperation(root: Fields, operation: Fields): void {
  const keys = pointer(textOf(operation['path']));
  switch (operation['op']) {
    case 'add':
      write(root, keys, { operation, value: operation['value'], insert: true });
      return;
    case 'replace':
      if (read(root, keys) === undefined) refuse(operation, 'the path does not exist');
      write(root, keys, { operation, value: operation['value'], insert: false });
      return;
    case 'remove':
      remove(root, keys, operation);
      return;
    case 'test':
      // As Kubernetes has it, null is also what is not there.
      if (!sameJson(read(root, keys) ?? null, operation['value'] ?? null)) refuse(operation, 'the test failed');
      return;
    case 'copy':
    case 'move': {
      const from = pointer(textOf(operation['from']));
      const value = structuredClone(read(root, from));
      if (value === undefined) refuse(operation, 'the source does not exist');
      if (operation['op'] === 'move') remove(root, from, operation);
      write(root, keys, { operation, value, insert: true });
      return;
    }
    default:
      throw new ApiError(400, `unknown operation '${textOf(operation['op'])}' in a JSON patch`);
  }
}

function pointer(path: string): readonly string[] {
  const keys = path.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  return ['document', ...keys.slice(1)];
}

function read(root: Fields, keys: readonly string[]): unknown {
  let at: unknown = root;
  for (const key of keys) {
    if (Array.isArray(at)) at = listOf(at)[Number(key)];
    else if (isFields(at)) at = at[key];
    else return undefined;
  }
  return at;
}

function write(
  root: Fields,
  keys: readonly string[],
  options: { readonly operation: Fields; readonly value: unknown; readonly insert: boolean },
): void {
  const parent = read(root, keys.slice(0, -1));
  const last = keys.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index > parent.length) refuse(options.operation, 'the index is out of range');
    parent.splice(index, options.insert ? 0 : 1, options.value);
  } else if (isFields(parent)) parent[last] = options.value;
  else refuse(options.operation, 'the parent does not exist');
}

function remove(root: Fields, keys: readonly string[], operation: Fields): void {
  if (read(root, keys) === undefined) refuse(operation, 'the path does not exist');
  const parent = read(root, keys.slice(0, -1));
  const last = keys.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isFields(parent)) delete parent[last];
}
