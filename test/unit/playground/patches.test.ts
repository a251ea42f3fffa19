import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../src/playground/kubernetes-api/kube-object.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../../../src/playground/kubernetes-api/patches.ts';

describe('merge patch', () => {
  it.each([
    ['null removes', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['objects merge', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    ['lists are replaced', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['an object replaces a value', { a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  ])('%s', (_name, target, patch, want) => {
    expect(mergePatch(target, patch)).toEqual(want);
  });
});

describe('strategic merge patch', () => {
  it.each([
    [
      'conditions by type',
      { conditions: [{ type: 'A', status: 'x', reason: 'r' }] },
      { conditions: [{ type: 'A', status: 'y' }, { type: 'B' }] },
      { conditions: [{ type: 'A', status: 'y', reason: 'r' }, { type: 'B' }] },
    ],
    ['taints as a whole', { taints: [{ key: 'a' }] }, { taints: [{ key: 'b' }] }, { taints: [{ key: 'b' }] }],
    ['finalizers as a set', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['a', 'b'] }],
    [
      '$deleteFromPrimitiveList',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    [
      '$patch: delete',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [{ name: 'b' }] },
    ],
  ])('%s', (_name, target, patch, want) => {
    expect(strategicMergePatch(target, patch)).toEqual(want);
  });
});

describe('JSON patch', () => {
  const target = { a: { b: [1, 2] }, 'x/y': 1 };

  it.each([
    ['add at the end', [{ op: 'add', path: '/a/b/-', value: 3 }], { a: { b: [1, 2, 3] }, 'x/y': 1 }],
    ['add in between', [{ op: 'add', path: '/a/b/1', value: 9 }], { a: { b: [1, 9, 2] }, 'x/y': 1 }],
    ['replace with an escaped key', [{ op: 'replace', path: '/x~1y', value: 2 }], { a: { b: [1, 2] }, 'x/y': 2 }],
    ['remove', [{ op: 'remove', path: '/a/b/0' }], { a: { b: [2] }, 'x/y': 1 }],
    ['move', [{ op: 'move', from: '/x~1y', path: '/z' }], { a: { b: [1, 2] }, z: 1 }],
    ['test that holds', [{ op: 'test', path: '/a/b', value: [1, 2] }], target],
  ])('%s', (_name, patch, want) => {
    expect(jsonPatch(target, patch)).toEqual(want);
  });

  it.each([
    ['a test that fails', [{ op: 'test', path: '/a/b', value: [] }], 422],
    ['replace of what is not there', [{ op: 'replace', path: '/no', value: 1 }], 422],
    ['remove of what is not there', [{ op: 'remove', path: '/a/no' }], 422],
    ['an unknown operation', [{ op: 'frob', path: '/a' }], 400],
    ['no list', { op: 'add' }, 400],
  ])('refuses %s and changes nothing', (_name, patch, code) => {
    const before = structuredClone(target);
    expect(() => jsonPatch(target, patch)).toThrow(ApiError);
    try {
      jsonPatch(target, patch);
    } catch (error) {
      expect(error instanceof ApiError && error.code).toBe(code);
    }
    expect(target).toEqual(before);
  });
});
