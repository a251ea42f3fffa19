import { array, assert, json, jsonValue, oneof, pre, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPortError } from '../../../src/controllers/port-errors.ts';
import { parseWorkloadKubeconfig } from '../../../src/kubernetes/kubeconfig.ts';
import { keyOf, parseListPage, parseWatchLine } from '../../../src/kubernetes/watch-protocol.ts';

const metadata = { name: 'web', namespace: 'shop', resourceVersion: '7' };

describe('parseWatchLine', () => {
  test.each<[string, unknown, unknown]>([
    [
      'a new object',
      { type: 'ADDED', object: { metadata } },
      { kind: 'changed', key: 'shop/web', resourceVersion: '7', raw: { metadata } },
    ],
    [
      'a deleted one',
      { type: 'DELETED', object: { metadata } },
      { kind: 'deleted', key: 'shop/web', resourceVersion: '7' },
    ],
    [
      'a bookmark',
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
      { kind: 'bookmark', resourceVersion: '9', initialEventsEnd: false },
    ],
    [
      'a mark that is not true',
      {
        type: 'BOOKMARK',
        object: { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'false' } } },
      },
      { kind: 'bookmark', resourceVersion: '9', initialEventsEnd: false },
    ],
    ['an error', { type: 'ERROR', object: { code: 410 } }, { kind: 'error', httpStatus: 410 }],
    ['an error without code', { type: 'ERROR', object: {} }, { kind: 'error', httpStatus: 500 }],
    ['an inherited field', { type: 'ADDED', object: { metadata: { name: 'a' } } }, { kind: 'malformed' }],
  ])('%s', (_name, event, want) => {
    expect(parseWatchLine(JSON.stringify(event))).toEqual(want);
  });

  test('whatever comes is a tagged value', () => {
    assert(
      property(oneof(string(), json()), (line) => {
        expect(['malformed', 'error', 'changed', 'deleted', 'bookmark']).toContain(parseWatchLine(line).kind);
      }),
    );
  });

  test('all but the managed fields is kept as it was said', () => {
    assert(
      property(array(jsonValue()), jsonValue(), string(), (managedFields, rest, text) => {
        const said = { 'managedFields":[': text, text: '"managedFields":[', managedFields: text, rest };
        const line = JSON.stringify({
          type: 'ADDED',
          object: { said, metadata: { ...metadata, managedFields, said } },
        });
        const want: unknown = JSON.parse(JSON.stringify({ said, metadata: { ...metadata, managedFields: [], said } }));
        // What the object says elsewhere may have such a list too; the first one is cut.
        pre(!JSON.stringify(said).includes('"managedFields":['));
        expect(parseWatchLine(line)).toEqual({ kind: 'changed', key: 'shop/web', resourceVersion: '7', raw: want });
      }),
    );
  });

  test.each(['"managedFields":[', '"managedFields":["a', '"managedFields":[{"b":"]"}'])('%s has no end', (text) => {
    expect(parseWatchLine(`{"type":"ADDED","object":{"metadata":{"name":"a",${text}`)).toEqual({ kind: 'malformed' });
  });

  test('deep nesting is no end of the process', () => {
    const deep = '['.repeat(100_000);
    expect(parseWatchLine(`{"managedFields":${deep}`)).toEqual({ kind: 'malformed' });
    expect(parseWatchLine(deep)).toEqual({ kind: 'malformed' });
  });
});

describe('parseListPage', () => {
  test('Go writes an empty list as null', () => {
    expect(parseListPage({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: null })).toEqual({
      resourceVersion: '1',
      continueToken: '',
      items: [],
    });
  });

  test('whatever comes is a page or undefined', () => {
    assert(
      property(jsonValue(), (body) => {
        const page = parseListPage(body);
        expect(page === undefined || Array.isArray(page.items)).toBe(true);
      }),
    );
  });
});

describe('keyOf', () => {
  test.each<[unknown, string | undefined]>([
    [{ metadata }, 'shop/web'],
    [{ metadata: { name: 'n1' } }, 'n1'],
    [{ metadata: { name: '' } }, undefined],
    [{ metadata: { name: 7 } }, undefined],
    [null, undefined],
  ])('%j', (object, want) => {
    expect(keyOf(object)).toBe(want);
  });
});

describe('parseWorkloadKubeconfig', () => {
  test('whatever the text, it fails with invalidSpec alone', () => {
    assert(
      property(oneof(string(), json()), (text) => {
        expect(() => parseWorkloadKubeconfig(text)).toThrow();
        try {
          parseWorkloadKubeconfig(text);
        } catch (error) {
          expect(isPortError(error, 'invalidSpec')).toBe(true);
        }
      }),
    );
  });
});
