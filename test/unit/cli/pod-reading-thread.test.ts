// The thread itself, once; and limits and failures with threads that do as they are told.
import { existsSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { PodReading } from '../../../src/cli/pod-reading-thread.ts';
import { realClock } from '../../../src/cli/real-clock.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import type { Clock } from '../../../src/controllers/ports.ts';
import { readListedLines } from '../../../src/kubernetes/listed-lines.ts';
import type { LineReader } from '../../../src/kubernetes/streamed-list.ts';
import bundle from '../../../rolldown.config.ts';
import { rawPods } from '../../builders/arbitrary-pods.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';

const PATIENT = { timeout: 30_000 };

function thread(body: string): URL {
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${body}`)}`,
  );
}

const SILENT = thread(`parentPort.on('message', () => undefined);`);
const FAILING = thread(`parentPort.on('message', () => { throw new Error('no'); });`);
const GREEDY = thread(
  `const held = []; parentPort.on('message', () => { for (;;) held.push(new Array(1e6).fill(held.length)); });`,
);
const LEAVING = thread(`parentPort.on('message', () => process.exit(0));`);

const events = fc.oneof(
  { weight: 9, arbitrary: fc.record({ type: fc.constantFrom('ADDED', 'MODIFIED', 'DELETED'), object: rawPods }) },
  fc.constantFrom<object>(
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '3' } } },
    { type: 'ADDED', object: { metadata: { name: 'bare', resourceVersion: '4' } } },
  ),
);
const endings = fc.constantFrom<readonly string[]>(
  [],
  ['{"type":"ERROR","object":{"code":410}}'],
  ['not JSON'],
  [
    '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}',
  ],
);
const batches = fc
  .tuple(fc.array(events, { maxLength: 30 }), endings)
  .map(([each, ending]) =>
    Buffer.from([...each.map((event) => JSON.stringify(event)), ...ending, '\n'.repeat(8)].join('\n')),
  );

describe('PodReading', () => {
  const failures: string[] = [];
  const open: LineReader<PodObject>[] = [];

  function start(options: { clock?: Clock; worker?: URL; cores?: number; interner?: PodShapeInterner } = {}) {
    failures.length = 0;
    const { clock = realClock, cores = 2, interner = new PodShapeInterner(), worker } = options;
    const reading = new PodReading({ clock, cores, batchBytesMin: 8, ...(worker === undefined ? {} : { worker }) });
    const opener = reading.opener(interner);
    return (): LineReader<PodObject> | undefined => {
      const reader = opener((error) => failures.push(String(error)));
      if (reader !== undefined) open.push(reader);
      return reader;
    };
  }

  afterEach(() => {
    for (const reader of open.splice(0)) reader.close();
  });

  it('reads as it would be read here: objects, shapes, errors, ends', PATIENT, async () => {
    const interner = new PodShapeInterner();
    const reader = start({ interner })();
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const beside = await reader?.read(batch);
        const here = readListedLines(batch, { parse: (raw) => parsePod(raw, interner) });
        expect(beside).toEqual(here);
        const shapes = [beside, here].map((each) => each?.changes.map(([, pod]) => pod && 'shape' in pod && pod.shape));
        for (const [index, shape] of (shapes[0] ?? []).entries()) expect(shape).toBe(shapes[1]?.[index]);
      }),
      { numRuns: 25 },
    );
    expect(failures).toEqual([]);
  });

  it('gives one thread to one list at a time, and none where there is one core', async () => {
    const opened = start({ worker: SILENT });
    const first = opened();
    expect([first === undefined, opened()]).toEqual([false, undefined]);
    first?.close();
    await expect.poll(() => opened(), PATIENT).toBeDefined();
    expect(start({ cores: 1 })()).toBeUndefined();
  });

  it('takes four batches, and none that is long or short', () => {
    const reader = start({ worker: SILENT })();
    expect(reader?.read(Buffer.alloc(1024 * 1024 + 1))).toBeUndefined();
    expect(reader?.read(Buffer.alloc(7))).toBeUndefined();
    for (let batch = 1; batch <= 4; batch += 1) expect(reader?.read(Buffer.alloc(8))).toBeInstanceOf(Promise);
    expect(reader?.read(Buffer.alloc(8))).toBeUndefined();
  });

  it.each([
    { name: 'throws', worker: FAILING, want: 'no' },
    { name: 'takes too much memory', worker: GREEDY, want: 'memory' },
    { name: 'leaves', worker: LEAVING, want: 'ended with 0' },
    { name: 'cannot be started', worker: new URL('file:///nowhere/read.js'), want: 'nowhere' },
  ])('gives its batches back when it $name, and takes no more', PATIENT, async ({ worker, want }) => {
    const reader = start({ worker })();
    const [first, second] = [reader?.read(Buffer.alloc(8)), reader?.read(Buffer.alloc(8))];
    expect([await first, await second]).toEqual([undefined, undefined]);
    expect(failures).toEqual([expect.stringContaining(want)]);
    expect(reader?.read(Buffer.alloc(8))).toBeUndefined();
  });

  it('is given up when it does not come back in time', async () => {
    const clock = new FakeClock();
    const reader = start({ clock, worker: SILENT })();
    const asked = reader?.read(Buffer.alloc(8));
    clock.advance(10_000);
    expect(await asked).toBeUndefined();
    expect([failures.length, clock.timersWaiting]).toEqual([1, 0]);
  });

  it('is found under the name that the bundle gives it', () => {
    const input: unknown = 'input' in bundle ? bundle.input : undefined;
    const source = readFileSync('src/cli/pod-reading-thread.ts', 'utf8');
    const [, name = ''] = /'\.\/([a-z-]+)\.js'/.exec(source) ?? [];
    expect(input).toMatchObject({ [name]: `src/cli/${name}.ts` });
    expect(existsSync(`src/cli/${name}.ts`)).toBe(true);
  });
});
