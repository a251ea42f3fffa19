// What Kubernetes adds to CEL for device selectors, as functions of the library. Patterns go to re2js, because a tenant's
// pattern must not take exponential time. Source: apiserver cel/library, v0.37.
import { type Environment, EvaluationError, type Optional } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { addAmounts, type Amount, parseAmount } from '../../cluster/quantity.ts';
import { MATCHES, QuantityValue, VersionValue } from './cel-values.ts';
import { statesOf } from './pattern-states.ts';
import { compareVersions, parseLooseVersion, parseVersion } from './version.ts';

/** Steps of one search for a pattern: as many as a whole selector may take. */
const PATTERN_STEPS_MAX = 1_000_000;
const NANOS_PER_UNIT = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const QUANTITY_WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
/** `quantity()` and what quantities can do. */
export function addQuantities(environment: Environment): void {
  const order = (left: QuantityValue, right: QuantityValue): number =>
    left.amount.nanos === right.amount.nanos ? 0 : left.amount.nanos < right.amount.nanos ? -1 : 1;
  environment
    .registerFunction('quantity(string): kubernetes.Quantity', (text: string) => {
      const amount = parseAmount(text);
      if (amount === undefined || text !== text.trim()) throw fault('invalid_quantity', QUANTITY_WORDS);
      return new QuantityValue(amount);
    })
    .registerFunction('isQuantity(string): bool', (text: string) => parseAmount(text) !== undefined)
    .registerFunction('sign(kubernetes.Quantity): int', ({ amount }: QuantityValue) =>
      amount.nanos === 0n ? 0n : amount.nanos < 0n ? -1n : 1n,
    )
    .registerFunction(
      'kubernetes.Quantity.isInteger(): bool',
      (one: QuantityValue) => integerOf(one.amount) !== undefined,
    )
    .registerFunction('kubernetes.Quantity.asInteger(): int', (one: QuantityValue) => {
      const whole = integerOf(one.amount);
      if (whole === undefined) throw fault('not_an_integer', 'cannot convert value to integer');
      return whole;
    })
    .registerFunction(
      'kubernetes.Quantity.asApproximateFloat(): double',
      (one: QuantityValue) => Number(one.amount.nanos) / 1e9,
    )
    .registerFunction(
      'kubernetes.Quantity.compareTo(kubernetes.Quantity): int',
      (one: QuantityValue, other: QuantityValue) => BigInt(order(one, other)),
    )
    .registerFunction(
      'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool',
      (one: QuantityValue, other: QuantityValue) => order(one, other) > 0,
    )
    .registerFunction(
      'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool',
      (one: QuantityValue, other: QuantityValue) => order(one, other) < 0,
    )
    .registerFunction(
      'kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity',
      (one: QuantityValue, other: QuantityValue) => sum(one, other.amount),
    )
    .registerFunction(
      'kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity',
      (one: QuantityValue, other: QuantityValue) => sum(one, negative(other.amount)),
    )
    .registerFunction('kubernetes.Quantity.add(int): kubernetes.Quantity', (one: QuantityValue, other: bigint) =>
      sum(one, units(other)),
    )
    .registerFunction('kubernetes.Quantity.sub(int): kubernetes.Quantity', (one: QuantityValue, other: bigint) =>
      sum(one, units(-other)),
    )
    .registerOperator(
      'kubernetes.Quantity == kubernetes.Quantity',
      (one: QuantityValue, other: QuantityValue) => order(one, other) === 0,
    );
}

/** `semver()` and what versions can do. */
export function addVersions(environment: Environment): void {
  const made = (parsed: ReturnType<typeof parseVersion>): VersionValue => {
    if ('fault' in parsed) throw fault('invalid_version', parsed.fault);
    return new VersionValue(parsed);
  };
  const order = (one: VersionValue, other: VersionValue): number => compareVersions(one.version, other.version);
  environment
    .registerFunction('semver(string): kubernetes.Semver', (text: string) => made(parseVersion(text)))
    .registerFunction('semver(string, bool): kubernetes.Semver', (text: string, loose: boolean) =>
      made(loose ? parseLooseVersion(text) : parseVersion(text)),
    )
    .registerFunction('isSemver(string): bool', (text: string) => !('fault' in parseVersion(text)))
    .registerFunction(
      'isSemver(string, bool): bool',
      (text: string, loose: boolean) => !('fault' in (loose ? parseLooseVersion(text) : parseVersion(text))),
    )
    .registerFunction('kubernetes.Semver.compareTo(kubernetes.Semver): int', (one: VersionValue, other: VersionValue) =>
      BigInt(order(one, other)),
    )
    .registerFunction(
      'kubernetes.Semver.isGreaterThan(kubernetes.Semver): bool',
      (one: VersionValue, other: VersionValue) => order(one, other) > 0,
    )
    .registerFunction(
      'kubernetes.Semver.isLessThan(kubernetes.Semver): bool',
      (one: VersionValue, other: VersionValue) => order(one, other) < 0,
    )
    .registerFunction('kubernetes.Semver.major(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.major))
    .registerFunction('kubernetes.Semver.minor(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.minor))
    .registerFunction('kubernetes.Semver.patch(): int', (one: VersionValue) => BigInt.asIntN(64, one.version.patch))
    .registerOperator(
      'kubernetes.Semver == kubernetes.Semver',
      (one: VersionValue, other: VersionValue) => order(one, other) === 0,
    );
}

/** Functions of texts that the library has not, or has with patterns of JavaScript. */
export function addTexts(environment: Environment): void {
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

/** Functions of lists and sets. */
export function addLists(environment: Environment): void {
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

/** Optional values are compared by what is in them. */
export function addOptionals(environment: Environment): void {
  environment.registerOperator('optional == optional', (one: Optional, other: Optional) => {
    if (!one.hasValue() || !other.hasValue()) return one.hasValue() === other.hasValue();
    return isSame(one.value(), other.value());
  });
}

/** A version that is compared with anything else fails, where other values are just not equal. In either order: the library
 *  does not tell them apart. */
export function addMismatches(environment: Environment): void {
  for (const other of ['string', 'int', 'double', 'bool']) {
    environment.registerOperator(`kubernetes.Semver == ${other}`, () => {
      throw fault('no_such_overload', 'no such overload');
    });
  }
}

/** Whether the pattern is found in the text. Throws an EvaluationError on a pattern that is none. */
export function patternMatches(text: string, pattern: string): boolean {
  const states = statesOf(pattern);
  // One that is written in the selector was reckoned with before; one that an attribute brings was not.
  if (states > 1 && text.length * pattern.length * states > PATTERN_STEPS_MAX) {
    throw new RangeError('its pattern repeats too much');
  }
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

/** Only to hang functions on, as the library does with `cel`. */
class SetsNamespace {
  readonly name = 'sets';
}

function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof VersionValue && other instanceof VersionValue) {
    return compareVersions(one.version, other.version) === 0;
  }
  if (one instanceof QuantityValue && other instanceof QuantityValue) return one.amount.nanos === other.amount.nanos;
  return one === other;
}

/** An error of the evaluation. */
export function fault(code: string, message: string): EvaluationError {
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
