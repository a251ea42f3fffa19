// A device as selectors see it: attributes and capacity by domain. Source: DeviceMatches of dynamic-resource-allocation/cel.
import type { Device, DeviceAttribute } from '../../cluster/device-objects.ts';
import { DeviceValue, QuantityValue, VersionValue } from './cel-values.ts';
import { parseVersion } from './version.ts';

/** What selectors see of the device; a text: why they can see nothing. */
export function deviceValue(device: Device, driver: string): DeviceValue | string {
  const attributes = new Map<string, Map<string, unknown>>();
  for (const [name, attribute] of device.attributes) {
    const value = attributeValue(attribute);
    if (typeof value === 'object' && 'fault' in value) return `attribute ${name}: ${value.fault}`;
    put(attributes, { name, driver, value: value.of });
  }
  const capacity = new Map<string, Map<string, QuantityValue>>();
  for (const [name, one] of device.capacity) put(capacity, { name, driver, value: new QuantityValue(one.value) });
  return new DeviceValue({
    driver,
    attributes,
    capacity,
    allowMultipleAllocations: device.allowMultipleAllocations,
  });
}

function put<T>(
  domains: Map<string, Map<string, T>>,
  of: { readonly name: string; readonly driver: string; readonly value: T },
): void {
  const slash = of.name.indexOf('/');
  const domain = slash === -1 ? of.driver : of.name.slice(0, slash);
  const names = domains.get(domain) ?? new Map<string, T>();
  domains.set(domain, names);
  names.set(of.name.slice(slash + 1), of.value);
}

function attributeValue(attribute: DeviceAttribute): { readonly of: unknown } | { readonly fault: string } {
  const version = (text: string): VersionValue | { readonly fault: string } => {
    const parsed = parseVersion(text);
    return 'fault' in parsed ? { fault: `parse semantic version: ${parsed.fault}` } : new VersionValue(parsed);
  };
  if (attribute.kind === 'none') return { fault: 'unsupported attribute value' };
  if (attribute.kind === 'version') {
    const value = version(attribute.value);
    return value instanceof VersionValue ? { of: value } : value;
  }
  if (attribute.kind !== 'versions') return { of: attribute.value };
  const values = attribute.value.map(version);
  const bad = values.find((one) => !(one instanceof VersionValue));
  return bad === undefined || bad instanceof VersionValue ? { of: values } : bad;
}
