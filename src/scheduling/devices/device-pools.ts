// The pools of devices that one node can use, of their newest generation. A pool may be incomplete (slices are missing) or
// invalid (names twice, counters that are not there); both are kept, as they decide about requests for all devices.
// Source: structured/internal/incubating/pools_incubating.go, v0.37.1.
import type { NodeSelectorTerm } from '../../cluster/cluster-objects.ts';
import type { DevicePlace, ResourceSliceObject } from '../../cluster/device-objects.ts';
import { isValidTerm, matchesAnyTerm } from '../node-affinity.ts';
import { type AllocationFault, failed } from './allocation-fault.ts';

export interface DevicePool {
  readonly driver: string;
  readonly name: string;
  readonly state: 'usable' | 'incomplete' | 'invalid';
  /** Of the node, by name. */
  readonly slices: readonly ResourceSliceObject[];
  /** The rest of the pool: its devices take from the same counters. */
  readonly otherSlices: readonly ResourceSliceObject[];
  /** Counter set → counter → what there is in all, in billionths. */
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}

export interface PoolNode {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** Slices found by node and by pool. */
export class SliceIndex {
  readonly #ofNode = new Map<string, ResourceSliceObject[]>();
  readonly #shared: ResourceSliceObject[] = [];
  readonly #ofPool = new Map<string, ResourceSliceObject[]>();

