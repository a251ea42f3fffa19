// A selector is a CEL expression over one device:
//  - device.driver, and device.allowMultipleAllocations (false when unset);
//  - device.attributes[domain].name and device.capacity[domain].name; a name without a domain is in the driver's own. A domain
//    of which the device has nothing is an empty map to whoever asks for it, and yet not `in` the map of domains;
//  - quantity(text) and semver(text), with compareTo, isGreaterThan, isLessThan and asInteger.
// It must give a boolean. One that does not compile, or that asks for a name that the device does not have, is an error.
// The library evaluates; what it cannot be told is rewritten before: has(e.name) is `"name" in e`.
import { Environment, EvaluationError, type Optional } from '@marcbachmann/cel-js';
import { nanosOf } from './quantity.ts';
import { looseVersion, type SemanticVersion, semanticVersion, versionOrder } from './semantic-version.ts';
import type { V1Device } from './v1-devices.ts';
import { mapOf } from './world.ts';

const BILLION = 1_000_000_000n;
const KNOWN_CALLS = new Set(
  (
    'has startsWith endsWith contains matches find compareTo isGreaterThan isLessThan asInteger quantity semver exists ' +
    'all filter size of orValue double bind upperAscii lowerAscii'
  ).split(' '),
);

let environment: Environment | undefined;

/** true or false, or the beginning of what the scheduler says instead. */
export type SelectorAnswer = boolean | 'CEL compile error: …' | 'CEL runtime error: …';

