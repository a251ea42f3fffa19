// A random case from a seed and a number: a small cluster where the pod fits, then one to three themes that may change
// that.
import { makeBare } from './bare.ts';
import { deviceClaims, extendedResources } from './device-themes.ts';
import { type Draft, makeDraft, type Theme } from './draft.ts';
import { declaredFeatures, nodeAffinity, nodeName, taints, unschedulable } from './node-themes.ts';
import { podAffinity, topologySpread } from './placement-themes.ts';
import { Random } from './random.ts';
import { fullNodes, hostPorts, resources } from './resource-themes.ts';
import { inlineDisks, readWriteOncePod, volumeBinding, volumeLimits, volumeZones } from './storage-themes.ts';

interface WeightedTheme {
  readonly plugin: string;
  readonly weight: number;
  readonly add: Theme;
}

/** By the plugin that a theme mostly speaks to; the weights keep every plugin above 1 % of the refusals. */
export const THEMES: readonly WeightedTheme[] = [
  { plugin: 'NodeName', weight: 3, add: nodeName },
  { plugin: 'NodeUnschedulable', weight: 5, add: unschedulable },
  { plugin: 'TaintToleration', weight: 7, add: taints },
  { plugin: 'NodeAffinity', weight: 12, add: nodeAffinity },
  { plugin: 'NodePorts', weight: 6, add: hostPorts },
  { plugin: 'NodeResourcesFit', weight: 16, add: resources },
  { plugin: 'NodeResourcesFit', weight: 2, add: fullNodes },
  { plugin: 'VolumeRestrictions', weight: 5, add: inlineDisks },
  { plugin: 'VolumeRestrictions', weight: 3, add: readWriteOncePod },
  { plugin: 'NodeVolumeLimits', weight: 10, add: volumeLimits },
  { plugin: 'VolumeBinding', weight: 14, add: volumeBinding },
  { plugin: 'VolumeZone', weight: 8, add: volumeZones },
  { plugin: 'PodTopologySpread', weight: 16, add: topologySpread },
  { plugin: 'InterPodAffinity', weight: 16, add: podAffinity },
  { plugin: 'NodeDeclaredFeatures', weight: 5, add: declaredFeatures },
  { plugin: 'DynamicResources', weight: 9, add: deviceClaims },
  { plugin: 'DynamicResources', weight: 4, add: extendedResources },
];

/** Share of the cases that lack parts. */
const BARE = 0.08;

/** Case number `index` of a seed, as one line of NDJSON. With `only`, every theme speaks to that plugin. */
export function makeCase(seed: number, index: number, only?: string): string {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const draft = makeDraft(random);
  const themes = only === undefined ? THEMES : THEMES.filter(({ plugin }) => plugin === only);
  if (themes.length === 0) throw new RangeError(`no theme for the plugin '${only}'`);
  const chosen = new Set(random.picks(bag(themes), random.pick([1, 1, 1, 2, 2, 3])));
  for (const theme of chosen) theme.add(draft, random);
  if (random.chance(BARE)) makeBare(draft, random);
  return JSON.stringify({ id: `s${seed}-${index}`, ...withoutEmptyLists(draft) });
}

/** Each theme as often as it weighs. */
function bag(themes: readonly WeightedTheme[]): readonly WeightedTheme[] {
  return themes.flatMap((theme) => Array.from({ length: theme.weight }, () => theme));
}

/** Every list but `nodes` may be missing. */
function withoutEmptyLists(draft: Draft): Partial<Draft> {
  return Object.fromEntries(
    Object.entries(draft).filter(([field, value]) => field === 'nodes' || !Array.isArray(value) || value.length > 0),
  );
}
