// Values of device selectors that CEL itself does not have: quantities, versions, the device. And the names under which the
// library knows what is ours.
import type { Amount } from '../../cluster/quantity.ts';
import type { Version } from './version.ts';

/** `has` and `matches` of the library cannot be replaced, so selectors are read with these names instead. */
export const PRESENCE = '__presence';
export const MATCHES = '__matches';
export const ATTRIBUTE_DOMAINS = '__attributeDomains';
export const CAPACITY_DOMAINS = '__capacityDomains';

/** A Kubernetes quantity as a value of CEL. */
export class QuantityValue {
  readonly amount: Amount;

  constructor(amount: Amount) {
    this.amount = amount;
  }
}

/** A version as a value of CEL. */
export class VersionValue {
  readonly version: Version;

  constructor(version: Version) {
    this.version = version;
  }
}

type Domains<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

/** The variable `device`. Any domain may be asked for its attributes; which there are, the fields of the second names say. */
export class DeviceValue {
  readonly driver: string;
  readonly attributes: Domains<unknown>;
  readonly capacity: Domains<QuantityValue>;
  readonly allowMultipleAllocations: boolean;
  readonly [ATTRIBUTE_DOMAINS]: Domains<unknown>;
  readonly [CAPACITY_DOMAINS]: Domains<QuantityValue>;

  constructor(of: Pick<DeviceValue, 'driver' | 'attributes' | 'capacity' | 'allowMultipleAllocations'>) {
    this.driver = of.driver;
    this.attributes = withEmptyDomains(of.attributes);
    this.capacity = withEmptyDomains(of.capacity);
    this.allowMultipleAllocations = of.allowMultipleAllocations;
    this[ATTRIBUTE_DOMAINS] = of.attributes;
    this[CAPACITY_DOMAINS] = of.capacity;
  }
}

/** A map that has no entry for a domain gives an empty one. The library asks for true Maps, so it is not a class of ours. */
function withEmptyDomains<T>(domains: Domains<T>): Domains<T> {
  const empty = new Map<string, T>();
  const all = new Map(domains);
  return Object.assign(all, { get: (domain: string) => Map.prototype.get.call(all, domain) ?? empty });
}
