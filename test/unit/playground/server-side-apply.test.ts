import { describe, expect, it } from 'vitest';
import { ApiError, type KubeObject } from '../../../src/playground/kubernetes-api/kube-object.ts';
import { applyObject, trackUpdate } from '../../../src/playground/kubernetes-api/server-side-apply.ts';
import type { Fields } from '../../../src/playground/untyped.ts';

const now = '2026-01-01T00:00:00Z';
const metadata = { name: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: now };
const empty: KubeObject = { apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', metadata };

function apply(live: KubeObject, fields: Fields, manager: string, force = false): KubeObject {
  return applyObject(
    live,
    { apiVersion: live.apiVersion, kind: live.kind, ...fields },
    {
      writer: { manager, subresource: '' },
      force,
      now,
    },
  );
}

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('server-side apply', () => {
  it('takes off what its manager no longer applies, and leaves what others set', () => {
    const both = apply(apply(empty, { spec: { a: 1, b: 2 } }, 'one'), { spec: { c: 3 } }, 'two');
    expect(apply(both, { spec: { a: 1 } }, 'one')['spec']).toEqual({ a: 1, c: 3 });
  });

  it('keeps a field that another manager owns too', () => {
    const both = apply(apply(empty, { spec: { a: 1 } }, 'one'), { spec: { a: 1 } }, 'two');
    expect(apply(both, {}, 'one')['spec']).toEqual({ a: 1 });
  });

  it('refuses another value for a field of another manager, and takes it over by force', () => {
    const live = apply(empty, { spec: { a: 1 } }, 'one');
    const error = refusal(() => apply(live, { spec: { a: 2 } }, 'two'));
    expect(error.code).toBe(409);
    expect(error.details.causes?.[0]).toMatchObject({ reason: 'FieldManagerConflict', field: '.spec.a' });
    const forced = apply(live, { spec: { a: 2 } }, 'two', true);
    expect(forced['spec']).toEqual({ a: 2 });
    expect(forced.metadata.managedFields?.map((entry) => entry.manager)).toEqual(['two']);
  });

  it('knows plain writes: what kubectl scale set is not overwritten in silence', () => {
    const scaled = trackUpdate(
      empty,
      { ...empty, spec: { desiredNodes: 4 } },
      {
        writer: { manager: 'kubectl', subresource: '' },
        now,
      },
    );
    expect(refusal(() => apply(scaled, { spec: { desiredNodes: 7 } }, 'gitops')).code).toBe(409);
    expect(apply(scaled, { spec: { minNodes: 0 } }, 'gitops')['spec']).toEqual({ desiredNodes: 4, minNodes: 0 });
  });

  it('merges conditions by type and removes those of its own that it leaves out', () => {
    const condition = (type: string, status: string): Fields => ({ type, status });
    const first = apply(
      empty,
      { status: { conditions: [condition('Ready', 'True'), condition('Valid', 'True')] } },
      'a',
    );
    const second = apply(first, { status: { conditions: [condition('Mine', 'True')] } }, 'b');
    const third = apply(second, { status: { conditions: [condition('Ready', 'False')] } }, 'a');
    expect(third['status']).toEqual({ conditions: [condition('Ready', 'False'), condition('Mine', 'True')] });
    expect(apply(third, { status: {} }, 'a')['status']).toEqual({ conditions: [condition('Mine', 'True')] });
  });

  it('treats finalizers as a set', () => {
    const one = apply(empty, { metadata: { name: 'a', finalizers: ['x/one'] } }, 'one');
    const two = apply(one, { metadata: { name: 'a', finalizers: ['x/two'] } }, 'two');
    expect(two.metadata.finalizers).toEqual(['x/one', 'x/two']);
    expect(apply(two, { metadata: { name: 'a' } }, 'one').metadata.finalizers).toEqual(['x/two']);
  });
});
