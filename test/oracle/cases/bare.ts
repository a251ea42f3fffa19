// Takes parts out of a case at random, or makes whole objects and lists null: what an old client or a raw object may lack.
// No more than that: a label that is null or a taint without effect is no stored object.
import type { Draft, Json } from './draft.ts';
import type { Random } from './random.ts';

/** What no stored object lacks. Without `cel` or `min` the scheduler itself would crash; with slices of one pool
 *  that count differently its answer depends on their order in a map. */
const KEPT = new Set([
  'cel',
  'min',
  'resourceSliceCount',
  'generation',
  'name',
  'pod',
  'nodes',
  'metadata',
  'namespace',
  'nodeName',
  'spec',
  'effect',
  'topologyKey',
]);

interface Place {
  readonly holder: Record<string, Json | undefined>;
  readonly key: string;
}

export function makeBare(draft: Draft, random: Random): void {
  for (let left = random.between(1, 8); left > 0; left -= 1) {
    const places = placesIn(draft).filter(({ key }) => !KEPT.has(key));
    if (places.length === 0) return;
    const { holder, key } = random.pick(places);
    const whole = typeof holder[key] === 'object';
    if (whole && random.chance(0.3)) holder[key] = null;
    else delete holder[key];
  }
}

function placesIn(value: unknown): readonly Place[] {
  if (Array.isArray(value)) return value.flatMap(placesIn);
  if (!isHolder(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ holder: value, key }, ...placesIn(inner)]);
}

function isHolder(value: unknown): value is Record<string, Json | undefined> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
