// Constraints of a claim, over all devices that it gets: one value of matchAttribute, no value of distinctAttribute twice, and
// every device has the attribute. A constraint may name requests (`r`, or the alternative `r/s`): then it is of those alone.
import type { PooledDevice } from './device-pools.ts';
import type { V1DeviceAttribute, V1DeviceConstraint } from './v1-devices.ts';
import { mapOf } from './world.ts';

/** With the names by which constraints know its request. */
interface ConstrainedDevice extends PooledDevice {
  readonly wanted: { readonly names: readonly string[] };
}

export function constraintHolds(constraint: V1DeviceConstraint, chosen: readonly ConstrainedDevice[]): boolean {
  const only = constraint.requests ?? [];
  const concerned = chosen.filter(
    ({ wanted }) => only.length === 0 || wanted.names.some((name) => only.includes(name)),
  );
  const name = constraint.matchAttribute ?? constraint.distinctAttribute ?? '';
  const values = concerned.map((one) => valueOf(attributeOf(one, name)));
  if (values.includes(undefined)) return false;
  const different = new Set(values).size;
  return constraint.matchAttribute ? different <= 1 : different === values.length;
}

/** By its full name, or by its own when the domain is the driver's. */
function attributeOf({ device, driver }: PooledDevice, name: string): V1DeviceAttribute | undefined {
  const attributes = mapOf(device.attributes);
  const own = name.startsWith(`${driver}/`) ? attributes.get(name.slice(driver.length + 1)) : undefined;
  return attributes.get(name) ?? own;
}

/** Equal for values that are equal and of one type. */
function valueOf(attribute: V1DeviceAttribute | undefined): string | undefined {
  return (
    attribute && JSON.stringify(Object.entries(attribute).find(([, value]) => value !== null && value !== undefined))
  );
}
