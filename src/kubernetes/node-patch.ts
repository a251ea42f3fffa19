// What has to be patched on a Node, from the live object. Pure. Labels and annotations alone could be server-side
// apply's, but two facts speak against it: spec.taints is one atomic list that others write too, and a label which the
// kubelet registered itself would stay when it leaves the template, as the kubelet owns it as well. So the keys that we
// put on a node are recorded in an annotation, and what left the template is taken off by that record.
import { ANNOTATIONS } from '../api/names.ts';
import type { Taint } from '../cluster/cluster-objects.ts';
import type { NodeAssertion } from '../controllers/ports.ts';
import { field, listAt, textAt, textMapAt } from './raw-fields.ts';

/** Body of a JSON merge patch with the resourceVersion as precondition. */
export type NodePatch = Readonly<Record<string, unknown>>;

interface ManagedKeys {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly finalizers: readonly string[];
  /** `key:effect` */
  readonly taints: readonly string[];
}

/** A template has at most 64 labels and 64 annotations with keys of 317 characters; the node's owner may write more. */
const MANAGED_KEYS_LENGTH_MAX = 65_536;

/** The patch that makes `raw` as the pool's template says; undefined when it is so. */
export function assertionPatch(raw: unknown, assertion: NodeAssertion): NodePatch | undefined {
  const managed = readManagedKeys(raw);
  const annotations = new Map(assertion.annotations);
  const record = writeManagedKeys(assertion);
  if (record !== undefined || managed !== undefined) annotations.set(ANNOTATIONS.managedKeys, record ?? '{}');
  const labelChanges = mapChanges(textMapAt(raw, 'metadata', 'labels'), assertion.labels, managed?.labels);
  const annotationChanges = mapChanges(textMapAt(raw, 'metadata', 'annotations'), annotations, managed?.annotations);
  const finalizers = listChanges(raw, assertion.finalizers, managed?.finalizers);
  const taints = taintChanges(raw, { want: assertion.taints, drop: managed?.taints ?? [] });
  const unschedulable =
    assertion.unschedulable === undefined || assertion.unschedulable === isUnschedulable(raw)
      ? undefined
      : assertion.unschedulable;
  return patchOf(raw, {
    metadata: {
      ...(labelChanges === undefined ? {} : { labels: labelChanges }),
      ...(annotationChanges === undefined ? {} : { annotations: annotationChanges }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
    spec: {
      ...(taints === undefined ? {} : { taints }),
      ...(unschedulable === undefined ? {} : { unschedulable }),
    },
  });
}

/** The patch that adds `taint` and closes the node; undefined when both stand. */
export function cordonPatch(raw: unknown, taint: Taint): NodePatch | undefined {
  const taints = taintChanges(raw, { want: [taint], drop: [] });
  return patchOf(raw, {
    metadata: {},
    spec: { ...(taints === undefined ? {} : { taints }), ...(isUnschedulable(raw) ? {} : { unschedulable: true }) },
  });
}

/** The patch that takes `taint` off and opens the node; undefined when neither stands. */
export function uncordonPatch(raw: unknown, taint: Taint): NodePatch | undefined {
  const taints = taintChanges(raw, { want: [], drop: [taintKey(taint)] });
  return patchOf(raw, {
    metadata: {},
    spec: { ...(taints === undefined ? {} : { taints }), ...(isUnschedulable(raw) ? { unschedulable: null } : {}) },
  });
}

/** The patch that takes `taint` off; undefined when it is not there. */
export function liftPatch(raw: unknown, taint: Taint): NodePatch | undefined {
  const taints = taintChanges(raw, { want: [], drop: [taintKey(taint)] });
  return patchOf(raw, { metadata: {}, spec: taints === undefined ? {} : { taints } });
}

function patchOf(
  raw: unknown,
  changes: { readonly metadata: Readonly<Record<string, unknown>>; readonly spec: Readonly<Record<string, unknown>> },
): NodePatch | undefined {
  if (Object.keys(changes.metadata).length === 0 && Object.keys(changes.spec).length === 0) return undefined;
  return {
    metadata: {
      ...changes.metadata,
      uid: textAt(raw, 'metadata', 'uid'),
      resourceVersion: textAt(raw, 'metadata', 'resourceVersion'),
    },
    ...(Object.keys(changes.spec).length === 0 ? {} : { spec: changes.spec }),
  };
}

/** Values to set, null for keys to drop; undefined when nothing differs. */
function mapChanges(
  live: ReadonlyMap<string, string>,
  want: ReadonlyMap<string, string>,
  managed: readonly string[] = [],
): Readonly<Record<string, string | null>> | undefined {
  const changes = new Map<string, string | null>();
  for (const key of managed) if (live.has(key) && !want.has(key)) changes.set(key, null);
  for (const [key, value] of want) if (live.get(key) !== value) changes.set(key, value);
  return changes.size === 0 ? undefined : Object.fromEntries(changes);
}

function listChanges(
  raw: unknown,
  want: readonly string[],
  managed: readonly string[] = [],
): readonly unknown[] | undefined {
  const live = listAt(raw, 'metadata', 'finalizers');
  // A finalizer cannot be added to what is being deleted: the server refuses the whole patch.
  const added = isDeleting(raw) ? [] : want.filter((each) => !live.includes(each));
  const kept = live.filter((each) => !managed.some((key) => key === each && !want.includes(key)));
  return added.length === 0 && kept.length === live.length ? undefined : [...kept, ...added];
}

function taintChanges(
  raw: unknown,
  change: { readonly want: readonly Taint[]; readonly drop: readonly string[] },
): readonly unknown[] | undefined {
  const live = listAt(raw, 'spec', 'taints');
  const wanted = new Map(change.want.map((taint) => [taintKey(taint), taint]));
  const drop = new Set(change.drop.filter((key) => !wanted.has(key)));
  let differs = false;
  const taints: unknown[] = [];
  for (const standing of live) {
    const key = `${textAt(standing, 'key') ?? ''}:${textAt(standing, 'effect') ?? ''}`;
    const taint = wanted.get(key);
    wanted.delete(key);
    if (drop.has(key)) differs = true;
    else if (taint === undefined || (textAt(standing, 'value') ?? '') === taint.value) taints.push(standing);
    else {
      differs = true;
      taints.push(taintJson(taint));
    }
  }
  for (const taint of wanted.values()) taints.push(taintJson(taint));
  return differs || wanted.size > 0 ? taints : undefined;
}

function taintKey(taint: Taint): string {
  return `${taint.key}:${taint.effect}`;
}

function taintJson(taint: Taint): Readonly<Record<string, string>> {
  return { key: taint.key, effect: taint.effect, ...(taint.value === '' ? {} : { value: taint.value }) };
}

function isUnschedulable(raw: unknown): boolean {
  return field(field(raw, 'spec'), 'unschedulable') === true;
}

function isDeleting(raw: unknown): boolean {
  return textAt(raw, 'metadata', 'deletionTimestamp') !== undefined;
}

/** Canonical text of the keys that the assertion puts on the node; undefined: none. */
function writeManagedKeys(assertion: NodeAssertion): string | undefined {
  const keys: ManagedKeys = {
    labels: [...assertion.labels.keys()].sort(),
    annotations: [...assertion.annotations.keys()].sort(),
    finalizers: [...assertion.finalizers].sort(),
    taints: assertion.taints.map(taintKey).sort(),
  };
  const used = Object.entries(keys).filter(([, list]: [string, readonly string[]]) => list.length > 0);
  return used.length === 0 ? undefined : JSON.stringify(Object.fromEntries(used));
}

/** What the record says; undefined when there is none. One that cannot be read (its owner may write there) is empty. */
function readManagedKeys(raw: unknown): ManagedKeys | undefined {
  const text = textMapAt(raw, 'metadata', 'annotations').get(ANNOTATIONS.managedKeys);
  if (text === undefined) return undefined;
  let record: unknown;
  try {
    record = text.length > MANAGED_KEYS_LENGTH_MAX ? {} : JSON.parse(text);
  } catch {
    record = {};
  }
  const texts = (name: string) => listAt(record, name).filter((each): each is string => typeof each === 'string');
  return {
    labels: texts('labels'),
    annotations: texts('annotations').filter((key) => key !== ANNOTATIONS.managedKeys),
    finalizers: texts('finalizers'),
    taints: texts('taints'),
  };
}
