// What is found to be a value is one for JSON.parse too, and every value that is written without white space is found.
import * as fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { endOfPlainText, endOfText, endOfValue } from '../../../src/cluster/json-bytes.ts';

const bytesOf = (text: string) => Buffer.from(text);

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

it('finds the end of any value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('', ',', '}', ']', '"', ' '), (value, after) => {
      const text = JSON.stringify(value);
      // A number goes on for as long as there are digits, which none of these is.
      expect(endOfValue(bytesOf(text + after), 0)).toBe(Buffer.byteLength(text));
    }),
  );
});

it('takes nothing for a value that JSON.parse refuses', () => {
  const damage = fc.record({
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom('', ...'"\\{}[],:0-.eE+ut\u0001 x\n'.split('')),
  });
  let refused = 0;
  fc.assert(
    fc.property(fc.jsonValue(), damage, (value, { at, cut, put }) => {
      const whole = JSON.stringify(value);
      const place = at % (whole.length + 1);
      const text = whole.slice(0, place) + put + whole.slice(place + cut);
      const end = endOfValue(bytesOf(text), 0);
      if (end === -1) refused += 1;
      else expect(parses(bytesOf(text).toString('utf8', 0, end))).toBe(true);
      // White space is the one thing of JSON that is not read.
      if (parses(text) && !/\s/.test(text)) expect(end).toBe(Buffer.byteLength(text));
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test.each([
  { name: 'nothing', text: '' },
  { name: 'a lonely minus', text: '-' },
  { name: 'a leading plus', text: '+1' },
  { name: 'a point without digits', text: '[1.]' },
  { name: 'an exponent without digits', text: '[1e+]' },
  { name: 'a leading zero', text: '[01]' },
  { name: 'half a word', text: 'tru' },
  { name: 'an open text', text: '"a' },
  { name: 'a bad escape', text: '"\\x"' },
  { name: 'a bad code', text: '"\\u12g4"' },
  { name: 'a control character', text: '"\t"' },
  { name: 'a comma too many', text: '[1,]' },
  { name: 'a list that closes as an object', text: '[1}' },
  { name: 'a key without a value', text: '{"a"}' },
  { name: 'white space', text: '[1, 2]' },
  { name: 'nesting beyond the limit', text: `${'['.repeat(66)}${']'.repeat(66)}` },
])('finds no value in $name', ({ text }) => {
  expect(endOfValue(bytesOf(text), 0)).toBe(-1);
});

it('finds where text ends, and plain text only where it is plain', () => {
  const text = bytesOf('"a\\"b"');
  expect([endOfText(text, 0), endOfPlainText(text, 1), endOfText(text, 1)]).toEqual([6, -1, -1]);
  expect([
    endOfPlainText(bytesOf('ab"'), 0),
    endOfPlainText(bytesOf('ö"'), 0),
    endOfPlainText(bytesOf('ab'), 0),
  ]).toEqual([2, -1, -1]);
});
