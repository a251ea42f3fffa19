// A capture: what one decision looked at, as JSON that `plan` and `explain` read again. Versioned. Pod shapes are kept
// once and named by their place, as in memory; maps are {"$map": [[key, value], …]}. Leaves out what a decision does not
// need and a stranger should not have: user data, foreign annotations, token ids. Addresses and names stay.
import type { ObjectMeta } from '../api/object-meta.ts';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../api/parse-resources.ts';
import type { ClusterObjects, PodShape } from '../cluster/cluster-objects.ts';

const FORMAT = 'sluice-capture';
const VERSION = 1;
const MAP = '$map';
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
    pods: objects.pods.map((pod) => ({ ...pod, shape: place(pod.shape) })),
    daemonSets: objects.daemonSets.map((set) => ({ ...set, shape: place(set.shape) })),
  };
  const capture = { format: FORMAT, version: VERSION, shapes, objects: body };
  return `${JSON.stringify(capture, (_key, value: unknown) => (value instanceof Map ? { [MAP]: [...value] } : value))}\n`;
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
    return JSON.parse(text, (_key, value: unknown) => {
      if (!isRecord(value) || !Array.isArray(value[MAP])) return value;
      return new Map(value[MAP].filter(Array.isArray).map((entry): [unknown, unknown] => [entry[0], entry[1]]));
    });
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
