import { describe, expect, it } from 'vitest';
import { ApiError, type KubeObject } from '../../../src/playground/kubernetes-api/kube-object.ts';
import { ObjectStorage } from '../../../src/playground/kubernetes-api/object-storage.ts';
import { objectFilter } from '../../../src/playground/kubernetes-api/selectors.ts';

const object = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns', uid: name, resourceVersion: '', creationTimestamp: '', labels },
});

function codeOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  return 200;
}

describe('the storage', () => {
  it('counts one revision over all resources', () => {
    const storage = new ObjectStorage();
    const first = storage.insert('/pods', object('a'));
    const second = storage.insert('/nodes', object('b'));
    expect(Number(second.metadata.resourceVersion)).toBe(Number(first.metadata.resourceVersion) + 1);
    expect(storage.revision).toBe(Number(second.metadata.resourceVersion));
  });

  it('pages through the list as it was when the first page was taken', () => {
    const storage = new ObjectStorage();
    for (const name of ['c', 'a', 'b']) storage.insert('/pods', object(name));
    const first = storage.firstPage(storage.list('/pods'), 2);
    storage.insert('/pods', object('d'));
    storage.remove('/pods', 'c', 'ns');
    const second = storage.nextPage(first.next ?? '', 2);
    const names = [...first.items, ...second.items].map((item) => item.metadata.name);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(second.revision).toBe(first.revision);
    expect(second.next).toBeUndefined();
    expect(codeOf(() => storage.nextPage(first.next ?? '', 2))).toBe(410);
  });

  it('replays what happened after a revision, then follows', () => {
    const storage = new ObjectStorage();
    const { metadata } = storage.insert('/pods', object('a'));
    storage.replace('/pods', object('a', { x: '1' }));
    const seen: string[] = [];
    const stop = storage.watch('/pods', Number(metadata.resourceVersion), (event) => seen.push(event.type));
    storage.remove('/pods', 'a', 'ns');
    stop();
    storage.insert('/pods', object('z'));
    expect(seen).toEqual(['MODIFIED', 'DELETED']);
  });

  it('answers 410 to a revision from before a compaction and 504 to one of the future', () => {
    const storage = new ObjectStorage();
    storage.insert('/pods', object('a'));
    const old = storage.revision;
    storage.insert('/pods', object('b'));
    storage.compact();
    expect(codeOf(() => storage.watch('/pods', old, () => {}))).toBe(410);
    expect(codeOf(() => storage.watch('/pods', storage.revision + 1, () => {}))).toBe(504);
    expect(codeOf(() => storage.watch('/pods', storage.revision, () => {}))).toBe(200);
  });
});

describe('selectors', () => {
  const pod = object('a', { app: 'web', tier: 'front' });

  it.each([
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app!=web', false],
    ['app in (web, api)', true],
    ['app notin (web)', false],
    ['missing notin (web)', true],
    ['tier', true],
    ['!tier', false],
    ['!missing', true],
    ['', true],
  ])('%s matches: %s', (selector, want) => {
    expect(objectFilter(selector, '')(pod)).toBe(want);
  });

  it.each([
    ['metadata.name=a', true],
    ['metadata.name!=a', false],
    ['spec.nodeName=', true],
    ['spec.nodeName=n1', false],
  ])('field %s matches: %s', (selector, want) => {
    expect(objectFilter('', selector)(pod)).toBe(want);
  });

  it('refuses what it cannot read', () => {
    expect(codeOf(() => objectFilter('a b c', ''))).toBe(400);
  });
});
