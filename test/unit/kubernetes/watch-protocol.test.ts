import { assert, json, jsonValue, oneof, property, string } from 'fast-check';
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

  test('deep nesting is no end of the process', () => {
    const deep = '['.repeat(100_000);
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
