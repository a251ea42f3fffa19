import { describe, expect, test } from 'vitest';
import { Doubtful, WatchedStore } from '../../../src/kubernetes/object-store.ts';

describe('WatchedStore', () => {
  test('joins the parts of several namespaces; synced when all are, heard when the quietest was', () => {
    const store = new WatchedStore<string>('things');
    expect(store.synced).toBe(false);
    const a = store.openPart(1);
    const b = store.openPart(1);
    a.replace(new Map([['a/x', 'ax']]));
    expect(store.synced).toBe(false);
    b.replace(new Map([['b/x', 'bx']]));
    expect(store.synced).toBe(true);
    expect(store.list()).toEqual(['ax', 'bx']);
    expect(store.size).toBe(2);
    expect(store.get('b/x')).toBe('bx');
    a.heard(50);
    expect(store.heardMs).toBe(1);
    b.heard(40);
    expect(store.heardMs).toBe(40);
  });

  test('a list replaces its own part alone', () => {
    const store = new WatchedStore<string>('things');
    const a = store.openPart(0);
    const b = store.openPart(0);
    a.replace(new Map([['a/x', 'ax']]));
    b.replace(new Map([['b/x', 'bx']]));
    a.replace(new Map());
    expect(store.list()).toEqual(['bx']);
  });

  test('a list that was handed out never changes, and is the same until something does', () => {
    const store = new WatchedStore<string>('things');
    const part = store.openPart(0);
    part.replace(new Map([['x', '1']]));
    const before = store.list();
    expect(store.list()).toBe(before);
    part.apply([
      ['x', undefined],
      ['y', '2'],
    ]);
    expect(before).toEqual(['1']);
    expect(store.list()).toEqual(['2']);
  });

  test('an event that changes nothing of what is kept is none', () => {
    const shape = { key: 's' };
    const store = new WatchedStore<{ readonly name: string; readonly shape: object; readonly phase?: string }>('pods');
    const part = store.openPart(0);
    part.replace(new Map([['x', { name: 'x', shape }]]));
    const told: unknown[] = [];
    store.subscribe((keys) => told.push(keys));
    const before = store.list();
    part.apply([['x', { name: 'x', shape }]]);
    expect(store.list()).toBe(before);
    expect(told).toEqual([]);
    part.apply([['x', { name: 'x', shape, phase: 'Running' }]]);
    part.apply([['x', { name: 'x', shape }]]);
    part.apply([['x', { name: 'x', shape: { key: 's' } }]]);
    expect(told).toEqual([['x'], ['x'], ['x']]);
  });

  test('an object that can be read again is news, even when it is as it was', () => {
    const store = new WatchedStore<{ readonly name: string }>('pods');
    const part = store.openPart(0);
    part.replace(new Map([['x', { name: 'x' }]]));
    part.apply([['x', new Doubtful('2', 'why')]]);
    const told: unknown[] = [];
    store.subscribe((keys) => told.push(keys));
    part.apply([['x', { name: 'x' }]]);
    expect(told).toEqual([['x']]);
    expect(store.doubtful.size).toBe(0);
  });

  test('tells keys of events, and undefined for a whole list, until unsubscribed', () => {
    const store = new WatchedStore<string>('things');
    const part = store.openPart(0);
    const told: unknown[] = [];
    const unsubscribe = store.subscribe((keys) => told.push(keys));
    part.replace(new Map());
    part.apply([['x', '1']]);
    part.apply([]);
    unsubscribe();
    part.apply([['x', '2']]);
    expect(told).toEqual([undefined, ['x']]);
    expect(store.version).toBe(3);
  });

  test('keys of a tenant that look like parts of an object are only keys', () => {
    const store = new WatchedStore<string>('things');
    const part = store.openPart(0);
    part.apply([['__proto__', 'x']]);
    expect(store.get('__proto__')).toBe('x');
    expect(store.get('constructor')).toBeUndefined();
  });
});
