// A quantity is a decimal or binary number with a suffix or an exponent. Its value is exact; what is finer than a billionth
// counts as one billionth. Amounts of cpu are rounded up to millicores, everything else to whole units, once, at the end.
// The twin has no opinion on amounts below zero or far beyond what a machine has (see isOrdinary): there Go's int64 wraps
// in ways that depend on how the number was written, and src/cluster/quantity.ts answers to the judge alone.

const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]+))?$/;
const TENS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const TWOS: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const BILLION = 1_000_000_000n;
const ORDINARY_MAX = 2n ** 52n;
/** No value with a greater exponent is ordinary; it is not worth the digits. */
const EXPONENT_MAX = 40;

/** Billionths; undefined: the text is no quantity. */
export function nanosOf(quantity: string | number): bigint | undefined {
  const match = SHAPE.exec(String(quantity).trim());
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent = '0'] = match;
  if (whole + fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const tens = Math.max(-EXPONENT_MAX, Math.min(EXPONENT_MAX, (TENS[suffix] ?? 0) + Number(exponent)));
  const numerator = (digits << (TWOS[suffix] ?? 0n)) * BILLION * 10n ** BigInt(Math.max(0, tens));
  const denominator = 10n ** BigInt(fraction.length + Math.max(0, -tens));
  const nanos = roundUp(numerator, denominator);
  return sign === '-' ? -nanos : nanos;
}

/** Millicores for cpu, whole units for all else. */
export function rounded(name: string, nanos: bigint): bigint {
  return roundUp(nanos, name === 'cpu' ? BILLION / 1000n : BILLION);
}

/** Within what the twin speaks of: from nothing to 2^52 units. */
export function isOrdinary(quantity: string | number): boolean {
  const nanos = nanosOf(quantity);
  return nanos !== undefined && nanos >= 0n && nanos <= ORDINARY_MAX * BILLION;
}

function roundUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
