// What devices have to give, beside themselves.
//
// Capacity. A request may ask for amounts; what it asks for must be there by that name. A device that many may share
// (allowMultipleAllocations) is then charged for every capacity it has: what was asked, made to fit its policy (up to the
// range's minimum and the next step from there, or the next of the valid values), or else the default, or else all of it. The
// amount must keep to the policy, and together with what others were charged it must not exceed the capacity. A device that is
// had alone is held to the same rule, with nobody before.
//
// Counters. Devices that overlap (partitions of one card) take from counters of their pool: what the allocated devices of the
// pool and the ones chosen so far take together is within what the pool has, of every counter. A shared device takes once.
import { nanosOf } from './quantity.ts';
import type { PooledDevice } from './device-pools.ts';
import { devicesOf } from './device-pools.ts';
import type { V1Counters, V1DeviceCapacity, V1DeviceResult, V1ExactRequest } from './v1-devices.ts';
import { mapOf } from './world.ts';

type Asked = V1ExactRequest['capacity'];

/** Name → billionths that the request would be charged; undefined: the device cannot give what is asked. `charged`: what
 *  others have of the device. */
export function chargeOf(
  { device }: PooledDevice,
  asked: Asked,
  charged: readonly ReadonlyMap<string, bigint>[],
): ReadonlyMap<string, bigint> | undefined {
  const capacity = mapOf(device.capacity);
  const wanted = mapOf(asked?.requests);
  if ([...wanted.keys()].some((name) => !capacity.has(name))) return undefined;
  const charge = new Map<string, bigint>();
  for (const [name, one] of capacity) {
    const text = wanted.get(name);
    const amount = fitted(one, text);
    const isDefault = text === undefined && isGiven(one.requestPolicy?.default);
    if (!isDefault && !keepsPolicy(one, amount)) return undefined;
    const before = charged.reduce((sum, other) => sum + (other.get(name) ?? 0n), 0n);
    if (before + amount > nanos(one.value)) return undefined;
    charge.set(name, amount);
  }
  return charge;
}

function fitted({ value, requestPolicy: policy }: V1DeviceCapacity, asked: string | number | undefined): bigint {
  if (asked === undefined) return nanos(policy?.default ?? value);
  const amount = nanos(asked);
  const { min, step } = policy?.validRange ?? {};
  if (isGiven(min)) {
    const least = nanos(min);
    if (amount < least || !isGiven(step)) return amount < least ? least : amount;
    const size = nanos(step);
    return least + ((amount - least + size - 1n) / size) * size;
  }
  return (policy?.validValues ?? []).map(nanos).find((valid) => amount <= valid) ?? amount;
}

function keepsPolicy({ requestPolicy: policy }: V1DeviceCapacity, amount: bigint): boolean {
  if (policy?.validRange) {
    const { max, min, step } = policy.validRange;
    if (isGiven(max) && amount > nanos(max)) return false;
    return !isGiven(step) || (amount - nanos(min)) % nanos(step) === 0n;
  }
  const valid = policy?.validValues ?? [];
  return valid.length === 0 || valid.map(nanos).includes(amount);
}

/** What allocated claims were charged of a shared device. */
export function recordedCharges(results: readonly V1DeviceResult[]): readonly ReadonlyMap<string, bigint>[] {
  return results.map(
    ({ consumedCapacity }) => new Map([...mapOf(consumedCapacity)].map(([name, amount]) => [name, nanos(amount)])),
  );
}

/** `taken`: ids of devices that claims have; `chosen`: devices on top of them, each once. */
export function countersSuffice(
  { pool }: PooledDevice,
  taken: ReadonlySet<string>,
  chosen: readonly PooledDevice[],
): boolean {
  const allocated = [...pool.slices, ...pool.otherSlices]
    .flatMap(devicesOf)
    .filter(({ name }) => taken.has(`${pool.driver}/${pool.name}/${name ?? ''}`));
  const all = [...allocated, ...chosen.filter((one) => one.pool === pool).map(({ device }) => device)];
  const consumed = all.flatMap((device) => device.consumesCounters ?? []);
  return pool.counterSets.every((set) =>
    [...mapOf(set.counters)].every(([name, { value }]) => {
      const takers = consumed.filter(({ counterSet }) => counterSet === set.name);
      const sum = takers.reduce((total, { counters }) => total + counterOf(counters, name), 0n);
      return sum <= nanos(value);
    }),
  );
}

function counterOf(counters: V1Counters, name: string): bigint {
  const counter = mapOf(counters).get(name);
  return counter === undefined ? 0n : nanos(counter.value);
}

function isGiven(value: string | number | null | undefined): value is string | number {
  return value !== undefined && value !== null;
}

function nanos(value: string | number | null | undefined): bigint {
  return nanosOf(value ?? 0) ?? 0n;
}
