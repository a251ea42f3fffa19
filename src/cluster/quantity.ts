// Kubernetes quantities (500m, 1.5, 128Mi, 2e3), exact to a billionth; finer values round away from zero, as there. Whole
// millicores and units are taken once, at the end, rounded up. What is beyond int64 becomes what Go makes of it: its lowest
// 64 bits, or 0 when it was kept as an int64 and some powers of ten.
// Source: apimachinery pkg/api/resource, v0.37.

/** An exact value and how Go keeps it. */
export interface Amount {
  /** Billionths of the unit. */
  readonly nanos: bigint;
  /** The power of ten whose multiples an int64 counts; undefined: kept with as many digits as it takes. */
  readonly exponent: number | undefined;
}

export const NO_AMOUNT: Amount = { nanos: 0n, exponent: 0 };

const NANO_DIGITS = 9;
const NANOS_PER_UNIT = 1_000_000_000n;
const NANOS_PER_MILLI = 1_000_000n;
const QUANTITY = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,10}))?$/;
/** Longest text that is read; what the API server stores is in canonical form and far below. */
const QUANTITY_LENGTH_MAX = 64;
const INT64_MAX = 2n ** 63n - 1n;
/** Values that planners compare stop here: nothing needs to tell greater ones apart. */
const BEYOND_INT64 = 2n ** 64n;
/** Beyond this exponent every value is far above int64 or below a billionth, however it is written. */
const EXPONENT_MAX = 100;
/** More digits than these and Go does not try an int64 (maxInt64Factors). */
const DECIMAL_DIGITS_MAX = 18;
const BINARY_DIGITS_MAX = 14;

const DECIMAL_EXPONENT: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const BINARY_EXPONENT: ReadonlyMap<string, number> = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
]);
/** An int64 times ten to one of these overflows without a word in Go; with any other power the result is 0. */
const WRAPPING_POWERS: ReadonlySet<number> = new Set([1, 2, 3, 6, 9]);
/** By power of ten from −9 on: the greatest value, in billionths, that an int64 counts in it. */
const INT64_NANOS: readonly bigint[] = Array.from(
  { length: NANO_DIGITS + EXPONENT_MAX + 1 },
  (_, index) => INT64_MAX * 10n ** BigInt(index),
);

/** Texts read before: clusters say the same few again and again. */
const KNOWN = new Map<string, Amount>();
/** At 64 characters each some hundred KiB; real clusters have a few hundred. */
const KNOWN_MAX = 4096;

/** The amount that a text or a number says; undefined when it is no quantity. */
export function parseAmount(text: string | number): Amount | undefined {
  const given = typeof text === 'number' ? String(text) : text;
  const known = KNOWN.get(given);
  if (known !== undefined) return known;
  const amount = readAmount(given.trim());
  if (amount !== undefined && given.length <= QUANTITY_LENGTH_MAX) {
    if (KNOWN.size >= KNOWN_MAX) KNOWN.clear();
    KNOWN.set(given, amount);
  }
  return amount;
}

function readAmount(trimmed: string): Amount | undefined {
  if (trimmed.length > QUANTITY_LENGTH_MAX) return undefined;
  const match = QUANTITY.exec(trimmed);
  if (match === null) return undefined;
  const [, sign, digits = '', fraction = '', suffix, exponentText] = match;
  if (digits === '' && fraction === '' && !trimmed.includes('0')) return undefined;
  const whole = digits === '' ? '0' : digits;
  const binary = suffix === undefined ? undefined : BINARY_EXPONENT.get(suffix);
  if (binary !== undefined) return binaryAmount({ whole, fraction, negative: sign === '-' }, binary);
  const written = suffix === undefined ? Number(exponentText ?? 0) : (DECIMAL_EXPONENT.get(suffix) ?? 0);
  const exponent = Math.max(-EXPONENT_MAX, Math.min(EXPONENT_MAX, written)) - fraction.length;
  const counted = BigInt(whole + fraction);
  const power = exponent + NANO_DIGITS;
  const nanos = power >= 0 ? counted * 10n ** BigInt(power) : divideUp(counted, 10n ** BigInt(-power));
  const small = whole.length + fraction.length <= DECIMAL_DIGITS_MAX && power >= 0;
  return { nanos: sign === '-' ? -nanos : nanos, exponent: small ? exponent : undefined };
}

