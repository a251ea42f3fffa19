import { describe, expect, test } from 'vitest';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import type { Taint } from '../../../src/cluster/cluster-objects.ts';
import type { NodeAssertion } from '../../../src/controllers/ports.ts';
import { assertionPatch, cordonPatch, uncordonPatch } from '../../../src/kubernetes/node-patch.ts';

type Json = Readonly<Record<string, unknown>>;

const taint = (key: string, value = ''): Taint => ({ key, value, effect: 'NoSchedule' });
const PRECONDITION = { uid: 'u1', resourceVersion: '7' };

function node(metadata: Json = {}, spec: Json = {}): Json {
  return { metadata: { name: 'n', ...PRECONDITION, ...metadata }, spec };
}

function assertion(parts: Partial<NodeAssertion> = {}): NodeAssertion {
  return {
    name: 'n',
    labels: new Map(),
    annotations: new Map(),
    finalizers: [],
    taints: [],
    unschedulable: undefined,
    ...parts,
  };
}

const managed = (keys: Json) => ({ annotations: { [ANNOTATIONS.managedKeys]: JSON.stringify(keys) } });

/** RFC 7386, to see what a patch makes of a node. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === 'object' ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

describe('assertionPatch', () => {
  const full = assertion({
    labels: new Map([['tier', 'gpu']]),
    annotations: new Map([['note', 'x']]),
    finalizers: ['example.org/hold'],
    taints: [taint('dedicated', 'gpu')],
    unschedulable: true,
  });

  test('puts everything on, with the version as precondition, and records the keys', () => {
    const patch = assertionPatch(
      node({ labels: { own: '1' } }, { taints: [{ key: 'other', effect: 'NoExecute' }] }),
      full,
    );
    expect(patch).toEqual({
      metadata: {
        ...PRECONDITION,
        labels: { tier: 'gpu' },
        annotations: {
          note: 'x',
          [ANNOTATIONS.managedKeys]:
            '{"labels":["tier"],"annotations":["note"],"finalizers":["example.org/hold"],"taints":["dedicated:NoSchedule"]}',
        },
        finalizers: ['example.org/hold'],
      },
      spec: {
        taints: [
          { key: 'other', effect: 'NoExecute' },
          { key: 'dedicated', effect: 'NoSchedule', value: 'gpu' },
        ],
        unschedulable: true,
      },
    });
  });

  test('is undefined once it was applied', () => {
    const raw = node({ labels: { own: '1' } });
    expect(assertionPatch(merged(raw, assertionPatch(raw, full)), full)).toBeUndefined();
    expect(assertionPatch(node(), assertion())).toBeUndefined();
  });

  test('takes off what left the template and leaves what others put there', () => {
    const before = merged(
      node(
        { labels: { own: '1' }, annotations: { theirs: 'y' }, finalizers: ['other/hold'] },
        { taints: [{ key: 'other', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }] },
      ),
      assertionPatch(node({ finalizers: ['other/hold'] }, { taints: [{ key: 'other', effect: 'NoExecute' }] }), full),
    );
    const after = merged(before, assertionPatch(before, assertion()));
    expect(after).toEqual({
      metadata: {
        name: 'n',
        ...PRECONDITION,
        labels: { own: '1' },
        annotations: { theirs: 'y', [ANNOTATIONS.managedKeys]: '{}' },
        finalizers: ['other/hold'],
      },
      spec: { taints: [{ key: 'other', effect: 'NoExecute' }], unschedulable: true },
    });
    expect(assertionPatch(after, assertion())).toBeUndefined();
  });

  test('a taint of ours with another value is replaced in its place', () => {
    const raw = node(
      {},
      {
        taints: [
          { key: 'dedicated', effect: 'NoSchedule', value: 'old' },
          { key: 'z', effect: 'NoExecute' },
        ],
      },
    );
    expect(assertionPatch(raw, assertion({ taints: [taint('dedicated', 'new')] }))).toMatchObject({
      spec: {
        taints: [
          { key: 'dedicated', effect: 'NoSchedule', value: 'new' },
          { key: 'z', effect: 'NoExecute' },
        ],
      },
    });
  });

  test('a draining taint is not ours to take off', () => {
    const raw = node(managed({ taints: ['dedicated:NoSchedule'] }), {
      taints: [
        { key: 'sluice.dev/draining', effect: 'NoSchedule' },
        { key: 'dedicated', effect: 'NoSchedule' },
      ],
    });
    expect(assertionPatch(raw, assertion())).toMatchObject({
      spec: { taints: [{ key: 'sluice.dev/draining', effect: 'NoSchedule' }] },
    });
  });

  test('no finalizer is added to a node that is being deleted', () => {
    const raw = node({ deletionTimestamp: '2026-01-01T00:00:00Z' });
    const patch = assertionPatch(raw, assertion({ finalizers: ['example.org/hold'] }));
    expect(patch).not.toHaveProperty('metadata.finalizers');
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['another shape', '[1,2]'],
    ['wrong types', '{"labels":"tier","taints":[7]}'],
    ['huge', `{"labels":["${'x'.repeat(70_000)}"]}`],
  ])('a record that a user broke (%s) manages nothing', (_name, text) => {
    const raw = node({ labels: { tier: 'gpu' }, annotations: { [ANNOTATIONS.managedKeys]: text } });
    expect(assertionPatch(raw, assertion())).toEqual({
      metadata: { ...PRECONDITION, annotations: { [ANNOTATIONS.managedKeys]: '{}' } },
    });
  });

  test('keys that look like parts of an object are only keys', () => {
    const raw = JSON.parse('{"metadata":{"uid":"u1","resourceVersion":"7","labels":{"__proto__":"x"}}}') as unknown;
    const patch = assertionPatch(raw, assertion({ labels: new Map([['constructor', 'y']]) }));
    expect(JSON.stringify(patch)).toContain('"labels":{"constructor":"y"}');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('cordonPatch and uncordonPatch', () => {
  const draining = taint('sluice.dev/draining');

  test('add taint and unschedulable, and take both off again', () => {
    const raw = node({}, { taints: [{ key: 'other', effect: 'NoExecute' }] });
    const cordoned = merged(raw, cordonPatch(raw, draining));
    expect(cordoned).toMatchObject({
      spec: {
        unschedulable: true,
        taints: [
          { key: 'other', effect: 'NoExecute' },
          { key: 'sluice.dev/draining', effect: 'NoSchedule' },
        ],
      },
    });
    expect(cordonPatch(cordoned, draining)).toBeUndefined();
    expect(merged(cordoned, uncordonPatch(cordoned, draining))).toEqual(raw);
    expect(uncordonPatch(raw, draining)).toBeUndefined();
  });

  test('a node that a person closed gets the taint alone', () => {
    expect(cordonPatch(node({}, { unschedulable: true }), draining)).toEqual({
      metadata: PRECONDITION,
      spec: { taints: [{ key: 'sluice.dev/draining', effect: 'NoSchedule' }] },
    });
  });
});
