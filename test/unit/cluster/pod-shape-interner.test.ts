// Equal shapes are one object for as long as a pod carries it, and cost nothing once none does.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodShape } from '../../../src/cluster/cluster-objects.ts';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { rawPods } from '../../builders/arbitrary-pods.ts';
import { makePod } from '../../builders/make-pod.ts';

const { index: _index, key: _key, ...parts } = makePod('web').build().shape;

function shapeOf(interner: PodShapeInterner, app: string): PodShape {
  return interner.intern({ ...parts, labels: new Map([['app', app]]) });
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') throw new Error('no collector');
  // What a weak reference gave stays until the job is over.
  await setImmediate();
  Reflect.apply(collect, undefined, []);
}

describe('PodShapeInterner', () => {
  test('lets go of shapes that nobody carries, and of no other', async () => {
    const interner = new PodShapeInterner();
    const carried = shapeOf(interner, 'carried');
    for (let number = 0; number < 900; number += 1) shapeOf(interner, `gone-${number}`);
    await collectGarbage();
    for (let number = 0; number < 500; number += 1) shapeOf(interner, `new-${number}`);
    expect(interner.size).toBeLessThan(502);
    expect(shapeOf(interner, 'carried')).toBe(carried);
  });

  test('forgets the shape that was made longest ago when it is full', () => {
    const interner = new PodShapeInterner({ shapesMax: 2 });
    const [a, b] = [shapeOf(interner, 'a'), shapeOf(interner, 'b')];
    const c = shapeOf(interner, 'c');
    expect(interner.size).toBe(2);
    expect([shapeOf(interner, 'b'), shapeOf(interner, 'c')]).toEqual([b, c]);
    const again = shapeOf(interner, 'a');
    expect(again).not.toBe(a);
    expect(again.key).toBe(a.key);
  });

  test('takes pods of one owner for alike only when their keys are equal', () => {
    const owned = [{ kind: 'ReplicaSet', name: 'web', uid: 'owner', controller: true }];
    const alike = rawPods.map((raw) => ({ ...raw, metadata: { ...Object(raw['metadata']), ownerReferences: owned } }));
    fc.assert(
      fc.property(fc.array(alike, { maxLength: 12 }), (raws) => {
        const interner = new PodShapeInterner();
        for (const raw of [...raws, ...raws]) {
          const [shape, anew] = [shapeRead(raw, interner), shapeRead(raw, new PodShapeInterner())];
          expect(shape?.key).toBe(anew?.key);
          expect(shape).toBe(shapeRead(raw, interner));
        }
      }),
      { numRuns: 50 },
    );
  });
});

function shapeRead(raw: unknown, interner: PodShapeInterner): PodShape | undefined {
  try {
    return parsePod(raw, interner).shape;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
