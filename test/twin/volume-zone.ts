// VolumeZone: zone and region labels of the pod's bound volumes must be on the node.
// For the whole pod: the volume that a claim (ephemeral ones aside) names must exist.
// On a node that has none of the four labels nothing is asked. Else each of the volume's must be there, with one of the
// values of its list (split on `__`); the node's present label stands in for a beta one that it lacks, never the other way.
// A list with an empty item says nothing.
import { claimsOf } from './pod-volumes.ts';
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Node, V1Pod } from './v1.ts';
import { labelsOf, type World } from './world.ts';

const PRESENT = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];
const BETA = ['failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region'];

export function missingVolume(pod: V1Pod, world: World): TwinRefusal | undefined {
  const missing = boundNames(pod, world).find((name) => !world.volumes.has(name));
  return missing === undefined ? undefined : no('VolumeZone', `persistentvolume "${missing}" not found`);
}

export function volumeZone(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  const onNode = labelsOf(node);
  if (![...PRESENT, ...BETA].some((key) => onNode.has(key))) return undefined;
  for (const name of boundNames(pod, world)) {
    const volume = world.volumes.get(name);
    if (volume === undefined) continue;
    for (const [key, list] of labelsOf(volume)) {
      const beta = BETA.indexOf(key);
      if (beta === -1 && !PRESENT.includes(key)) continue;
      const allowed = list.split('__').map((item) => item.trim());
      if (allowed.includes('')) continue;
      const actual = onNode.get(key) ?? (beta === -1 ? undefined : onNode.get(PRESENT[beta] ?? ''));
      if (actual === undefined || !allowed.includes(actual)) {
        return no('VolumeZone', 'node(s) had no available volume zone');
      }
    }
  }
  return undefined;
}

function boundNames(pod: V1Pod, world: World): readonly string[] {
  return claimsOf(pod, world)
    .filter((use) => !use.ephemeral)
    .map((use) => use.claim?.spec?.volumeName ?? '')
    .filter((name) => name !== '');
}
