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
