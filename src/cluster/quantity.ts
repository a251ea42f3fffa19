// Kubernetes quantities (500m, 1.5, 128Mi, 2e3) as exact billionths in a bigint, which is the precision of Kubernetes;
// finer values round away from zero, as there. Rounding to millicores and bytes happens once, by the caller's choice.
// Source: apimachinery pkg/api/resource, v0.37.

const NANOS_PER_UNIT = 1_000_000_000n;
const QUANTITY = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,10}))?$/;
/** Longest text that is read; what the API server stores is in canonical form and far below. */
const QUANTITY_LENGTH_MAX = 64;
/** Largest int64. Values with a binary suffix stop there, as in Kubernetes. */
export const INT64_MAX = 2n ** 63n - 1n;
/** Every value beyond int64 is this one: nothing needs to tell them apart. */
const BEYOND_INT64 = 2n ** 64n;
/** Beyond this exponent every value is above int64 or below a billionth, however it is written. */
const EXPONENT_MAX = 100;

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
const BINARY_EXPONENT: ReadonlyMap<string, bigint> = new Map([
  ['Ki', 10n],
  ['Mi', 20n],
  ['Gi', 30n],
  ['Ti', 40n],
  ['Pi', 50n],
  ['Ei', 60n],
]);

export type Rounding = 'up' | 'down';

/** Billionths of the unit, exact; undefined when the text is not a quantity. Values beyond int64 saturate. */
export function parseNanos(text: string | number): bigint | undefined {
  const trimmed = (typeof text === 'number' ? String(text) : text).trim();
  if (trimmed.length > QUANTITY_LENGTH_MAX) return undefined;
  const match = QUANTITY.exec(trimmed);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', suffix, exponentText] = match;
  if (whole === '' && fraction === '') return undefined;
  const binary = suffix === undefined ? undefined : BINARY_EXPONENT.get(suffix);
  let mantissa = BigInt(whole + fraction);
  if (binary !== undefined) mantissa <<= binary;
  const decimal = suffix === undefined ? Number(exponentText ?? 0) : (DECIMAL_EXPONENT.get(suffix) ?? 0);
  const exponent = Math.max(-EXPONENT_MAX, Math.min(EXPONENT_MAX, decimal)) - fraction.length + 9;
  const nanos = exponent >= 0 ? mantissa * 10n ** BigInt(exponent) : divideUp(mantissa, 10n ** BigInt(-exponent));
  const cap = nanos <= INT64_MAX * NANOS_PER_UNIT ? undefined : binary === undefined ? BEYOND_INT64 : INT64_MAX;
  const capped = cap === undefined ? nanos : cap * NANOS_PER_UNIT;
  return sign === '-' ? -capped : capped;
}

/** The value in base units with its fraction; undefined when the text is not a quantity. */
export function parseQuantity(text: string | number): number | undefined {
  const nanos = parseNanos(text);
  if (nanos === undefined) return undefined;
  return Number(nanos / NANOS_PER_UNIT) + Number(nanos % NANOS_PER_UNIT) / 1e9;
}

/** Millicores; undefined when the text is not a quantity. Requests round up, capacity down. */
export function parseCpuMillis(text: string | number, rounding: Rounding): number | undefined {
  const nanos = parseNanos(text);
  return nanos === undefined ? undefined : nanosToMillis(nanos, rounding);
}

/** Bytes, or any whole count; undefined when the text is not a quantity. Requests round up, capacity down. */
export function parseBytes(text: string | number, rounding: Rounding): number | undefined {
  const nanos = parseNanos(text);
  return nanos === undefined ? undefined : nanosToUnits(nanos, rounding);
}

/** Billionths of a core as millicores. */
export function nanosToMillis(nanos: bigint, rounding: Rounding): number {
  return scale(nanos, { divisor: 1_000_000n, rounding });
}

/** Billionths as whole units. */
export function nanosToUnits(nanos: bigint, rounding: Rounding): number {
  return scale(nanos, { divisor: NANOS_PER_UNIT, rounding });
}

function scale(nanos: bigint, to: { divisor: bigint; rounding: Rounding }): number {
  const quotient = nanos / to.divisor; // towards zero
  const rest = nanos % to.divisor;
  if (rest > 0n && to.rounding === 'up') return Number(quotient + 1n);
  if (rest < 0n && to.rounding === 'down') return Number(quotient - 1n);
  return Number(quotient);
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
