import { describe, expect, test } from 'vitest';
import {
  addAmounts,
  greaterAmount,
  parseAmount,
  parseQuantity,
  toMillis,
  toUnits,
} from '../../../src/cluster/quantity.ts';

const INT64_MAX = 2n ** 63n - 1n;

describe('parseQuantity', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    [2, 2],
    [0.5, 0.5],
    ['.5', 0.5],
    ['5.', 5],
    ['00.5', 0.5],
    ['000', 0],
    ['+3', 3],
    ['-3', -3],
    ['100m', 0.1],
    ['1500u', 0.0015],
    ['7n', 7e-9],
    ['2k', 2000],
    ['3M', 3e6],
    ['1G', 1e9],
    ['1T', 1e12],
    ['1P', 1e15],
    ['1E', 1e18],
    ['1Ki', 1024],
    ['1.5Ki', 1536],
    ['128Mi', 128 * 1024 ** 2],
    ['2Gi', 2 * 1024 ** 3],
    ['1Ti', 1024 ** 4],
    ['1Pi', 1024 ** 5],
    ['1Ei', 1024 ** 6],
    ['1E3', 1000],
    ['1e3', 1000],
    ['12e-1', 1.2],
    [' 1 ', 1],
    ['10E', 1e19],
    ['8Ei', 2 ** 63],
    ['16Ei', 2 ** 63],
    ['1e999999', 2 ** 64],
    ['1e999999999', 2 ** 64],
    ['-1e999999999', -(2 ** 64)],
  ])('%j is %d', (text, want) => {
    expect(parseQuantity(text)).toBe(want);
  });

  test.each([
    '',
    '.',
    '+',
    'm',
    '1K',
    '1mi',
    '1 Gi',
    'abc',
    '1e3m',
    '1e3Ki',
    '1e',
    '0x10',
    '1,5',
    '--1',
    'NaN',
    'Infinity',
    'constructor',
    '1'.repeat(65),
    '9'.repeat(10_000_000),
  ])('%.20j is no quantity', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  test.each([NaN, Infinity, -Infinity])('%d is no quantity', (number) => {
    expect(parseQuantity(number)).toBeUndefined();
  });
});

describe('finer than a billionth', () => {
  test.each([
    ['0.0000000001', 1n],
    ['-0.0000000001', -1n],
    ['1e-999999999', 1n],
    ['0.0000000001Ki', 103n],
  ])('%s rounds away from zero', (text, nanos) => {
    expect(parseAmount(text)?.nanos).toBe(nanos);
  });
});

/** [text, millis, units] as Go's MilliValue and Value give them. */
describe('whole amounts', () => {
  test.each([
    ['0', 0n, 0n],
    ['0.1m', 1n, 1n],
    ['1500u', 2n, 1n],
    ['2', 2000n, 2n],
    ['0.25', 250n, 1n],
    ['-1', -1000n, -1n],
    ['-1500m', -1500n, -2n],
    ['9223372036854775807', -1000n, INT64_MAX],
    ['9223372036854775808', 0n, -(2n ** 63n)],
    ['18446744073709551621', 5000n, 5n],
    ['9223372036854776', -9223372036854775616n, 9223372036854776n],
    ['1E', 0n, 10n ** 18n],
    ['10E', 0n, 0n],
    ['8Ei', -1000n, INT64_MAX],
    ['1e999999', 0n, 0n],
  ])('%s is %d thousandths, %d units', (text, millis, units) => {
    const amount = parseAmount(text) ?? { nanos: -1n, exponent: 0 };
    expect([toMillis(amount), toUnits(amount)]).toEqual([millis, units]);
  });
});

/** [suffix, millis and units of one, units of minus one, units of one and a half]. What is below one counts as one; the
 *  biggest do not fit as thousandths and wrap as Go's do, which also loses its way far below zero. All of it was printed
 *  by apimachinery v0.37.1. */
