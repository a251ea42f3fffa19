// Capacity of devices that several claims may share: what a request takes of it, and whether that is still there.
// Source: structured/internal/incubating/consumable_capacity.go, v0.37.1, with DRAFractionalCapacityRange off (its default
// where the version of compatibility is the one before): steps are whole units. Amounts are billionths (quantity.ts).
import type { CapacityPolicy, DeviceCapacity } from '../../cluster/device-objects.ts';
import { type Amount, toUnits } from '../../cluster/quantity.ts';

/** Capacity by name. */
export type Consumed = ReadonlyMap<string, bigint>;

/** A text: an error that ends the search. */
export type CapacityAnswer = boolean | { readonly error: string };

const NANOS_PER_UNIT = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const NOT_REPRESENTABLE = "capacity request cannot be represented in the device's range arithmetic";

/** Whether the request can be added to what is taken already. */
export function hasCapacity(of: {
  readonly capacity: ReadonlyMap<string, DeviceCapacity>;
  readonly requests: ReadonlyMap<string, Amount>;
  readonly taken: readonly (Consumed | undefined)[];
}): CapacityAnswer {
  const { capacity, requests, taken } = of;
  for (const name of requests.keys()) if (!capacity.has(name)) return false;
  const consumed = consumedBy(capacity, requests);
  if ('error' in consumed) return consumed;
  for (const [name, { value, policy }] of capacity) {
    const amount = consumed.of.get(name);
    if (amount === undefined || violates(amount, policy)) return false;
    let total = amount.nanos;
    for (const some of taken) total += some?.get(name) ?? 0n;
    if (total > value.nanos) return false;
  }
  return true;
}

/** What the request takes of each capacity: as asked and rounded up by the policy, else its default, else all. */
export function consumedBy(
  capacity: ReadonlyMap<string, DeviceCapacity>,
  requests: ReadonlyMap<string, Amount>,
): { readonly of: ReadonlyMap<string, Amount> } | { readonly error: string } {
  const of = new Map<string, Amount>();
  for (const [name, one] of capacity) {
    const amount = roundedUp(requests.get(name), one);
    if (typeof amount === 'string') return { error: `capacity "${name}": ${amount}` };
    if (amount.nanos < 0n) return { error: `capacity "${name}": capacity value is negative` };
    of.set(name, amount);
  }
  return { of };
}

function roundedUp(asked: Amount | undefined, { value, policy }: DeviceCapacity): Amount | string {
  if (asked === undefined) return policy?.default ?? value;
  const range = policy?.validRange;
  if (range?.min !== undefined) return roundedToStep(asked, { min: range.min, step: range.step });
  const valid = policy?.validValues ?? [];
  return valid.find((one) => asked.nanos <= one.nanos) ?? asked;
}

function roundedToStep(
  asked: Amount,
  range: { readonly min: Amount; readonly step: Amount | undefined },
): Amount | string {
  if (asked.nanos < range.min.nanos) return range.min;
  if (range.step === undefined) return asked;
  if (asked.nanos > INT64_MAX * NANOS_PER_UNIT) return `${NOT_REPRESENTABLE}: request exceeds MaxInt64`;
  const [step, min] = [toUnits(range.step), toUnits(range.min)];
  if (step === 0n) return `${NOT_REPRESENTABLE}: a step of nothing`;
  const added = toUnits(asked) - min;
  const steps = added / step + (added % step === 0n ? 0n : 1n);
  if (min >= 0n && steps > (INT64_MAX - min) / step) {
    return `${NOT_REPRESENTABLE}: rounding the request up to the next step passes MaxInt64`;
  }
  return { nanos: (min + step * steps) * NANOS_PER_UNIT, exponent: 0 };
}

function violates(amount: Amount, policy: CapacityPolicy | undefined): boolean {
  if (policy === undefined) return false;
  const standard = policy.default;
  if (standard !== undefined && amount.nanos === standard.nanos && amount.exponent === standard.exponent) return false;
  const { validRange: range, validValues } = policy;
  if (range !== undefined) {
    if (range.max !== undefined && amount.nanos > range.max.nanos) return true;
    if (range.step === undefined) return false;
    const step = toUnits(range.step);
    return step === 0n || (toUnits(amount) - (range.min === undefined ? 0n : toUnits(range.min))) % step !== 0n;
  }
  return validValues.length > 0 && validValues.every((one) => one.nanos !== amount.nanos);
}
