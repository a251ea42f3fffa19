import { describe, expect, test } from 'vitest';
import { parseBytes, parseCpuMillis, parseNanos, parseQuantity } from '../../../src/cluster/quantity.ts';

describe('parseQuantity', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    [2, 2],
    [0.5, 0.5],
    ['.5', 0.5],
    ['5.', 5],
    ['00.5', 0.5],
    ['+3', 3],
    ['-3', -3],
    ['100m', 0.1],
    ['1500u', 0.0015],
    ['7n', 7e-9],
    ['2k', 2000],
    ['3M', 3e6],
    ['1G', 1e9],
    ['1Ki', 1024],
    ['1.5Ki', 1536],
    ['128Mi', 128 * 1024 ** 2],
    ['2Gi', 2 * 1024 ** 3],
    ['1Ti', 1024 ** 4],
    ['1Pi', 1024 ** 5],
    ['1E', 1e18],
    ['1E3', 1000],
    ['1e3', 1000],
    ['12e-1', 1.2],
    [' 1 ', 1],
    ['10E', 2 ** 64],
    ['8Ei', 2 ** 63],
    ['1e999999999', 2 ** 64],
  ])('%j is %d', (text, want) => {
    expect(parseQuantity(text)).toBe(want);
  });

  test.each([
    '',
    '.',
    'm',
    '1K',
    '1mi',
    '1 Gi',
    'abc',
    '1e3m',
    '0x10',
    '1,5',
    '--1',
    'NaN',
    'Infinity',
    '1'.repeat(65),
  ])('%j is no quantity', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  test('what is finer than a billionth rounds away from zero', () => {
    expect(parseNanos('0.0000000001')).toBe(1n);
    expect(parseNanos('-0.0000000001')).toBe(-1n);
    expect(parseNanos('1e-999999999')).toBe(1n);
  });
});

describe('rounding', () => {
  test.each([
    ['0.1m', 'up', 1],
    ['0.1m', 'down', 0],
    ['1500u', 'up', 2],
    ['1500u', 'down', 1],
    ['2', 'up', 2000],
    ['0.25', 'down', 250],
  ] as const)('cpu %s rounded %s is %d millicores', (text, rounding, want) => {
    expect(parseCpuMillis(text, rounding)).toBe(want);
  });

  test.each([
    ['0.5', 'up', 1],
    ['0.5', 'down', 0],
    ['100m', 'up', 1],
    ['1Mi', 'down', 1048576],
  ] as const)('%s rounded %s is %d bytes', (text, rounding, want) => {
    expect(parseBytes(text, rounding)).toBe(want);
  });

  test('what is no quantity has no amount', () => {
    expect(parseCpuMillis('x', 'up')).toBeUndefined();
    expect(parseBytes('x', 'down')).toBeUndefined();
  });
});
