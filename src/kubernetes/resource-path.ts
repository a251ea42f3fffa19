// URLs of the Kubernetes API. Every variable part is encoded, as names come from clusters that we do not trust.
import { PortError } from '../controllers/port-errors.ts';

export interface Resource {
  /** Empty: the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export const RESOURCES = {
  pods: { group: '', version: 'v1', plural: 'pods' },
  nodes: { group: '', version: 'v1', plural: 'nodes' },
  namespaces: { group: '', version: 'v1', plural: 'namespaces' },
  secrets: { group: '', version: 'v1', plural: 'secrets' },
  configMaps: { group: '', version: 'v1', plural: 'configmaps' },
  persistentVolumes: { group: '', version: 'v1', plural: 'persistentvolumes' },
  persistentVolumeClaims: { group: '', version: 'v1', plural: 'persistentvolumeclaims' },
  daemonSets: { group: 'apps', version: 'v1', plural: 'daemonsets' },
  podDisruptionBudgets: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets' },
  storageClasses: { group: 'storage.k8s.io', version: 'v1', plural: 'storageclasses' },
  csiNodes: { group: 'storage.k8s.io', version: 'v1', plural: 'csinodes' },
  csiDrivers: { group: 'storage.k8s.io', version: 'v1', plural: 'csidrivers' },
  csiStorageCapacities: { group: 'storage.k8s.io', version: 'v1', plural: 'csistoragecapacities' },
  volumeAttachments: { group: 'storage.k8s.io', version: 'v1', plural: 'volumeattachments' },
  deviceClasses: { group: 'resource.k8s.io', version: 'v1', plural: 'deviceclasses' },
  resourceClaims: { group: 'resource.k8s.io', version: 'v1', plural: 'resourceclaims' },
  resourceSlices: { group: 'resource.k8s.io', version: 'v1', plural: 'resourceslices' },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events' },
  customResourceDefinitions: { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
  nodePools: { group: 'sluice.dev', version: 'v1alpha1', plural: 'nodepools' },
  nodeClaims: { group: 'sluice.dev', version: 'v1alpha1', plural: 'nodeclaims' },
  workloadClusters: { group: 'sluice.dev', version: 'v1alpha1', plural: 'workloadclusters' },
} as const satisfies Readonly<Record<string, Resource>>;

/** Path of a collection, an object or a subresource; without namespace: cluster-scoped, or all namespaces. Throws
 *  PortError invalidSpec for a name that would address something else. */
export function resourcePath(
  resource: Resource,
  at: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string } = {},
): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const namespace = at.namespace === undefined ? '' : `/namespaces/${segment(at.namespace)}`;
  const name = at.name === undefined ? '' : `/${segment(at.name)}`;
  const subresource = at.subresource === undefined ? '' : `/${at.subresource}`;
  return `${root}${namespace}/${resource.plural}${name}${subresource}`;
}

/** An empty name would address the collection, `.` and `..` another path: a hostile server may send both. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..') {
    throw new PortError('invalidSpec', `Cannot address an object as its name must not be '${text}'`);
  }
  return encodeURIComponent(text);
}
