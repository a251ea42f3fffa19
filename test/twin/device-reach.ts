// What of DynamicResources the twin does not speak of. Told beforehand, from the objects alone; README.md lists it.
import { isKnownSelector } from './device-selectors.ts';
import { claimsOf } from './dynamic-resources.ts';
import { isOrdinary } from './quantity.ts';
import type { V1ExactRequest, V1ResourceClaim } from './v1-devices.ts';
import type { V1Objects, V1Pod } from './v1.ts';
import { mapOf, type World, worldOf } from './world.ts';

/** The scheduler gives up on claims with more: how it does so depends on the order of its search. */
const CLAIM_DEVICES_MAX = 32;
const CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';
const MAPS = ['attributes', 'capacity', 'counters'];
const ATTRIBUTE_TYPES = ['string', 'int', 'bool', 'version'];

export function devicesBeyondTwin(pod: V1Pod, objects: V1Objects): boolean {
  if (isServedByClass(pod, objects)) return true;
  if ((pod.spec.resourceClaims ?? []).length === 0) return false;
  if ([objects.resourceSlices, objects.resourceClaims, objects.deviceClasses].some(hasNullEntry)) return true;
  const world = worldOf(objects);
  return !claimsOf(pod, world).every((claim) => isPlainClaim(claim, world)) || !arePlainDevices(world);
}

/** A list with null in it, or null in place of an attribute or amount: no API server stores these. */
function hasNullEntry(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((one) => one === null || hasNullEntry(one));
  return Object.entries(value).some(([key, one]: [string, unknown]) => {
    const entries = MAPS.includes(key) && typeof one === 'object' && one !== null ? Object.values(one) : [];
    return entries.includes(null) || hasNullEntry(one);
  });
}

/** Extended resources that a class serves become requests for devices, container by container. */
function isServedByClass(pod: V1Pod, objects: V1Objects): boolean {
  const served = new Set((objects.deviceClasses ?? []).map(({ spec }) => spec?.extendedResourceName));
  const { containers, initContainers, overhead, resources } = pod.spec;
  const lists = [...(containers ?? []), ...(initContainers ?? []), { resources }].map((one) => one.resources?.requests);
  const names = [...lists, overhead].flatMap((list) => [...mapOf(list).keys()]);
  return names.some((name) => served.has(name) || name.startsWith(CLASS_PREFIX));
}

function isPlainClaim({ spec, status }: V1ResourceClaim, world: World): boolean {
  const results = status?.allocation?.devices?.results ?? [];
  // Such a claim becomes available with the conditions of its devices and with time.
  if (results.some(({ bindingConditions }) => (bindingConditions ?? []).length > 0)) return false;
  const requests = spec?.devices?.requests ?? [];
  const devices = world.resourceSlices.flatMap((slice) => slice.spec?.devices ?? []).length;
  const count = ({ allocationMode, count: exact }: V1ExactRequest): number =>
    allocationMode === 'All' ? devices : (exact ?? 0);
  const most = requests.map(({ exactly, firstAvailable }) =>
    Math.max(0, ...[exactly ?? {}, ...(firstAvailable ?? [])].map(count)),
  );
  if (most.reduce((sum, one) => sum + one, 0) > CLAIM_DEVICES_MAX) return false;
  return requests
    .flatMap(({ exactly, firstAvailable }) => [exactly ?? {}, ...(firstAvailable ?? [])])
    .flatMap((one) => [
      ...(one.selectors ?? []),
      ...(world.deviceClasses.get(one.deviceClassName ?? '')?.spec?.selectors ?? []),
    ])
    .every(({ cel }) => isKnownSelector(cel?.expression ?? ''));
}

/** No list as an attribute, no groups, no amounts that are none, no two slices of one name. */
function arePlainDevices({ resourceSlices }: World): boolean {
  const devices = resourceSlices.flatMap((slice) => slice.spec?.devices ?? []);
  const counters = [
    ...resourceSlices.flatMap((slice) => slice.spec?.sharedCounters ?? []),
    ...devices.flatMap((device) => device.consumesCounters ?? []),
  ].flatMap((one) => [...mapOf(one.counters).values()].map(({ value }) => value));
  const capacities = devices.flatMap((device) => [...mapOf(device.capacity).values()]);
  const policies = capacities.flatMap(({ requestPolicy: policy }) => [
    policy?.default,
    ...(policy?.validValues ?? []),
    ...Object.values(policy?.validRange ?? {}),
  ]);
  const given = policies.filter((one) => one !== undefined && one !== null);
  const amounts = [...counters, ...capacities.map(({ value }) => value), ...given];
  return (
    amounts.every((one) => (typeof one === 'string' || typeof one === 'number') && isOrdinary(one)) &&
    devices.every((device) => !('compatibilityGroups' in device)) &&
    devices
      .flatMap((device) => [...mapOf(device.attributes).values()])
      .every((attribute) => Object.keys(attribute).every((type) => ATTRIBUTE_TYPES.includes(type)))
  );
}
