// Which resources the API serves: the built-in ones as a table, custom ones as their definitions come and go.
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import type { KubeObject } from './kube-object.ts';

export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector: readonly string[];
}

export interface Resource {
  /** '' = the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  /** The status is written through its own path only. */
  readonly status: boolean;
  readonly scale: ScalePaths | undefined;
  /** openAPIV3Schema of a custom resource. */
  readonly schema: Fields | undefined;
  /** additionalPrinterColumns of a custom resource. */
  readonly columns: readonly unknown[];
}

/** `apiVersion` as objects of the resource carry it. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Key of the resource in the storage. */
export function resourceKey(resource: Resource): string {
  return `${resource.group}/${resource.plural}`;
}

type Row = readonly [group: string, version: string, plural: string, kind: string, scope: string, shortNames?: string];

// scope: n = namespaced, c = cluster; s = with a status subresource, r = with scale
const BUILT_IN: readonly Row[] = [
  ['', 'v1', 'namespaces', 'Namespace', 'cs', 'ns'],
  ['', 'v1', 'pods', 'Pod', 'ns', 'po'],
  ['', 'v1', 'nodes', 'Node', 'cs', 'no'],
  ['', 'v1', 'secrets', 'Secret', 'n'],
  ['', 'v1', 'configmaps', 'ConfigMap', 'n', 'cm'],
  ['', 'v1', 'services', 'Service', 'ns', 'svc'],
  ['', 'v1', 'events', 'Event', 'n', 'ev'],
  ['', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', 'ns', 'pvc'],
  ['', 'v1', 'persistentvolumes', 'PersistentVolume', 'cs', 'pv'],
  ['apps', 'v1', 'deployments', 'Deployment', 'nsr', 'deploy'],
  ['apps', 'v1', 'replicasets', 'ReplicaSet', 'nsr', 'rs'],
  ['apps', 'v1', 'daemonsets', 'DaemonSet', 'ns', 'ds'],
  ['policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', 'ns', 'pdb'],
  ['coordination.k8s.io', 'v1', 'leases', 'Lease', 'n'],
  ['events.k8s.io', 'v1', 'events', 'Event', 'n', 'ev'],
  ['storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', 'c', 'sc'],
  ['storage.k8s.io', 'v1', 'csinodes', 'CSINode', 'c'],
  ['storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', 'c'],
  ['storage.k8s.io', 'v1', 'csistoragecapacities', 'CSIStorageCapacity', 'n'],
  ['storage.k8s.io', 'v1', 'volumeattachments', 'VolumeAttachment', 'cs'],
  ['resource.k8s.io', 'v1', 'deviceclasses', 'DeviceClass', 'c'],
  ['resource.k8s.io', 'v1', 'resourceclaims', 'ResourceClaim', 'ns'],
  ['resource.k8s.io', 'v1', 'resourceslices', 'ResourceSlice', 'c'],
  ['certificates.k8s.io', 'v1', 'certificatesigningrequests', 'CertificateSigningRequest', 'cs', 'csr'],
  ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', 'cs', 'crd'],
];

const REPLICAS: ScalePaths = {
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: ['status', 'selector'],
};

function builtIn([group, version, plural, kind, scope, shortNames]: Row): Resource {
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: scope.startsWith('n'),
    shortNames: shortNames === undefined ? [] : [shortNames],
    status: scope.includes('s'),
    scale: scope.includes('r') ? REPLICAS : undefined,
    schema: undefined,
    columns: [],
  };
}

const path = (value: unknown): readonly string[] =>
  textOf(value)
    .split('.')
    .filter((part) => part !== '');

/** The resources that a CustomResourceDefinition serves, one per served version. */
export function definedResources(definition: KubeObject): readonly Resource[] {
  const spec = fieldsOf(definition['spec']);
  const names = fieldsOf(spec['names']);
  return listOf(spec['versions'])
    .map(fieldsOf)
    .filter((version) => version['served'] === true)
    .map((version) => {
      const subresources = fieldsOf(version['subresources']);
      const scale = subresources['scale'];
      return {
        group: textOf(spec['group']),
        version: textOf(version['name']),
        plural: textOf(names['plural']),
        singular: textOf(names['singular']) || textOf(names['kind']).toLowerCase(),
        kind: textOf(names['kind']),
        namespaced: spec['scope'] === 'Namespaced',
        shortNames: listOf(names['shortNames']).map(textOf),
        status: Object.hasOwn(subresources, 'status'),
        scale:
          scale === undefined
            ? undefined
            : {
                specReplicas: path(fieldsOf(scale)['specReplicasPath']),
                statusReplicas: path(fieldsOf(scale)['statusReplicasPath']),
                selector: path(fieldsOf(scale)['labelSelectorPath']),
              },
        schema: fieldsOf(fieldsOf(version['schema'])['openAPIV3Schema']),
        columns: listOf(version['additionalPrinterColumns']),
      };
    });
}

/** The resources that are served now. */
export class ResourceCatalog {
  readonly #builtIn: readonly Resource[];
  readonly #defined = new Map<string, readonly Resource[]>();

  /** `absent`: built-in kinds by plural that this API does not serve, as an older server would not. */
  constructor(absent: readonly string[] = []) {
    this.#builtIn = BUILT_IN.map(builtIn).filter((resource) => !absent.includes(resource.plural));
  }

  /** All, built-in ones first. */
  all(): readonly Resource[] {
    return [...this.#builtIn, ...[...this.#defined.values()].flat()];
  }

  /** undefined: the API answers 404 to that path. */
  find(group: string, version: string, plural: string): Resource | undefined {
    return this.all().find(
      (resource) => resource.group === group && resource.version === version && resource.plural === plural,
    );
  }

  /** Some resource of this plural is there. */
  serves(plural: string): boolean {
    return this.all().some((resource) => resource.plural === plural);
  }

  /** The first resource of this plural; for callers inside, who know that it exists. */
  named(plural: string): Resource {
    const found = this.all().find((resource) => resource.plural === plural);
    if (found === undefined) throw new Error(`resource '${plural}' is not served`);
    return found;
  }

  /** Serves what the definition says; to be called on every change of one. */
  define(definition: KubeObject): void {
    this.#defined.set(definition.metadata.name, definedResources(definition));
  }

  /** Serves it no more. */
  undefine(name: string): void {
    this.#defined.delete(name);
  }
}
