// The environment of device selectors: CEL by the library @marcbachmann/cel-js, with what Kubernetes adds (quantities,
// versions, the device) and with RE2 by re2js, because a tenant's pattern must not take exponential time.
// Source: dynamic-resource-allocation/cel/compile.go and apiserver cel/library, v0.37. A domain without attributes is an
// empty map, not an error.
import { type ASTNode, Environment, EvaluationError } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { addAmounts, type Amount, parseAmount } from '../../cluster/quantity.ts';
import { compareVersions, parseLooseVersion, parseVersion, type Version } from './version.ts';

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

const NANOS_PER_UNIT = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const QUANTITY_WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
/** Deeper nesting than any selector needs, and far from the end of the stack. */
const DEPTH_MAX = 100;

let made: Environment | undefined;

/** Made once: it holds nothing of any expression. */
export function deviceEnvironment(): Environment {
  made ??= makeEnvironment();
  return made;
}

/** Whether the pattern is found in the text. Throws an EvaluationError on a pattern that is none. */
export function patternMatches(text: string, pattern: string): boolean {
  return compilePattern(pattern).matcher(text).find();
}

/** What is wrong with a pattern; undefined: nothing. */
export function patternFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw fault('invalid_pattern', error instanceof Error ? error.message : String(error));
  }
}

function makeEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, limits: { maxDepth: DEPTH_MAX } })
    .registerType('Quantity', { ctor: QuantityValue, fields: {} })
    .registerType('Semver', { ctor: VersionValue, fields: {} })
    .registerType('Device', {
      ctor: DeviceValue,
      fields: {
        driver: 'string',
        attributes: 'map<string, map<string, dyn>>',
        capacity: 'map<string, map<string, Quantity>>',
        allowMultipleAllocations: 'bool',
        [ATTRIBUTE_DOMAINS]: 'map<string, map<string, dyn>>',
        [CAPACITY_DOMAINS]: 'map<string, map<string, Quantity>>',
      },
    })
    .registerVariable('device', 'Device');
  addQuantities(environment);
  addVersions(environment);
  addTexts(environment);
  addLists(environment);
  addPresence(environment);
  return environment;
}

function addQuantities(environment: Environment): void {
  const order = (left: QuantityValue, right: QuantityValue): number =>
    left.amount.nanos === right.amount.nanos ? 0 : left.amount.nanos < right.amount.nanos ? -1 : 1;
  environment
    .registerFunction('quantity(string): Quantity', (text: string) => {
      const amount = parseAmount(text);
      if (amount === undefined || text !== text.trim()) throw fault('invalid_quantity', QUANTITY_WORDS);
      return new QuantityValue(amount);
    })
    .registerFunction('isQuantity(string): bool', (text: string) => parseAmount(text) !== undefined)
    .registerFunction('sign(Quantity): int', ({ amount }: QuantityValue) =>
      amount.nanos === 0n ? 0n : amount.nanos < 0n ? -1n : 1n,
    )
    .registerFunction('Quantity.isInteger(): bool', (one: QuantityValue) => integerOf(one.amount) !== undefined)
    .registerFunction('Quantity.asInteger(): int', (one: QuantityValue) => {
      const whole = integerOf(one.amount);
      if (whole === undefined) throw fault('not_an_integer', 'cannot convert value to integer');
      return whole;
    })
    .registerFunction('Quantity.asApproximateFloat(): double', (one: QuantityValue) => Number(one.amount.nanos) / 1e9)
    .registerFunction('Quantity.compareTo(Quantity): int', (one: QuantityValue, other: QuantityValue) =>
      BigInt(order(one, other)),
    )
    .registerFunction(
      'Quantity.isGreaterThan(Quantity): bool',
      (one: QuantityValue, other: QuantityValue) => order(one, other) > 0,
    )
    .registerFunction(
      'Quantity.isLessThan(Quantity): bool',
      (one: QuantityValue, other: QuantityValue) => order(one, other) < 0,
    )
    .registerFunction('Quantity.add(Quantity): Quantity', (one: QuantityValue, other: QuantityValue) =>
      sum(one, other.amount),
    )
    .registerFunction('Quantity.sub(Quantity): Quantity', (one: QuantityValue, other: QuantityValue) =>
      sum(one, negative(other.amount)),
    )
    .registerFunction('Quantity.add(int): Quantity', (one: QuantityValue, other: bigint) => sum(one, units(other)))
    .registerFunction('Quantity.sub(int): Quantity', (one: QuantityValue, other: bigint) => sum(one, units(-other)))
    .registerOperator('Quantity == Quantity', (one: QuantityValue, other: QuantityValue) => order(one, other) === 0);
}

