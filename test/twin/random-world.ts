// A random cluster with several pods that wait, from the themes that the oracle's cases are made of: every rule that the twin
// has meets the others in one cluster.
import { deviceClaims } from '../oracle/cases/device-themes.ts';
import { makeDraft, makePod, type ObjectDraft, type PodDraft } from '../oracle/cases/draft.ts';
import { THEMES } from '../oracle/cases/make-case.ts';
import { Random } from '../oracle/cases/random.ts';
import { beyondTwin } from './run-filters.ts';
import type { V1CsiStorageCapacity, V1Objects, V1Pod } from './v1.ts';

export interface RandomWorld {
  readonly objects: V1Objects;
  readonly waiting: readonly V1Pod[];
}

interface WorldOptions {
  /** Pods may claim devices too. */
  readonly devices?: boolean;
}

/** Each theme as often as it weighs. */
const BAG = THEMES.flatMap((theme) => Array.from({ length: theme.weight }, () => theme));
const DEVICE_THEMES = THEMES.filter(({ add }) => add === deviceClaims);
export const CSI_DRIVERS = ['disk.example.com', 'ebs.csi.aws.com', 'cinder.csi.openstack.org'];
/** Some worlds hold amounts or devices that the twin does not speak of; the next try has others. */
const TRIES_MAX = 50;

/** The same seed gives the same world. Nothing in it is beyond the twin. */
export function randomWorld(seed: number, options: WorldOptions = {}): RandomWorld {
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(attempt + 1, 0x85ebca6b));
    const world = drawWorld(random, options);
    if (world.waiting.every((pod) => beyondTwin(pod, world.objects) === undefined)) return world;
  }
  throw new Error(`no world within the twin's reach from seed ${seed}`);
}

function drawWorld(random: Random, { devices = false }: WorldOptions): RandomWorld {
  const draft = makeDraft(random);
  const waiting: PodDraft[] = [];
  // Pods that want the same devices meet only where most pods want some.
  const aroundDevices = devices && random.chance(0.3);
  const bag = devices ? BAG : BAG.filter(({ plugin }) => plugin !== 'DynamicResources');
  for (let left = random.between(2, 4); left > 0; left -= 1) {
    draft.pod = makePod(random, `waiting-${left}`);
    const count = aroundDevices ? random.pick([0, 0, 1]) : random.pick([1, 1, 2, 3]);
    const themes = new Set([...(aroundDevices ? DEVICE_THEMES : []), ...random.picks(bag, count)]);
    for (const theme of themes) theme.add(draft, random);
    waiting.push(draft.pod);
  }
  const { pod: _, ...lists } = draft;
  const names = draft.nodes.map((node) => node.metadata.name);
  const objects = {
    ...lists,
    // Each theme adds objects of the same few names; the first of a name stays.
    persistentVolumeClaims: distinct(draft.persistentVolumeClaims),
    persistentVolumes: distinct(draft.persistentVolumes),
    storageClasses: distinct(draft.storageClasses),
    csiNodes: distinct(draft.csiNodes),
    csiDrivers: distinct(draft.csiDrivers),
    resourceClaims: distinct(draft.resourceClaims),
    csiStorageCapacities: random.chance(0.5) ? [0, 1, 2, 3].map((index) => drawCapacity(random, index)) : [],
    volumeAttachments: random.some(draft.persistentVolumes, 0.2).map((volume, index) => ({
      metadata: { name: `attachment-${index}` },
      spec: {
        attacher: random.pick(CSI_DRIVERS),
        nodeName: random.pick(names),
        source: { persistentVolumeName: volume.metadata.name },
      },
    })),
  };
  // Through text, as objects come: what is undefined is gone, and no part is shared.
  const pods = waiting.map((pod) => ({
    ...pod,
    status: { resourceClaimStatuses: pod.status['resourceClaimStatuses'] },
  }));
  return JSON.parse(JSON.stringify({ objects, waiting: pods }));
}

function drawCapacity(random: Random, index: number): V1CsiStorageCapacity {
  const zone = { matchLabels: { 'topology.kubernetes.io/zone': random.pick(['zone-1', 'zone-2', 'zone-3']) } };
  return {
    metadata: { name: `capacity-${index}` },
    storageClassName: random.pick(['late', 'late-capacity', 'late-zoned']),
    nodeTopology: random.pick([zone, zone, {}, undefined]),
    capacity: random.pick(['2Gi', '100Gi', undefined]),
    maximumVolumeSize: random.pick(['1Gi', undefined, undefined]),
  };
}

function distinct(list: readonly ObjectDraft[]): readonly ObjectDraft[] {
  const first = new Map<string, ObjectDraft>();
  for (const one of list) {
    const key = JSON.stringify([one.metadata['namespace'] ?? '', one.metadata.name]);
    if (!first.has(key)) first.set(key, one);
  }
  return [...first.values()];
}