describe('every suffix', () => {
  const KI = 1024n;
  test.each<[string, bigint, bigint, bigint, bigint]>([
    ['n', 1n, 1n, -1n, 1n],
    ['u', 1n, 1n, -1n, 1n],
    ['m', 1n, 1n, -1n, 1n],
    ['', 1000n, 1n, -1n, 2n],
    ['k', 10n ** 6n, 10n ** 3n, -(10n ** 3n), 1500n],
    ['M', 10n ** 9n, 10n ** 6n, -(10n ** 6n), 15n * 10n ** 5n],
    ['G', 10n ** 12n, 10n ** 9n, -(10n ** 9n), 15n * 10n ** 8n],
    ['T', 10n ** 15n, 10n ** 12n, -(10n ** 12n), 15n * 10n ** 11n],
    ['P', 10n ** 18n, 10n ** 15n, -(10n ** 15n), 15n * 10n ** 14n],
    ['E', 0n, 10n ** 18n, -(10n ** 18n), 15n * 10n ** 17n],
    ['Ki', 1000n * KI, KI, -KI, 1536n],
    ['Mi', 1000n * KI ** 2n, KI ** 2n, -(KI ** 2n), 1536n * KI],
    ['Gi', 1000n * KI ** 3n, KI ** 3n, -(KI ** 3n), 1536n * KI ** 2n],
    ['Ti', 1000n * KI ** 4n, KI ** 4n, -(KI ** 4n), 1536n * KI ** 3n],
    ['Pi', 1000n * KI ** 5n, KI ** 5n, -2_882_303_760n, 1536n * KI ** 4n],
    ['Ei', BigInt.asIntN(64, 1000n * KI ** 6n), KI ** 6n, 0n, 1536n * KI ** 5n],
    ['e0', 1000n, 1n, -1n, 2n],
    ['E+3', 10n ** 6n, 10n ** 3n, -(10n ** 3n), 1500n],
    ['e-3', 1n, 1n, -1n, 1n],
  ])("'%s'", (suffix, millis, units, minus, half) => {
    const of = (number: string) => parseAmount(`${number}${suffix}`) ?? { nanos: -7n, exponent: 0 };
    expect([toMillis(of('1')), toUnits(of('1')), toUnits(of('-1')), toUnits(of('1.5'))]).toEqual([
      millis,
      units,
      minus,
      half,
    ]);
    expect(of('+01.0').nanos).toBe(of('1').nanos);
    expect(of('0').nanos).toBe(0n);
  });

  test.each([
    'N',
    'U',
    'K',
    'g',
    't',
    'p',
    'ki',
    'KI',
    'kI',
    'mi',
    'MI',
    'ni',
    'ui',
    'Zi',
    'Z',
    'i',
    'mm',
    'Kii',
    'Ｋ',
  ])("'1%s' has none", (suffix) => {
    expect(parseAmount(`1${suffix}`)).toBeUndefined();
  });
});

describe('hostile ones', () => {
  test.each<[string, bigint]>([
    ['9223372036854775808', -(2n ** 63n)],
    ['9223372036854775809', -(2n ** 63n) + 1n],
    ['-9223372036854775809', -1n],
    ['1e999999', 0n],
    ['-1e999999', 0n],
    ['1e-999999', 1n],
    ['-1', -1n],
    ['-0', 0n],
    ['9'.repeat(60), BigInt.asIntN(64, BigInt('9'.repeat(60)))],
    [`0.${'0'.repeat(59)}1`, 1n],
    [`${'0'.repeat(60)}1`, 1n],
  ])('%s is an int64 all the same', (text, want) => {
    const units = toUnits(parseAmount(text) ?? { nanos: -7n, exponent: 0 });
    expect(units).toBe(want);
    expect(BigInt.asIntN(64, units)).toBe(units);
  });

  test.each(['9', '0', '1e', '.', '-', '1.'])('megabytes of %j are refused, not worked on', (text) => {
    expect(parseAmount(text.repeat(Math.ceil(10_000_000 / text.length)))).toBeUndefined();
    expect(parseAmount(`${text.repeat(5_000_000)}Ki`)).toBeUndefined();
  });
});

describe('sums', () => {
  const sum = (...texts: readonly string[]): bigint =>
    toUnits(
      texts
        .map((text) => parseAmount(text) ?? { nanos: -1n, exponent: 0 })
        .reduce((left, right) => addAmounts(left, right)),
    );

  test.each([
    [['0.5', '0.5'], 1n],
    [['1Gi', '1G'], 2073741824n],
    [['7Ei', '7Ei'], -(2n ** 61n)],
    [['7Ei', '7Ei', '7Ei'], 5n * 2n ** 60n],
    [['10E', '123M'], BigInt.asIntN(64, 10n ** 19n + 123_000_000n)],
    [['0', '10E'], 0n],
  ])('%j is %d', (texts, want) => {
    expect(sum(...texts)).toBe(want);
  });

  test('the greater of two is kept, the first of equals', () => {
    const small = { nanos: 1n, exponent: 0 };
    const great = { nanos: 2n, exponent: -9 };
    expect(greaterAmount(small, great)).toBe(great);
    expect(greaterAmount(great, small)).toBe(great);
    expect(greaterAmount(small, { nanos: 1n, exponent: -9 })).toBe(small);
  });
});
