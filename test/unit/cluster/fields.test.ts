// What is read of an untrusted object, and what is said when it does not fit.
import { describe, expect, test } from 'vitest';
import { Fields } from '../../../src/cluster/fields.ts';

const raw: unknown = JSON.parse(
  '{"metadata":{"name":"a","namespace":"n"},"spec":{"lists":[{"x":"1"},null],"maps":{"k":{"y":7}},"texts":["t",5]}}',
);

describe('fields of an untrusted object', () => {
  const object = Fields.of('Pod', raw);
  const spec = object.object('spec');

  test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s is not there by itself', (name) => {
    expect(object.has(name)).toBe(false);
    expect(object.text(name)).toBe('');
  });

  test('an item that is null is an empty one', () => {
    expect(spec?.objects('lists').map((item) => item.text('x'))).toEqual(['1', '']);
  });

  test('a list that is read again is the same', () => {
    expect(spec?.objects('lists')).toBe(spec?.objects('lists'));
  });

  test.each([
    { name: 'an item of a list', read: () => spec?.texts('texts'), want: 'spec.texts[1]' },
    { name: 'below an item', read: () => spec?.objects('lists')[0]?.integer('x'), want: 'spec.lists[0].x' },
    { name: 'below an entry', read: () => spec?.objectMap('maps').get('k')?.text('y'), want: 'spec.maps.k.y' },
    { name: 'an entry of a map', read: () => object.textMap('spec'), want: 'spec.lists' },
  ])('names $name that does not fit', ({ read, want }) => {
    expect(read).toThrow(`Pod 'n/a' cannot be read as ${want} must`);
  });
});
