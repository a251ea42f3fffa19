// A capture: what one decision looked at, as JSON that `plan` and `explain` read again. Versioned. Pod shapes are kept
// once and named by their place, as in memory; what JSON has no form for is an object of one field: maps
// {"$map": [[key, value], …]}, sets {"$set": […]}, int64 {"$int": ["…"]}, and {"$none": []} for an item of a list that is
// undefined. Leaves out what a decision does not need and a stranger should not have: user data, foreign annotations,
// token ids. Addresses and names stay.
import type { ObjectMeta } from '../api/object-meta.ts';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../api/parse-resources.ts';
import type { ClusterObjects, PodShape } from '../cluster/cluster-objects.ts';
import { arrayOf } from '../cluster/listed.ts';

const FORMAT = 'sluice-capture';
const VERSION = 1;
const MAP = '$map';
const SET = '$set';
const INT = '$int';
const NONE = '$none';
/** No number that we keep has more: amounts are sums of 64 characters with a suffix. */
const INT_DIGITS = /^-?[0-9]{1,200}$/;
const OWN_ANNOTATIONS = 'sluice.dev/';

/** A text that is not a capture, or one of a version that this Sluice does not read. */
export class CaptureError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'CaptureError';
  }
}

/** One line of JSON. Same objects, same text. */
export function encodeCapture(objects: ClusterObjects): string {
  const places = new Map<PodShape, number>();
  const shapes: unknown[] = [];
  const place = (shape: PodShape): number => {
    let known = places.get(shape);
    if (known === undefined) {
      known = shapes.length;
      places.set(shape, known);
      shapes.push({ ...shape, index: known });
    }
    return known;
  };
  const body = {
    ...objects,
    cluster: withoutSecrets(objects.cluster),
    nodePools: objects.nodePools.map((pool) => ({ ...pool, metadata: ownMetadata(pool.metadata) })),
    claims: objects.claims.map((claim) => {
      const { bootstrapTokenId: _left, ...status } = claim.status ?? {};
      const metadata = ownMetadata(claim.metadata);
      return claim.status === undefined ? { ...claim, metadata } : { ...claim, metadata, status };
    }),
    nodes: arrayOf(objects.nodes),
    pods: Array.from(objects.pods, (pod) => ({ ...pod, shape: place(pod.shape) })),
    daemonSets: objects.daemonSets.map((set) => ({ ...set, shape: place(set.shape) })),
  };
  const capture = { format: FORMAT, version: VERSION, shapes, objects: body };
  return `${JSON.stringify(capture, (_key, value: unknown) => jsonForm(value))}\n`;
}

/** The objects of a capture. Throws CaptureError when the text is none, or of another version. */
export function decodeCapture(text: string): ClusterObjects {
  const capture = parseJson(text);
  if (!isRecord(capture) || capture['format'] !== FORMAT) throw new CaptureError('this is not a capture of sluice');
  if (capture['version'] !== VERSION)
    throw new CaptureError(`the capture has version ${String(capture['version'])}, this sluice reads ${VERSION}`);
  const { objects } = capture;
  if (!isRecord(objects)) throw new CaptureError('the capture has no objects');
  const shapes = listOf(capture, 'shapes');
  const withShape = (object: unknown): unknown => {
    if (!isRecord(object)) throw new CaptureError('a pod or daemon set of the capture is not an object');
    const shape = shapes[Number(object['shape'])];
    if (shape === undefined) throw new CaptureError(`the capture has no shape ${String(object['shape'])}`);
    return { ...object, shape };
  };
  for (const name of OPTIONAL_LISTS) if (objects[name] !== undefined) listOf(objects, name);
  const lists = Object.fromEntries(LISTS.map((name) => [name, listOf(objects, name)]));
  // The rest was written by encodeCapture, whose argument had the type; a capture changed by hand is its author's risk.
  const decoded: unknown = {
    ...objects,
    ...lists,
    cluster: parseWorkloadCluster(objects['cluster']),
    nodePools: listOf(objects, 'nodePools').map(parseNodePool),
    claims: listOf(objects, 'claims').map(parseNodeClaim),
    pods: listOf(objects, 'pods').map(withShape),
    daemonSets: listOf(objects, 'daemonSets').map(withShape),
  };
  return decoded as ClusterObjects;
}

const LISTS = [
  'nodes',
  'podDisruptionBudgets',
  'persistentVolumeClaims',
  'persistentVolumes',
  'storageClasses',
  'csiNodes',
  'namespaces',
  'flavors',
  'backoffs',
] as const;

/** Kinds that a capture of an older Sluice, or of a cluster that was not asked for them, leaves out. */
const OPTIONAL_LISTS = [
  'csiDrivers',
  'csiStorageCapacities',
  'volumeAttachments',
  'deviceClasses',
  'resourceClaims',
  'resourceSlices',
] as const;

function jsonForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? { [NONE]: [] } : item));
  if (value instanceof Map) return { [MAP]: [...value] };
  if (value instanceof Set) return { [SET]: [...value] };
  return typeof value === 'bigint' ? { [INT]: [String(value)] } : value;
}

/** What the form stands for. A tenant's labels may be called the same, but have texts as values and no lists. */
function fromJsonForm(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map((item: unknown) => (isRecord(item) && isList(item[NONE]) ? undefined : item));
  if (!isRecord(value)) return value;
  const { [MAP]: entries, [SET]: items, [INT]: digits } = value;
  if (isList(entries)) return new Map(entries.filter(isList).map((entry): [unknown, unknown] => [entry[0], entry[1]]));
  if (isList(items)) return new Set(items);
  const [text] = isList(digits) ? digits : [];
  return typeof text === 'string' && INT_DIGITS.test(text) ? BigInt(text) : value;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function withoutSecrets(cluster: ClusterObjects['cluster']): ClusterObjects['cluster'] {
  const { bootstrap, ...spec } = cluster.spec;
  const { userDataTemplate: _left, ...rest } = bootstrap ?? {};
  return {
    ...cluster,
    metadata: ownMetadata(cluster.metadata),
    spec: bootstrap === undefined ? spec : { ...spec, bootstrap: rest },
  };
}

/** Annotations such as kubectl's last-applied-configuration hold a whole manifest, user data included. */
function ownMetadata(metadata: ObjectMeta): ObjectMeta {
  const { annotations, ...rest } = metadata;
  if (annotations === undefined) return rest;
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(OWN_ANNOTATIONS));
  return { ...rest, annotations: Object.fromEntries(own) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown) => fromJsonForm(value));
  } catch (error) {
    throw new CaptureError('the capture is not JSON', { cause: error });
  }
}

function listOf(object: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const value = object[name];
  if (!Array.isArray(value)) throw new CaptureError(`the capture has no list ${name}`);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
