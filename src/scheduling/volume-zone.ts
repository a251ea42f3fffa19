// VolumeZone: zone and region labels of bound volumes must be on the node. An older beta label of a volume accepts the
// node's present one, never the other way. A node without any such label passes.
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { ClaimedVolume, VolumeLookup } from './volume-lookup.ts';

const PLUGIN = 'VolumeZone';
/** Label of the volume → the node's label that may stand in for it. */
const TOPOLOGY_LABELS: ReadonlyMap<string, string> = new Map([
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
]);

/** Before any filter, for the whole pod. */
export function volumeZonePod(volumes: readonly ClaimedVolume[], lookup: VolumeLookup): Refusal | undefined {
  for (const { volume, claim } of volumes) {
    if (volume.ephemeral || claim === undefined || claim.volumeName === '') continue;
    if (lookup.volume(claim.volumeName) === undefined) {
      return refuse(PLUGIN, `persistentvolume "${claim.volumeName}" not found`);
    }
  }
  return undefined;
}

/** Per node. */
export function volumeZone(
  volumes: readonly ClaimedVolume[],
  context: { readonly node: Pick<NodeFacts, 'labels'>; readonly lookup: VolumeLookup },
): Refusal | undefined {
  const { node, lookup } = context;
  if (![...TOPOLOGY_LABELS.keys()].some((key) => node.labels.has(key))) return undefined;
  for (const { volume, claim } of volumes) {
    if (volume.ephemeral || claim === undefined || claim.volumeName === '') continue;
    const labels = lookup.volume(claim.volumeName)?.labels;
    for (const [key, standIn] of TOPOLOGY_LABELS) {
      const allowed = zoneList(labels?.get(key));
      const actual = node.labels.get(key) ?? node.labels.get(standIn);
      if (allowed !== undefined && (actual === undefined || !allowed.includes(actual))) {
        return refuse(PLUGIN, 'node(s) had no available volume zone');
      }
    }
  }
  return undefined;
}

/** Values are split on `__`; a list with an empty item says nothing. */
function zoneList(value: string | undefined): readonly string[] | undefined {
  const zones = value?.split('__').map((zone) => zone.trim());
  return zones === undefined || zones.includes('') ? undefined : zones;
}
