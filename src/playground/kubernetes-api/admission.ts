// What the API server fills in or refuses when an object of a built-in kind is created or replaced.
import { fieldsOf, isFields, listOf, textOf, type Fields } from '../untyped.ts';
import { ApiError, type KubeObject } from './kube-object.ts';
import type { Resource } from './resource-catalog.ts';
import { fitToSchema } from './structural-schema.ts';

/** Holds a definition until its objects are gone. */
export const DEFINITION_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** The object as it is stored; the given one is not changed. Throws ApiError 422. */
export function admit(resource: Resource, object: KubeObject, isNew: boolean): KubeObject {
  if (resource.schema !== undefined) return admitCustom(resource, resource.schema, object);
  switch (resource.kind) {
    case 'Pod':
      return isNew ? admitPod(object) : object;
    case 'Node':
      return isNew ? admitNode(object) : object;
    case 'Secret':
      return admitSecret(object);
    case 'Namespace':
      return {
        ...object,
        metadata: {
          ...object.metadata,
          labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name },
        },
        status: { phase: object.metadata.deletionTimestamp === undefined ? 'Active' : 'Terminating' },
      };
    case 'PersistentVolumeClaim':
      return isNew ? { ...object, status: { phase: 'Pending' } } : object;
    case 'PersistentVolume':
      return isNew ? { ...object, status: { phase: 'Available' } } : object;
    case 'Deployment':
    case 'ReplicaSet':
      return { ...object, spec: { replicas: 1, ...fieldsOf(object['spec']) } };
    case 'CustomResourceDefinition':
      return isNew ? admitDefinition(object) : object;
    default:
      return object;
  }
}

function admitCustom(resource: Resource, schema: Fields, object: KubeObject): KubeObject {
  const { value, causes } = fitToSchema(object, schema);
  if (causes.length > 0) {
    const text = causes.map((cause) => `${cause.field}: ${cause.message}`).join(', ');
    const several = causes.length === 1 ? text : `[${text}]`;
    throw new ApiError(422, `${resource.kind}.${resource.group} "${object.metadata.name}" is invalid: ${several}`, {
      details: { name: object.metadata.name, group: resource.group, kind: resource.kind, causes },
    });
  }
  return { ...value, apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata };
}

/** The tolerations that the DefaultTolerationSeconds plugin adds; 300 s is its default. */
const DEFAULT_TOLERATIONS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

function admitPod(object: KubeObject): KubeObject {
  const spec = fieldsOf(object['spec']);
  if (listOf(spec['containers']).length === 0) {
    throw new ApiError(422, `Pod "${object.metadata.name}" is invalid: spec.containers: Required value`);
  }
  const tolerations = listOf(spec['tolerations']);
  const added = DEFAULT_TOLERATIONS.filter(
    (toleration) =>
      !tolerations.some((own) => isFields(own) && (own['key'] === toleration.key || own['key'] === undefined)),
  );
  return {
    ...object,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      priority: 0,
      ...spec,
      tolerations: [...tolerations, ...added],
    },
    status: { phase: 'Pending', qosClass: 'Burstable', ...fieldsOf(object['status']) },
  };
}

/** Every Node is born not ready; the node lifecycle lifts the taint. */
function admitNode(object: KubeObject): KubeObject {
  const spec = fieldsOf(object['spec']);
  const taints = listOf(spec['taints']).filter((taint) => fieldsOf(taint)['key'] !== 'node.kubernetes.io/not-ready');
  return {
    ...object,
    spec: { ...spec, taints: [...taints, { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
  };
}

function admitSecret(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  const encoded = Object.entries(fieldsOf(stringData)).map(([key, value]) => {
    if (typeof value !== 'string') throw new ApiError(422, `Secret: stringData.${key} must be a string`);
    return [key, Buffer.from(value).toString('base64')] as const;
  });
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: object.metadata,
    type: textOf(object['type']) || 'Opaque',
    data: { ...fieldsOf(object['data']), ...Object.fromEntries(encoded) },
  };
}

/** Served at once: there is nothing to wait for here. */
function admitDefinition(object: KubeObject): KubeObject {
  const spec = fieldsOf(object['spec']);
  const names = fieldsOf(spec['names']);
  const wantedName = `${textOf(names['plural'])}.${textOf(spec['group'])}`;
  if (object.metadata.name !== wantedName) {
    const said = JSON.stringify(object.metadata.name);
    throw new ApiError(
      422,
      `CustomResourceDefinition ${said} is invalid: metadata.name: Invalid value: ${said}: must be spec.names.plural+"."+spec.group`,
    );
  }
  const stored = listOf(spec['versions'])
    .map(fieldsOf)
    .filter((version) => version['storage'] === true);
  const now = object.metadata.creationTimestamp;
  const condition = (type: string, reason: string) => ({
    type,
    status: 'True',
    reason,
    message: '',
    lastTransitionTime: now,
  });
  return {
    ...object,
    metadata: { ...object.metadata, finalizers: [...(object.metadata.finalizers ?? []), DEFINITION_FINALIZER] },
    status: {
      acceptedNames: names,
      storedVersions: stored.map((version) => textOf(version['name'])),
      conditions: [condition('NamesAccepted', 'NoConflicts'), condition('Established', 'InitialNamesAccepted')],
    },
  };
}