function addVersions(environment: Environment): void {
  const made = (parsed: ReturnType<typeof parseVersion>): VersionValue => {
    if ('fault' in parsed) throw fault('invalid_version', parsed.fault);
    return new VersionValue(parsed);
  };
  const order = (one: VersionValue, other: VersionValue): number => compareVersions(one.version, other.version);
  environment
    .registerFunction('semver(string): Semver', (text: string) => made(parseVersion(text)))
    .registerFunction('semver(string, bool): Semver', (text: string, loose: boolean) =>
      made(loose ? parseLooseVersion(text) : parseVersion(text)),
    )
    .registerFunction('isSemver(string): bool', (text: string) => !('fault' in parseVersion(text)))
    .registerFunction(
      'isSemver(string, bool): bool',
      (text: string, loose: boolean) => !('fault' in (loose ? parseLooseVersion(text) : parseVersion(text))),
    )
    .registerFunction('Semver.compareTo(Semver): int', (one: VersionValue, other: VersionValue) =>
      BigInt(order(one, other)),
    )
    .registerFunction(
      'Semver.isGreaterThan(Semver): bool',
      (one: VersionValue, other: VersionValue) => order(one, other) > 0,
    )
    .registerFunction(
      'Semver.isLessThan(Semver): bool',
      (one: VersionValue, other: VersionValue) => order(one, other) < 0,
    )
    .registerFunction('Semver.major(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.major))
    .registerFunction('Semver.minor(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.minor))
    .registerFunction('Semver.patch(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.patch))
    .registerOperator('Semver == Semver', (one: VersionValue, other: VersionValue) => order(one, other) === 0);
}

function addTexts(environment: Environment): void {
  environment
    .registerFunction(`string.${MATCHES}(string): bool`, patternMatches)
    .registerFunction(`${MATCHES}(string, string): bool`, patternMatches)
    .registerFunction('string.find(string): string', (text: string, pattern: string) => {
      const matcher = compilePattern(pattern).matcher(text);
      return matcher.find() ? (matcher.group() ?? '') : '';
    })
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
      if (at < 0n || at > BigInt(text.length)) throw fault('index_out_of_range', `index out of range: ${at}`);
      return text.charAt(Number(at));
    })
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    );
}

type Item = string | bigint | number | boolean;

function addLists(environment: Environment): void {
  const includesAll = (list: readonly unknown[], wanted: readonly unknown[]): boolean =>
    wanted.every((one) => list.includes(one));
  const least = (list: readonly Item[], sign: 1 | -1): Item => {
    const [first, ...rest] = list;
    if (first === undefined) throw fault('empty_list', `${sign === 1 ? 'min' : 'max'} called on empty list`);
    return rest.reduce((best, one) => ((sign === 1 ? one < best : one > best) ? one : best), first);
  };
  environment
    .registerType('SetsNamespace', { ctor: SetsNamespace, fields: {} })
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list, list): bool', (_: unknown, list: unknown[], wanted: unknown[]) =>
      includesAll(list, wanted),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list, list): bool',
      (_: unknown, one: unknown[], other: unknown[]) => includesAll(one, other) && includesAll(other, one),
    )
    .registerFunction('SetsNamespace.intersects(list, list): bool', (_: unknown, one: unknown[], other: unknown[]) =>
      one.some((item) => other.includes(item)),
    )
    .registerFunction('list.min(): dyn', (list: Item[]) => least(list, 1))
    .registerFunction('list.max(): dyn', (list: Item[]) => least(list, -1))
    .registerFunction('list.isSorted(): bool', (list: Item[]) =>
      list.every((one, at) => at === 0 || !(one < (list[at - 1] ?? one))),
    )
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], one: unknown) => BigInt(list.indexOf(one)))
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], one: unknown) => BigInt(list.lastIndexOf(one)));
}

/** Only to hang functions on, as the library does with `cel`. */
class SetsNamespace {
  readonly name = 'sets';
}

/** `has(e.f)`: the library's own does not take maps by key below. Missing domains are empty, so nothing of them is there. */
function addPresence(environment: Environment): void {
  environment.registerFunction(`${PRESENCE}(ast): bool`, ({ args }: { readonly args: readonly ASTNode[] }) => {
    const [node] = args;
    return {
      typeCheck(checker: Checker, _macro: unknown, context: unknown): unknown {
        if (node === undefined || node.op !== '.')
          throw fault('invalid_macro_argument', 'invalid argument to has() macro');
        checker.check(node.args[0], context);
        return checker.getType('bool');
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: unknown): boolean {
        if (node === undefined || node.op !== '.') return false;
        const holder = evaluator.run(node.args[0], context);
        if (holder instanceof Map) return holder.get(node.args[1]) !== undefined;
        if (holder instanceof DeviceValue) return Object.hasOwn(holder, node.args[1]);
        if (isPlain(holder)) return Object.hasOwn(holder, node.args[1]);
        throw fault('no_such_overload', 'no such overload');
      },
    };
  });
}

interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(code: string, message: string): EvaluationError {
  return new EvaluationError({ code, message });
}

/** As an int64, when Go would say that it is one. */
function integerOf({ nanos, exponent }: Amount): bigint | undefined {
  if (exponent === undefined || exponent < 0) return undefined;
  const whole = nanos / NANOS_PER_UNIT;
  return whole <= INT64_MAX && whole >= -INT64_MAX ? whole : undefined;
}

function sum(one: QuantityValue, other: Amount): QuantityValue {
  return new QuantityValue(addAmounts(one.amount, other));
}

function negative({ nanos, exponent }: Amount): Amount {
  return { nanos: -nanos, exponent };
}

function units(whole: bigint): Amount {
  return { nanos: whole * NANOS_PER_UNIT, exponent: 0 };
}
