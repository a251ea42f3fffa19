// The documents by which kubectl and client libraries learn what is served.
import type { Fields } from '../untyped.ts';
import type { Resource, ResourceCatalog } from './resource-catalog.ts';

/** What the playground says it is; the newest version whose behaviour was compared with a real server. */
export const SERVED_VERSION = 'v1.37.1';

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

function apiResources(resource: Resource): Fields[] {
  const { plural, singular, kind, namespaced, shortNames } = resource;
  const main = { name: plural, singularName: singular, namespaced, kind, verbs: VERBS, shortNames };
  const below = (name: string, options: Fields): Fields => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    verbs: ['get', 'patch', 'update'],
    ...options,
  });
  return [
    main,
    ...(resource.status ? [below('status', { kind })] : []),
    ...(resource.scale === undefined ? [] : [below('scale', { kind: 'Scale', group: 'autoscaling', version: 'v1' })]),
    ...(plural === 'pods'
      ? [
          below('binding', { kind: 'Binding', verbs: ['create'] }),
          below('eviction', { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] }),
        ]
      : []),
  ];
}

function apiGroup(catalog: ResourceCatalog, group: string): Fields {
  const versions = [
    ...new Set(
      catalog
        .all()
        .filter((resource) => resource.group === group)
        .map((resource) => resource.version),
    ),
  ].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** The document at a path, undefined when it is none of discovery. `segments` is the path split at '/'. */
export function discoveryDocument(catalog: ResourceCatalog, segments: readonly string[]): Fields | undefined {
  const [root, group, version, more] = segments;
  if (root === 'version' && group === undefined) {
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(SERVED_VERSION) ?? [];
    return { major, minor, gitVersion: SERVED_VERSION, platform: `${process.platform}/${process.arch}` };
  }
  if (root === 'api' && group === undefined) return { kind: 'APIVersions', versions: ['v1'] };
  if (root === 'api' && group === 'v1' && version === undefined) return resourceList(catalog, '', 'v1');
  if (root !== 'apis' || more !== undefined) return undefined;
  const groups = [...new Set(catalog.all().map((resource) => resource.group))].filter((name) => name !== '');
  if (group === undefined) {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((name) => apiGroup(catalog, name)) };
  }
  if (!groups.includes(group)) return undefined;
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(catalog, group) };
  return resourceList(catalog, group, version);
}

function resourceList(catalog: ResourceCatalog, group: string, version: string): Fields | undefined {
  const served = catalog.all().filter((resource) => resource.group === group && resource.version === version);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(apiResources),
  };
}
