// The pools of devices that a node can use.
// A slice counts when it is of the node (nodeName, allNodes, a nodeSelector that matches), or when any of its devices is
// (perDeviceNodeSelection). Of each pool only the slices of the newest generation seen among these count. Are they as many as
// resourceSliceCount says, the pool is complete. If not, all slices of the cluster are looked at: a newer generation
// elsewhere makes the pool as good as gone, and too few of this generation make it incomplete: no device of it is used.
// A pool is invalid when two of the node's devices share a name, when two counter sets do, or when a device takes from a
// counter that is not there.
// Order: by driver and pool, pools with binding conditions last; in a pool by name of the slice.
import { areReadable, matchesAnyTerm } from './selectors.ts';
import { AllocationError } from './refusal.ts';
import type { V1CounterSet, V1Device, V1DevicePlace, V1ResourceSlice } from './v1-devices.ts';
import type { V1Node } from './v1.ts';
import { labelsOf, mapOf, type World } from './world.ts';

export interface DevicePool {
  readonly driver: string;
  readonly name: string;
  readonly state: 'usable' | 'incomplete' | 'invalid';
  /** With devices of the node. */
  readonly slices: readonly V1ResourceSlice[];
  /** With devices of other nodes, as far as they had to be looked at. */
  readonly otherSlices: readonly V1ResourceSlice[];
  readonly counterSets: readonly V1CounterSet[];
}

export interface PooledDevice {
  /** `driver/pool/device`. */
  readonly id: string;
  readonly driver: string;
  readonly device: V1Device;
  readonly slice: V1ResourceSlice;
  readonly pool: DevicePool;
}

export function poolsOf(node: V1Node, world: World): readonly DevicePool[] {
  const seen = world.resourceSlices.filter((slice) => isForNode(slice, node));
  const pools = [...new Set(seen.map(poolId))].flatMap((id) => {
    const ours = seen.filter((slice) => poolId(slice) === id);
    return (
      poolOf(
        newest(ours),
        world.resourceSlices.filter((slice) => poolId(slice) === id),
      ) ?? []
    );
  });
  return pools.sort(
    (one, other) =>
      Number(hasBindingConditions(one)) - Number(hasBindingConditions(other)) ||
      compare(one.driver, other.driver) ||
      compare(one.name, other.name),
  );
}

const NOTHING = { slices: [], otherSlices: [], counterSets: [] };

/** In the order in which they are tried. */
export function devicesIn(pool: DevicePool): readonly PooledDevice[] {
  return pool.slices.flatMap((slice) => devicesOf(slice).map((device) => pooled(device, slice, pool)));
}

export function pooled(device: V1Device, slice: V1ResourceSlice, pool: DevicePool): PooledDevice {
  return { id: `${pool.driver}/${pool.name}/${device.name ?? ''}`, driver: pool.driver, device, slice, pool };
}

export function devicesOf(slice: V1ResourceSlice): readonly V1Device[] {
  return slice.spec?.devices ?? [];
}

/** Of one device, in a slice that leaves it to its devices. */
export function isDeviceForNode({ device, slice }: PooledDevice, node: V1Node): boolean {
  return slice.spec?.perDeviceNodeSelection !== true || placeMatches(device, node, 'a device');
}

function isForNode(slice: V1ResourceSlice, node: V1Node): boolean {
  const spec = slice.spec ?? {};
  if ((spec.nodeName ?? '') !== '' || spec.allNodes === true || spec.nodeSelector) {
    return placeMatches(spec, node, `slice ${slice.metadata.name}`);
  }
  return spec.perDeviceNodeSelection === true && devicesOf(slice).some((device) => placeMatches(device, node, ''));
}

function placeMatches({ nodeName, allNodes, nodeSelector }: V1DevicePlace, node: V1Node, what: string): boolean {
  if (nodeName) return nodeName === node.metadata.name;
  if (allNodes === true) return true;
  if (nodeSelector === undefined || nodeSelector === null) return false;
  const terms = nodeSelector.nodeSelectorTerms ?? [];
  if (!areReadable(terms))
    throw new AllocationError(`gather pool information: failed to perform node selection for ${what}…`);
  return matchesAnyTerm(terms, { name: node.metadata.name, labels: labelsOf(node) });
}

function newest(slices: readonly V1ResourceSlice[]): readonly V1ResourceSlice[] {
  const generation = Math.max(...slices.map(generationOf));
  return slices.filter((slice) => generationOf(slice) === generation);
}

function poolOf(ours: readonly V1ResourceSlice[], everywhere: readonly V1ResourceSlice[]): DevicePool | undefined {
  const [first] = ours;
  if (first === undefined) return undefined;
  const count = first.spec?.pool?.resourceSliceCount ?? 0;
  const named = { driver: first.spec?.driver ?? '', name: first.spec?.pool?.name ?? '' };
  let others: readonly V1ResourceSlice[] = [];
  if (ours.length !== count) {
    if (everywhere.some((slice) => generationOf(slice) > generationOf(first))) return undefined;
    const all = everywhere.filter((slice) => generationOf(slice) === generationOf(first));
    if (all.length !== count) return { ...named, state: 'incomplete', ...NOTHING };
    others = all.filter((slice) => !ours.includes(slice));
  }
  const slices = ours
    .filter((slice) => !holdsCounters(slice))
    .sort((one, other) => compare(one.metadata.name, other.metadata.name));
  const otherSlices = others.filter((slice) => !holdsCounters(slice));
  const counterSets = [...ours, ...others].flatMap((slice) => slice.spec?.sharedCounters ?? []);
  const names = slices.flatMap(devicesOf).map(({ name }) => name);
  const sets = counterSets.map(({ name }) => name);
  const taken = [...slices, ...otherSlices].flatMap(devicesOf).flatMap((device) => device.consumesCounters ?? []);
  const known = taken.every(({ counterSet, counters }) => {
    const set = counterSets.find(({ name }) => name === counterSet);
    return set !== undefined && [...mapOf(counters).keys()].every((name) => mapOf(set.counters).has(name));
  });
  const valid = isDistinct(names) && isDistinct(sets) && known;
  if (!valid) return { ...named, state: 'invalid', ...NOTHING };
  return { ...named, state: 'usable', slices, otherSlices, counterSets };
}

function hasBindingConditions({ slices }: DevicePool): boolean {
  return slices
    .flatMap(devicesOf)
    .some(({ bindingConditions }) => bindingConditions !== undefined && bindingConditions !== null);
}

function holdsCounters(slice: V1ResourceSlice): boolean {
  return (slice.spec?.sharedCounters ?? []).length > 0;
}

function generationOf(slice: V1ResourceSlice): number {
  return slice.spec?.pool?.generation ?? 0;
}

function poolId(slice: V1ResourceSlice): string {
  return `${slice.spec?.driver ?? ''}/${slice.spec?.pool?.name ?? ''}`;
}

function isDistinct(names: readonly unknown[]): boolean {
  return new Set(names).size === names.length;
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