/** Whether the twin knows everything that the expression calls. */
export function isKnownSelector(expression: string): boolean {
  const bare = expression.replaceAll(/"[^"]*"/g, '""');
  const calls = [...bare.matchAll(/([A-Za-z_]\w*)\s*\(/g)].map(([, name]) => name ?? '');
  return !/['\\]/.test(bare) && calls.every((name) => KNOWN_CALLS.has(name)) && !/\bhas\(/.test(rewritten(bare));
}

export function deviceAnswer(expression: string, device: V1Device, driver: string): SelectorAnswer {
  let run: ReturnType<Environment['parse']>;
  try {
    environment ??= makeEnvironment();
    run = environment.parse(rewritten(expression));
    const { valid, type } = run.check();
    if (!valid || (type !== 'bool' && type !== 'dyn')) return 'CEL compile error: …';
  } catch {
    return 'CEL compile error: …';
  }
  try {
    const answer: unknown = run({ device: new DeviceValue(device, driver) });
    return typeof answer === 'boolean' ? answer : 'CEL runtime error: …';
  } catch (error) {
    if (error instanceof EvaluationError) return 'CEL runtime error: …';
    throw error;
  }
}

function rewritten(expression: string): string {
  return expression
    .replaceAll(/\bhas\(([^()]*)\.(\w+)\)/g, '("$2" in $1)')
    .replaceAll(/\bin device\.(attributes|capacity)(?![\w.[])/g, 'in device.$1There');
}

class QuantityValue {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

class VersionValue {
  readonly version: SemanticVersion;

  constructor(version: SemanticVersion) {
    this.version = version;
  }
}

class Sets {
  readonly name = 'sets';
}

type Domains = Map<string, Map<string, unknown>>;

class DeviceValue {
  readonly driver: string;
  readonly allowMultipleAllocations: boolean;
  readonly attributes: Domains;
  readonly attributesThere: Domains;
  readonly capacity: Domains;
  readonly capacityThere: Domains;

  constructor(device: V1Device, driver: string) {
    this.driver = driver;
    this.allowMultipleAllocations = device.allowMultipleAllocations ?? false;
    this.attributesThere = byDomain(mapOf(device.attributes), driver, ({ string, int, bool, version }) => {
      if (typeof version === 'string') return versionValue(semanticVersion(version));
      const value = string ?? (typeof int === 'number' ? BigInt(int) : bool);
      return value ?? fail('unsupported attribute value');
    });
    this.capacityThere = byDomain(mapOf(device.capacity), driver, ({ value }) => quantityValue(String(value)));
    this.attributes = emptyWhereMissing(this.attributesThere);
    this.capacity = emptyWhereMissing(this.capacityThere);
  }
}

function byDomain<T>(values: ReadonlyMap<string, T>, driver: string, read: (value: T) => unknown): Domains {
  const domains: Domains = new Map();
  for (const [name, value] of values) {
    const [domain, own] = name.includes('/') ? name.split('/') : [driver, name];
    const names = domains.get(domain ?? '') ?? new Map<string, unknown>();
    domains.set(domain ?? '', names.set(own ?? '', read(value)));
  }
  return domains;
}

function emptyWhereMissing(domains: Domains): Domains {
  return Object.assign(new Map(domains), { get: (domain: string) => domains.get(domain) ?? new Map() });
}

function quantityValue(text: string): QuantityValue {
  return new QuantityValue(nanosOf(text) ?? fail('not a quantity'));
}

function versionValue(version: SemanticVersion | undefined): VersionValue {
  return new VersionValue(version ?? fail('not a version'));
}

function fail(message: string): never {
  throw new EvaluationError({ code: 'device', message });
}

function makeEnvironment(): Environment {
  const domains = 'map<string, map<string, dyn>>';
  const amounts = 'map<string, map<string, Quantity>>';
  const made = new Environment({ enableOptionalTypes: true })
    .registerType('Quantity', { ctor: QuantityValue, fields: {} })
    .registerType('Semver', { ctor: VersionValue, fields: {} })
    .registerType('Sets', { ctor: Sets, fields: {} })
    .registerType('Device', {
      ctor: DeviceValue,
      fields: {
        driver: 'string',
        allowMultipleAllocations: 'bool',
        attributes: domains,
        attributesThere: domains,
        capacity: amounts,
        capacityThere: amounts,
      },
    })
    .registerVariable('device', 'Device')
    .registerConstant('sets', 'Sets', new Sets())
    .registerFunction('Sets.contains(list, list): bool', (_: unknown, all: readonly unknown[], some: unknown[]) =>
      some.every((one) => all.includes(one)),
    )
    .registerFunction('string.find(string): string', (text: string, pattern: string) => {
      return new RegExp(pattern, 'v').exec(text)?.[0] ?? '';
    })
    .registerOperator('optional == optional', (one: Optional, other: Optional) =>
      one.hasValue() && other.hasValue() ? one.value() === other.value() : one.hasValue() === other.hasValue(),
    )
    .registerFunction('quantity(string): Quantity', quantityValue)
    .registerFunction('semver(string): Semver', (text: string) => versionValue(semanticVersion(text)))
    .registerFunction('semver(string, bool): Semver', (text: string, loose: boolean) =>
      versionValue(loose ? looseVersion(text) : semanticVersion(text)),
    )
    .registerFunction('Quantity.asInteger(): int', ({ nanos }: QuantityValue) =>
      nanos % BILLION === 0n ? nanos / BILLION : fail('not an integer'),
    );
  addOrder(made, 'Quantity', (one: QuantityValue, other: QuantityValue) =>
    one.nanos === other.nanos ? 0 : one.nanos < other.nanos ? -1 : 1,
  );
  addOrder(made, 'Semver', (one: VersionValue, other: VersionValue) => versionOrder(one.version, other.version));
  return made;
}

function addOrder<T>(environment: Environment, type: string, order: (one: T, other: T) => number): void {
  environment
    .registerFunction(`${type}.compareTo(${type}): int`, (one: T, other: T) => BigInt(Math.sign(order(one, other))))
    .registerFunction(`${type}.isGreaterThan(${type}): bool`, (one: T, other: T) => order(one, other) > 0)
    .registerFunction(`${type}.isLessThan(${type}): bool`, (one: T, other: T) => order(one, other) < 0)
    .registerOperator(`${type} == ${type}`, (one: T, other: T) => order(one, other) === 0);
}
