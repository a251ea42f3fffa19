// Lists of a store must be what was put in, stay what they were, and know what lies between two of them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyedObjects } from '../../../src/kubernetes/object-list.ts';

interface Thing {
  readonly key: string;
}

const step = fc.record({ id: fc.nat(700), gone: fc.boolean(), look: fc.boolean() });

describe('KeyedObjects', () => {
  test('lists what is there, never changes a list, and tells what changed since another one', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const objects = new KeyedObjects<Thing>();
        const wanted = new Map<string, Thing>();
        for (let id = 0; id < 600; id += 1) wanted.set(`${id}`, { key: `${id}` });
        for (const [key, thing] of wanted) objects.set(key, thing);
        const looks = [{ list: objects.list(), held: new Set(wanted.values()) }];
        for (const { id, gone, look } of steps) {
          const key = `${id}`;
          if (gone) {
            objects.delete(key);
            wanted.delete(key);
          } else {
            const thing = { key };
            objects.set(key, thing);
            wanted.set(key, thing);
          }
          if (look) looks.push({ list: objects.list(), held: new Set(wanted.values()) });
        }
        for (const [key, thing] of wanted) expect(objects.get(key)).toBe(thing);
        expect(objects.size).toBe(wanted.size);
        for (const { list, held } of looks) {
          expect(new Set(list)).toEqual(held);
          expect(list).toHaveLength(held.size);
          expect(list.toArray()).toHaveLength(held.size);
        }
        for (const [index, { list, held }] of looks.entries()) {
          const before = looks[Math.floor(index / 2)];
          const reached = new Set(before?.held);
          for (const change of list.changesSince(before?.list ?? list) ?? []) {
            if (change.before !== undefined) expect(reached.delete(change.before)).toBe(true);
            if (change.after !== undefined) reached.add(change.after);
          }
          expect(reached).toEqual(held);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('a place that is free is taken again, so that lists do not grow with what comes and goes', () => {
    const objects = new KeyedObjects<Thing>();
    for (let id = 0; id < 300; id += 1) objects.set(`${id}`, { key: `${id}` });
    for (let id = 0; id < 1000; id += 1) {
      objects.delete(`${id}`);
      objects.set(`${id + 300}`, { key: `${id + 300}` });
    }
    const before = objects.list();
    objects.set('1299', { key: 'new' });
    expect(objects.list().changesSince(before)).toHaveLength(1);
    expect(objects.list()).toHaveLength(300);
  });

  test('cannot tell what changed since the list of another store, or an array', () => {
    const objects = new KeyedObjects<Thing>();
    expect(objects.list().changesSince(new KeyedObjects<Thing>().list())).toBeUndefined();
    expect(objects.list().changesSince([])).toBeUndefined();
  });

  test('is the same list until something changes', () => {
    const objects = new KeyedObjects<Thing>();
    objects.set('a', { key: 'a' });
    const list = objects.list();
    objects.delete('b');
    expect(objects.list()).toBe(list);
    objects.delete('a');
    expect(objects.list()).not.toBe(list);
  });
});