  constructor(slices: readonly ResourceSliceObject[]) {
    for (const slice of new Map(slices.map((one) => [one.name, one])).values()) {
      if (slice.nodeName === undefined || slice.nodeName === '') this.#shared.push(slice);
      else push(this.#ofNode, slice.nodeName, slice);
      push(this.#ofPool, poolKey(slice), slice);
    }
  }

  /** Those of this node alone. */
  localSlices(nodeName: string): readonly ResourceSliceObject[] {
    return this.#ofNode.get(nodeName) ?? [];
  }

  get sharedSlices(): readonly ResourceSliceObject[] {
    return this.#shared;
  }

  poolSlices(slice: ResourceSliceObject): readonly ResourceSliceObject[] {
    return this.#ofPool.get(poolKey(slice)) ?? [];
  }
}

/** By driver and name, those whose devices are bound in two steps last. `local`: slices of the node itself. */
export function gatherPools(
  node: PoolNode,
  of: { readonly local: readonly ResourceSliceObject[]; readonly index: SliceIndex },
): readonly DevicePool[] | AllocationFault {
  const found = new Map<string, ResourceSliceObject[]>();
  for (const slice of [...of.local, ...of.index.sharedSlices]) {
    if (slice.compatibilityGroups) continue;
    const relevant = isRelevant(slice, node);
    if (typeof relevant === 'object') return relevant;
    if (relevant) addNewest(found, slice);
  }
  const pools: DevicePool[] = [];
  for (const slices of found.values()) {
    const pool = completePool(slices, of.index);
    if (pool !== undefined) pools.push(pool);
  }
  return pools.sort(
    (left, right) =>
      Number(bindsInSteps(left)) - Number(bindsInSteps(right)) ||
      compare(left.driver, right.driver) ||
      compare(left.name, right.name),
  );
}

/** Whether devices of this place can be used on the node; a fault: its selector cannot be read. */
export function placeMatches(place: DevicePlace, node: PoolNode, what: string): boolean | AllocationFault {
  if (place.nodeName !== undefined && place.nodeName !== '') return place.nodeName === node.name;
  if (place.allNodes) return true;
  if (place.nodeSelector === undefined) return false;
  if (!isReadable(place.nodeSelector)) return failed(`${what}: failed to parse node selector`);
  return matchesAnyTerm(place.nodeSelector, node);
}

/** Every term would be accepted by the API. */
export function isReadable(terms: readonly NodeSelectorTerm[]): boolean {
  return terms.every(isValidTerm);
}

function isRelevant(slice: ResourceSliceObject, node: PoolNode): boolean | AllocationFault {
  const named = slice.nodeName !== undefined && slice.nodeName !== '';
  if (named || slice.allNodes || slice.nodeSelector !== undefined) {
    return placeMatches(
      slice,
      node,
      `gather pool information: failed to perform node selection for slice ${slice.name}`,
    );
  }
  if (!slice.perDeviceNodeSelection) return false;
  for (const device of slice.devices) {
    const what = `gather pool information: failed to perform node selection for device ${device.name} in slice ${slice.name}`;
    const matches = placeMatches(device, node, what);
    if (matches !== false) return matches;
  }
  return false;
}

function addNewest(found: Map<string, ResourceSliceObject[]>, slice: ResourceSliceObject): void {
  const key = poolKey(slice);
  const known = found.get(key);
  const generation = known?.[0]?.generation ?? slice.generation;
  if (known === undefined || slice.generation > generation) found.set(key, [slice]);
  else if (slice.generation === generation) known.push(slice);
}

/** undefined: a newer generation is on its way, so nothing of the pool counts. */
function completePool(slices: readonly ResourceSliceObject[], index: SliceIndex): DevicePool | undefined {
  const [first] = slices;
  if (first === undefined) return undefined;
  if (slices.length === first.sliceCount) return buildPool(first, slices, []);
  const all = index.poolSlices(first);
  if (all.some((one) => one.generation > first.generation)) return undefined;
  const current = all.filter((one) => one.generation === first.generation && !one.compatibilityGroups);
  if (current.length !== first.sliceCount) return emptyPool(first, 'incomplete');
  const names = new Set(slices.map((one) => one.name));
  return buildPool(first, slices, slices.length < current.length ? current.filter((one) => !names.has(one.name)) : []);
}

function buildPool(
  first: ResourceSliceObject,
  slices: readonly ResourceSliceObject[],
  others: readonly ResourceSliceObject[],
): DevicePool {
  const counterSlices = [...slices, ...others].filter((one) => one.sharedCounters.length > 0);
  const withDevices = slices
    .filter((one) => one.sharedCounters.length === 0)
    .sort((left, right) => compare(left.name, right.name));
  const otherSlices = others.filter((one) => one.sharedCounters.length === 0);
  const counters = countersOf(counterSlices);
  const names = withDevices.flatMap((one) => one.devices.map((device) => device.name));
  const valid =
    new Set(names).size === names.length &&
    counters !== undefined &&
    [...withDevices, ...otherSlices].every((slice) => consumesKnown(slice, counters));
  if (!valid) return emptyPool(first, 'invalid');
  return { driver: first.driver, name: first.pool, state: 'usable', slices: withDevices, otherSlices, counters };
}

/** undefined: two sets have the same name. */
function countersOf(slices: readonly ResourceSliceObject[]): Map<string, Map<string, bigint>> | undefined {
  const sets = new Map<string, Map<string, bigint>>();
  for (const slice of slices) {
    for (const { name, counters } of slice.sharedCounters) {
      if (sets.has(name)) return undefined;
      sets.set(name, new Map([...counters].map(([counter, { nanos }]) => [counter, nanos])));
    }
  }
  return sets;
}

function consumesKnown(slice: ResourceSliceObject, sets: ReadonlyMap<string, ReadonlyMap<string, bigint>>): boolean {
  return slice.devices.every((device) =>
    device.consumesCounters.every(({ counterSet, counters }) => {
      const set = sets.get(counterSet);
      return set !== undefined && [...counters.keys()].every((name) => set.has(name));
    }),
  );
}

function emptyPool({ driver, pool }: ResourceSliceObject, state: 'incomplete' | 'invalid'): DevicePool {
  return { driver, name: pool, state, slices: [], otherSlices: [], counters: new Map() };
}

function bindsInSteps(pool: DevicePool): boolean {
  return pool.slices.some((slice) => slice.devices.some((device) => device.hasBindingConditions));
}

function poolKey({ driver, pool }: ResourceSliceObject): string {
  return `${driver}/${pool}`;
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
