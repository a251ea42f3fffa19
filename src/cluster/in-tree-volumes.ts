// Cloud volumes of the time before CSI: which driver took over from which plugin, what it calls the volume, and where it
// says the volume is. Source: csi-translation-lib, v0.37; only plugins whose migration is always on.
import type { InlineDisk, NodeSelectorTerm } from './cluster-objects.ts';
import type { Fields } from './fields.ts';

export interface InTreePlugin {
  readonly plugin: string;
  readonly driver: string;
  readonly kind: InlineDisk['kind'];
  /** Field of a volume, and its field that names the disk. */
  readonly field: string;
  readonly idField: string;
  /** Label of nodes by which the driver tells zones; undefined: it does not. */
  readonly zoneKey: string | undefined;
}

export const IN_TREE_PLUGINS: readonly InTreePlugin[] = [
  {
    plugin: 'kubernetes.io/aws-ebs',
    driver: 'ebs.csi.aws.com',
    kind: 'ebs',
    field: 'awsElasticBlockStore',
    idField: 'volumeID',
    zoneKey: 'topology.ebs.csi.aws.com/zone',
  },
  {
    plugin: 'kubernetes.io/gce-pd',
    driver: 'pd.csi.storage.gke.io',
    kind: 'gce',
    field: 'gcePersistentDisk',
    idField: 'pdName',
    zoneKey: 'topology.gke.io/zone',
  },
  {
    plugin: 'kubernetes.io/azure-disk',
    driver: 'disk.csi.azure.com',
    kind: 'azure',
    field: 'azureDisk',
    idField: 'diskURI',
    zoneKey: undefined,
  },
  {
    plugin: 'kubernetes.io/cinder',
    driver: 'cinder.csi.openstack.org',
    kind: 'cinder',
    field: 'cinder',
    idField: 'volumeID',
    zoneKey: 'topology.cinder.csi.openstack.org/zone',
  },
  {
    plugin: 'kubernetes.io/portworx-volume',
    driver: 'pxd.portworx.com',
    kind: 'portworx',
    field: 'portworxVolume',
    idField: 'volumeID',
    zoneKey: undefined,
  },
];

const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';

/** The driver's name and handle of an in-tree volume; undefined: the volume is of no such plugin. */
export function inTreeVolume(
  spec: Fields,
  labels: ReadonlyMap<string, string>,
): { readonly plugin: string; readonly driver: string; readonly handle: string } | undefined {
  for (const { plugin, driver, kind, field, idField } of IN_TREE_PLUGINS) {
    const source = spec.object(field);
    if (source === undefined) continue;
    const id = source.text(idField);
    const zone = labels.get(BETA_ZONE) || labels.get(ZONE) || undefined;
    return { plugin, driver, handle: diskHandle({ kind, id }, zone) };
  }
  return undefined;
}

/** What the driver calls a disk; `zone` matters for GCE only, and inline disks do not say theirs. */
export function diskHandle(disk: Pick<InlineDisk, 'kind' | 'id'>, zone: string | undefined): string {
  if (disk.kind === 'gce') return `${zone ?? ''}/${disk.id}`;
  // aws://<zone>/<id> and <id> are the same volume.
  return disk.kind === 'ebs' && disk.id.startsWith('aws://') ? (disk.id.split('/').at(-1) ?? '') : disk.id;
}

/** Where the driver says that a migrated volume is: zones under its own label, from the affinity or else the labels. */
export function migratedAffinity(
  volume: {
    readonly labels: ReadonlyMap<string, string>;
    readonly nodeAffinity: readonly NodeSelectorTerm[] | undefined;
  },
  plugin: string,
): readonly NodeSelectorTerm[] | undefined {
  const zoneKey = IN_TREE_PLUGINS.find((one) => one.plugin === plugin)?.zoneKey;
  const terms = volume.nodeAffinity ?? [];
  if (zoneKey === undefined) return volume.nodeAffinity;
  const named = (key: string): boolean => terms.some((term) => term.expressions.some((one) => one.key === key));
  const beta = !named(ZONE) && (named(BETA_ZONE) || (!volume.labels.has(ZONE) && volume.labels.has(BETA_ZONE)));
  const zoneLabel = beta ? BETA_ZONE : ZONE;
  const hasZones = terms.some((term) => term.expressions.some((one) => one.key === zoneLabel && one.values.length > 0));
  let translated: readonly NodeSelectorTerm[] | undefined = volume.nodeAffinity;
  if (hasZones) translated = renamed(terms, new Map([[zoneLabel, zoneKey]]));
  else {
    const label = volume.labels.get(zoneLabel)?.split('__') ?? [];
    const zones = [...new Set(label.map((zone) => zone.trim()).filter((zone) => zone !== ''))].sort();
    if (zones.length > 0) {
      const added = { key: zoneKey, operator: 'In', values: zones };
      const some = terms.length === 0 ? [{ expressions: [], fields: [] }] : terms;
      translated = some.map((term) => ({ ...term, expressions: [...term.expressions, added] }));
    }
  }
  return beta && translated !== undefined ? renamed(translated, new Map([[BETA_REGION, REGION]])) : translated;
}

function renamed(terms: readonly NodeSelectorTerm[], keys: ReadonlyMap<string, string>): readonly NodeSelectorTerm[] {
  return terms.map((term) => ({
    ...term,
    expressions: term.expressions.map((one) => ({ ...one, key: keys.get(one.key) ?? one.key })),
  }));
}
