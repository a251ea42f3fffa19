// The scale subresource: an autoscaling/v1 Scale in front of three paths of the object.
import { fieldsOf, numberOf, textOf, type Fields } from '../untyped.ts';
import { ApiError, type KubeObject } from './kube-object.ts';
import type { ScalePaths } from './resource-catalog.ts';

function at(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const key of path) value = fieldsOf(value)[key];
  return value;
}

/** The Scale of an object. */
export function toScale(object: KubeObject, paths: ScalePaths): Fields {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = textOf(at(object, paths.selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberOf(at(object, paths.specReplicas), 0) },
    status: { replicas: numberOf(at(object, paths.statusReplicas), 0), ...(selector === '' ? {} : { selector }) },
  };
}

/** The object with the replicas that a Scale asks for, and the resource version that the Scale was read at.
 *  Throws ApiError 422 when it asks for no number. */
export function fromScale(object: KubeObject, paths: ScalePaths, scale: unknown): KubeObject {
  const replicas = at(scale, ['spec', 'replicas']);
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw new ApiError(422, 'Scale is invalid: spec.replicas: Invalid value: must be an integer of at least 0');
  }
  const next = structuredClone(object);
  let parent: Fields = next;
  for (const key of paths.specReplicas.slice(0, -1)) {
    const child = fieldsOf(parent[key]);
    parent[key] = child;
    parent = child;
  }
  parent[paths.specReplicas.at(-1) ?? ''] = replicas;
  const version = textOf(at(scale, ['metadata', 'resourceVersion']));
  next.metadata.resourceVersion = version;
  return next;
}
