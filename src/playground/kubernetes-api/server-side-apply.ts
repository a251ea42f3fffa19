// Server-side apply with ownership per manager: what a manager no longer applies vanishes unless somebody else owns it,
// and a different value for a field of another manager is a conflict unless forced. Plain writes are tracked as well,
// so that a value set by `kubectl scale` is not overwritten in silence.
import { fieldsOf, sameJson, type Fields } from '../untyped.ts';
import { fromFieldsV1, pathKey, pathsOf, removeAt, toFieldsV1, valueAt, type FieldPath } from './field-sets.ts';
import { ApiError, type KubeObject, type ManagedFields } from './kube-object.ts';
import { strategicMergePatch } from './patches.ts';

export interface Writer {
  readonly manager: string;
  /** '' for the object itself. */
  readonly subresource: string;
}

/** Identity and server-owned metadata: nobody owns these. */
const UNOWNED_METADATA = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
] as const;

function ownable(object: Fields): Fields {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const owned: Fields = { ...fieldsOf(metadata) };
  for (const key of UNOWNED_METADATA) delete owned[key];
  return Object.keys(owned).length === 0 ? rest : { ...rest, metadata: owned };
}

const sameEntry = (entry: ManagedFields, writer: Writer, operation: ManagedFields['operation']): boolean =>
  entry.manager === writer.manager && entry.operation === operation && (entry.subresource ?? '') === writer.subresource;

function entryOf(
  writer: Writer,
  options: { operation: ManagedFields['operation']; paths: readonly FieldPath[]; apiVersion: string; now: string },
): ManagedFields {
  return {
    manager: writer.manager,
    operation: options.operation,
    apiVersion: options.apiVersion,
    time: options.now,
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(options.paths),
    ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
  };
}

function without(entries: readonly ManagedFields[], gone: ReadonlySet<string>): ManagedFields[] {
  return entries
    .map((entry) => {
      const kept = fromFieldsV1(entry.fieldsV1).filter((path) => !gone.has(pathKey(path)));
      return { entry: { ...entry, fieldsV1: toFieldsV1(kept) }, size: kept.length };
    })
    .filter(({ size }) => size > 0)
    .map(({ entry }) => entry);
}

/** `live` with `applied` merged into it. Throws ApiError 409 with one cause per conflicting field. */
export function applyObject(
  live: KubeObject,
  applied: Fields,
  options: { readonly writer: Writer; readonly force: boolean; readonly now: string },
): KubeObject {
  const { writer, now } = options;
  const managed = live.metadata.managedFields ?? [];
  const mine = managed.find((entry) => sameEntry(entry, writer, 'Apply'));
  const others = managed.filter((entry) => entry !== mine);
  const wanted = ownable(applied);
  const paths = Object.keys(wanted).length === 0 ? [] : pathsOf(wanted, '');
  const conflicts = conflictsOf({ live, wanted, paths, others });
  if (conflicts.length > 0 && !options.force) throw conflictError(conflicts);

  const merged = fieldsOf(structuredClone(strategicMergePatch(ownable(live), wanted)));
  const keep = new Set([...paths, ...others.flatMap((entry) => fromFieldsV1(entry.fieldsV1))].map(pathKey));
  const dropped = mine === undefined ? [] : fromFieldsV1(mine.fieldsV1).filter((path) => !keep.has(pathKey(path)));
  // list items before their fields: an item that only this manager spoke of goes as a whole
  for (const path of dropped.filter((each) => each.at(-1) === '.')) removeAt(merged, path);
  for (const path of dropped.filter((each) => each.at(-1) !== '.')) removeAt(merged, path);

  const taken = without(others, new Set(conflicts.map(({ path }) => pathKey(path))));
  const entry = entryOf(writer, { operation: 'Apply', paths, apiVersion: live.apiVersion, now });
  return rebuild(live, merged, [...taken, ...(paths.length === 0 ? [] : [entry])]);
}

function conflictsOf(options: {
  live: KubeObject;
  wanted: Fields;
  paths: readonly FieldPath[];
  others: readonly ManagedFields[];
}): { path: FieldPath; manager: string }[] {
  const owners = new Map<string, string>();
  for (const entry of options.others) {
    for (const path of fromFieldsV1(entry.fieldsV1)) owners.set(pathKey(path), entry.manager);
  }
  return options.paths.flatMap((path) => {
    const manager = owners.get(pathKey(path));
    if (manager === undefined || path.at(-1) === '.') return [];
    return sameJson(valueAt(options.live, path), valueAt(options.wanted, path)) ? [] : [{ path, manager }];
  });
}

function conflictError(conflicts: readonly { path: FieldPath; manager: string }[]): ApiError {
  const dotted = (path: FieldPath): string =>
    path.map((segment) => (segment.startsWith('f:') ? `.${segment.slice(2)}` : `[${segment.slice(2)}]`)).join('');
  const causes = conflicts.map(({ path, manager }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field: dotted(path),
  }));
  const named = causes.map((cause) => `${cause.message}: ${cause.field}`).join(', ');
  return new ApiError(409, `Apply failed with ${causes.length} conflict(s): ${named}`, { details: { causes } });
}

function rebuild(live: KubeObject, fields: Fields, managedFields: ManagedFields[]): KubeObject {
  const { metadata: owned, ...rest } = fields;
  const metadata: KubeObject['metadata'] = {
    name: live.metadata.name,
    uid: live.metadata.uid,
    resourceVersion: live.metadata.resourceVersion,
    creationTimestamp: live.metadata.creationTimestamp,
  };
  for (const key of UNOWNED_METADATA) {
    if (live.metadata[key] !== undefined) Object.assign(metadata, { [key]: live.metadata[key] });
  }
  Object.assign(metadata, fieldsOf(owned), { managedFields });
  return { ...rest, apiVersion: live.apiVersion, kind: live.kind, metadata };
}

/** managedFields after a plain write that turned `live` into `next`: changed fields go over to the writer. */
export function trackUpdate(
  live: KubeObject | undefined,
  next: KubeObject,
  options: { readonly writer: Writer; readonly now: string },
): KubeObject {
  const before: Fields = live === undefined ? {} : ownable(live);
  const after = ownable(next);
  const changed = pathsOf(after, '').filter(
    (path) => path.length > 0 && !sameJson(valueAt(before, path), valueAt(after, path)),
  );
  const gone = live === undefined ? [] : pathsOf(before, '').filter((path) => valueAt(after, path) === undefined);
  const managed = live?.metadata.managedFields ?? [];
  const mine = managed.find((entry) => sameEntry(entry, options.writer, 'Update'));
  const others = managed.filter((entry) => entry !== mine);
  const lost = new Set([...changed, ...gone].map(pathKey));
  const kept = mine === undefined ? [] : fromFieldsV1(mine.fieldsV1).filter((path) => !lost.has(pathKey(path)));
  const paths = [...kept, ...changed];
  const entry = entryOf(options.writer, { operation: 'Update', paths, apiVersion: next.apiVersion, now: options.now });
  const managedFields = [...without(others, lost), ...(paths.length === 0 ? [] : [entry])];
  return { ...next, metadata: { ...next.metadata, managedFields } };
}
