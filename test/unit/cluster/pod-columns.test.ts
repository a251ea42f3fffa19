// Packed in one place and unpacked in another, a pod is what reading it there would have given.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodPacker, PodUnpacker } from '../../../src/cluster/pod-columns.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { rawPods } from '../../builders/arbitrary-pods.ts';

function parsed(raws: readonly unknown[], interner: PodShapeInterner): PodObject[] {
  return raws.flatMap((raw) => {
    try {
      return [parsePod(raw, interner)];
    } catch {
      return [];
    }
  });
}

/** A place where pods are packed, and one to which they go. */
function route(partsMax?: number) {
  const [there, here] = [new PodShapeInterner(), new PodShapeInterner()];
  const packer = new PodPacker(partsMax === undefined ? {} : { partsMax });
  const unpacker = new PodUnpacker(here);
  const sent: number[] = [];
  const send = (raws: readonly unknown[]): readonly PodObject[] => {
    const columns = structuredClone(packer.pack(parsed(raws, there)));
    sent.push(columns.parts.length);
    return unpacker.unpack(columns);
  };
  return { here, send, sent };
}

const pod = (name: string, more: { labels?: object; priority?: number } = {}) => ({
  metadata: { name, namespace: 'one', uid: `uid of ${name}`, labels: more.labels ?? {} },
  spec: { priority: more.priority ?? 0, containers: [] },
});

describe('pods in columns', () => {
  test.each([undefined, 1, 5])('are what they were, with numbers for %s parts', (partsMax) => {
    fc.assert(
      fc.property(fc.array(fc.array(rawPods, { maxLength: 12 }), { maxLength: 4 }), (batches) => {
        const { here, send } = route(partsMax);
        for (const raws of batches) {
          const arrived = send(raws);
          const read = parsed(raws, here);
          expect(arrived).toEqual(read);
          for (const [index, each] of arrived.entries()) {
            expect(each.shape).toBe(read[index]?.shape);
            expect(each.controller).toBe(read[index]?.controller);
            expect(Object.keys(each)).toEqual(Object.keys(read[index] ?? {}));
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('share what is alike, also with the batches before', () => {
    const { send, sent } = route();
    send([pod('a'), pod('b'), pod('c', { priority: 1 })]);
    send([pod('d'), pod('e', { priority: 1 }), pod('f', { labels: { app: 'f' } })]);
    expect(sent).toEqual([2, 1]);
  });

  test('are numbered anew when there are too many numbers', () => {
    const { send, sent } = route(2);
    expect(send([pod('a', { labels: { a: '1' } }), pod('b')]).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(send([pod('c'), pod('d', { priority: 9 })]).map(({ priority }) => priority)).toEqual([0, 9]);
    expect(sent).toEqual([2, 2]);
  });

  test('of one shape and any number of priorities are not all looked through', () => {
    const { send, sent } = route();
    const many = Array.from({ length: 40 }, (_, priority) => pod(`p${priority}`, { priority }));
    expect(send([...many, ...many]).map(({ priority }) => priority)).toEqual(
      [...many, ...many].map((_, at) => at % 40),
    );
    expect(sent).toEqual([80]);
  });

  test('that come in another order are refused', () => {
    const interner = new PodShapeInterner();
    const packer = new PodPacker();
    packer.pack(parsed([pod('a')], interner));
    const second = packer.pack(parsed([pod('b')], interner));
    expect(() => new PodUnpacker(interner).unpack(second)).toThrow('in their order');
  });
});