function binaryAmount(
  number: { readonly whole: string; readonly fraction: string; readonly negative: boolean },
  exponent: number,
): Amount {
  const { whole, fraction, negative } = number;
  const small = fraction === '' && whole.length + Math.trunc((exponent * 3) / 10) <= BINARY_DIGITS_MAX;
  const shifted = (BigInt(whole + fraction) << BigInt(exponent)) * NANOS_PER_UNIT;
  const exact = divideUp(shifted, 10n ** BigInt(fraction.length));
  const nanos = small || exact <= INT64_MAX * NANOS_PER_UNIT ? exact : INT64_MAX * NANOS_PER_UNIT;
  return { nanos: negative ? -nanos : nanos, exponent: small ? 0 : undefined };
}

/** The sum, kept as Go keeps it. */
export function addAmounts(left: Amount, right: Amount): Amount {
  if (left.exponent === undefined || right.exponent === undefined) {
    return { nanos: left.nanos + right.nanos, exponent: undefined };
  }
  if (right.nanos === 0n) return left;
  if (left.nanos === 0n) return right;
  const nanos = left.nanos + right.nanos;
  const exponent = Math.min(left.exponent, right.exponent);
  const fits = isInt64(left.nanos, exponent) && isInt64(right.nanos, exponent) && isInt64(nanos, exponent);
  return { nanos, exponent: fits ? exponent : undefined };
}

/** The greater of two, the first when they are equal. */
export function greaterAmount(left: Amount, right: Amount): Amount {
  if (right.nanos <= left.nanos) return left;
  return left.exponent === undefined ? { nanos: right.nanos, exponent: undefined } : right;
}

/** Thousandths of the unit, rounded up: millicores. An int64. */
export function toMillis(amount: Amount): bigint {
  return toInt64(amount, { power: -3, nanos: NANOS_PER_MILLI });
}

/** Whole units, rounded up: bytes or any other count. An int64. */
export function toUnits(amount: Amount): bigint {
  return toInt64(amount, { power: 0, nanos: NANOS_PER_UNIT });
}

/** The value in base units with its fraction; undefined when the text is not a quantity. Values beyond int64 saturate. */
export function parseQuantity(text: string | number): number | undefined {
  const amount = parseAmount(text);
  if (amount === undefined) return undefined;
  const most = BEYOND_INT64 * NANOS_PER_UNIT;
  const nanos = amount.nanos > most ? most : amount.nanos < -most ? -most : amount.nanos;
  return Number(nanos / NANOS_PER_UNIT) + Number(nanos % NANOS_PER_UNIT) / 1e9;
}

/** Rounded up; below zero as Go happens to do it: away from zero, or towards it and one more. What it keeps with as many
 *  digits as it takes it counts in billionths, of which it looks at the lowest 64 bits when they are below zero. */
function toInt64(amount: Amount, unit: { readonly power: number; readonly nanos: bigint }): bigint {
  const { exponent } = amount;
  const nanos = exponent === undefined && amount.nanos < 0n ? BigInt.asIntN(64, amount.nanos) : amount.nanos;
  const towardsZero = nanos / unit.nanos;
  const rest = nanos % unit.nanos;
  const step = rest === 0n ? 0n : rest < 0n && exponent !== undefined ? -1n : 1n;
  const value = towardsZero + step;
  if (value <= INT64_MAX && value >= -INT64_MAX) return value;
  const wraps = exponent === undefined || WRAPPING_POWERS.has(exponent - unit.power);
  return wraps ? BigInt.asIntN(64, value) : 0n;
}

function isInt64(nanos: bigint, exponent: number): boolean {
  const most = INT64_NANOS[exponent + NANO_DIGITS] ?? 0n;
  return nanos <= most && nanos >= -most;
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
