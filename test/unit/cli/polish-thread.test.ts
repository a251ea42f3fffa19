// The thread itself, once; and turns, limits and failures with threads that do as they are told.
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { PolishThread } from '../../../src/cli/polish-thread.ts';
import { realClock } from '../../../src/cli/real-clock.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { Clock } from '../../../src/controllers/ports.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Polished } from '../../../src/planner/patterns/polish.ts';
import bundle from '../../../rolldown.config.ts';
import { jobs } from '../../builders/make-jobs.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';

const { polishable } = makePlan(buildSnapshot(jobs(), 1), { nameSeed: 'thread' });

function thread(body: string): URL {
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${body}`)}`,
  );
}

/** Answers with what it was asked. */
const ECHO = thread(
  `parentPort.on('message', ({ id, polishable }) => parentPort.postMessage({ id, polished: polishable }));`,
);
const SILENT = thread(`parentPort.on('message', () => undefined);`);
const FAILING = thread(`parentPort.on('message', () => { throw new Error('no'); });`);

/** It ends by itself in a fraction of this; a busy machine takes more. */
const ENOUGH_SECONDS = 10;
const PATIENT = { timeout: 15_000 };

describe('PolishThread', () => {
  const telemetry = new FakeTelemetry();
  let open: PolishThread | undefined;

  function start(clock: Clock, worker?: URL): PolishThread {
    telemetry.entries.length = 0;
    open = new PolishThread({ clock, telemetry, ...(worker === undefined ? {} : { worker }) });
    return open;
  }

  afterEach(() => open?.close());

  function asked(polisher: PolishThread, cluster: string, seconds = 0.2): Promise<Polished> {
    if (polishable === undefined) throw new Error('there must be something to polish');
    const work = { cluster, polishable, seconds };
    return new Promise((resolve) => polisher.add({ ...work, done: resolve }));
  }

  it('polishes beside the event loop', async () => {
    const { choices, bound } = await asked(start(realClock), 'tenants/one', ENOUGH_SECONDS);
    const [first] = choices;
    expect(first?.choice.costPerHour).toBeLessThan(first?.asked.choice.costPerHour ?? 0);
    expect(bound.costPerHour).toBeGreaterThanOrEqual(polishable?.stated.bound.costPerHour ?? Infinity);
    expect(telemetry.total('sluice_polishes_total', { cluster: 'tenants/one', outcome: 'done' })).toBe(1);
  });

  it('gives clusters turns, and one that asks again the turn that it has', async () => {
    const polisher = start(realClock, ECHO);
    const order: string[] = [];
    const ask = (cluster: string, said = cluster) => asked(polisher, cluster).then(() => order.push(said));
    const first = ask('a');
    void ask('b', 'b, dropped for the newer one');
    const others = [ask('c'), ask('b')];
    await Promise.all([first, ...others]);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('lets only so many wait', () => {
    const polisher = start(new FakeClock(), SILENT);
    const add = (cluster: string): boolean => {
      if (polishable === undefined) throw new Error('there must be something to polish');
      return polisher.add({ cluster, polishable, seconds: 5, done: () => undefined });
    };
    // The first one runs.
    for (let cluster = 0; cluster <= 64; cluster++) expect(add(`${cluster}`)).toBe(true);
    expect(add('one more')).toBe(false);
    expect(add('7')).toBe(true);
    polisher.drop('7');
    expect(add('one more')).toBe(true);
    expect(telemetry.total('sluice_polishes_total', { outcome: 'refused' })).toBe(1);
  });

  it.each([
    { name: 'throws', worker: FAILING },
    { name: 'cannot be started', worker: new URL('file:///nowhere/polish.js') },
  ])('rests when the thread $name, and serves the next one after that', async ({ worker }) => {
    const clock = new FakeClock();
    const polisher = start(clock, worker);
    void asked(polisher, 'a');
    const failed = (): number => telemetry.total('sluice_polishes_total', { outcome: 'failed' });
    await expect.poll(failed, PATIENT).toBe(1);
    void asked(polisher, 'b');
    await clock.advanceAndSettle(59_000);
    expect(failed()).toBe(1);
    await clock.advanceAndSettle(1000);
    await expect.poll(failed, PATIENT).toBe(2);
    expect(telemetry.entries.filter(({ kind }) => kind === 'log')).toHaveLength(2);
  });

  it('ends a thread that does not come back in time', async () => {
    const clock = new FakeClock();
    const polisher = start(clock, SILENT);
    void asked(polisher, 'a');
    await clock.advanceAndSettle(5100);
    expect(telemetry.total('sluice_polishes_total', { outcome: 'failed' })).toBe(0);
    await clock.advanceAndSettle(100);
    expect(telemetry.total('sluice_polishes_total', { outcome: 'failed' })).toBe(1);
  });

  it('takes nothing once it is closed', async () => {
    const polisher = start(new FakeClock(), SILENT);
    await polisher.close();
    if (polishable === undefined) throw new Error('there must be something to polish');
    expect(polisher.add({ cluster: 'a', polishable, seconds: 1, done: () => undefined })).toBe(false);
  });

  it('is found under the name that the bundle gives it', () => {
    const input: unknown = 'input' in bundle ? bundle.input : undefined;
    const source = readFileSync('src/cli/polish-thread.ts', 'utf8');
    const [, name = ''] = /'\.\/([a-z-]+)\.js'/.exec(source) ?? [];
    expect(input).toMatchObject({ [name]: `src/cli/${name}.ts` });
    expect(existsSync(`src/cli/${name}.ts`)).toBe(true);
  });
});
