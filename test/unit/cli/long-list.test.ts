// A long list of pods is the same store, whether the thread helped to read it or not.
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PodReading } from '../../../src/cli/pod-reading-thread.ts';
import { realClock } from '../../../src/cli/real-clock.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { ListWatch } from '../../../src/kubernetes/list-watch.ts';
import { WatchedStore } from '../../../src/kubernetes/object-store.ts';
import type { OpenLineReader } from '../../../src/kubernetes/streamed-list.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { rawPods } from '../../builders/arbitrary-pods.ts';
import { FakeRandom } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { ScriptedServer } from '../kubernetes/scripted-server.ts';

const PATIENT = { timeout: 30_000 };
/** Makes any list a long one. */
const FILLER = { name: 'filler', resourceVersion: '1' };
const FILLED = { ...FILLER, annotations: { filler: 'x'.repeat(8.1 * 1024 * 1024) } };
const END = { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } };

let server: ScriptedServer;
let transport: Transport;
beforeEach(async () => {
  server = await ScriptedServer.start();
  transport = new Transport({ server: server.url }, realClock);
});
afterEach(async () => {
  await transport.close();
  await server.close();
});

/** The pods of a server that streams these events, and what was said about them. */
async function load(
  batches: readonly (readonly object[])[],
  opener?: (interner: PodShapeInterner) => OpenLineReader<PodObject>,
) {
  const [interner, telemetry, store] = [
    new PodShapeInterner(),
    new FakeTelemetry(),
    new WatchedStore<PodObject>('pods'),
  ];
  const watch = new ListWatch({
    transport,
    path: '/api/v1/pods',
    labels: { cluster: 't1/prod', resource: 'pods' },
    parse: (raw) => parsePod(raw, interner),
    openReader: opener?.(interner),
    part: store.openPart(realClock.monotonicMs()),
    clock: realClock,
    random: new FakeRandom(),
    telemetry,
  });
  watch.start();
  const request = await server.next();
  request.stream({ type: 'ADDED', object: { metadata: FILLED, spec: {} } });
  for (const batch of batches) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    request.send(...batch);
  }
  request.send({ type: 'BOOKMARK', object: END }, { type: 'DELETED', object: { metadata: FILLER } });
  await expect.poll(() => store.version, PATIENT).toBe(2);
  await watch.close();
  return { interner, telemetry, store };
}

it('is the same, whoever read it', PATIENT, async () => {
  const named = rawPods.filter(({ metadata }) => Object(metadata)['name'] !== '');
  const events = fc.sample(fc.record({ type: fc.constantFrom('ADDED', 'ADDED', 'DELETED'), object: named }), {
    numRuns: 300,
    seed: 7,
  });
  const batches = Array.from({ length: 12 }, (_, index) => events.slice(index * 25, index * 25 + 25));
  const alone = await load(batches);

  let beside = 0;
  const reading = new PodReading({ clock: realClock, cores: 2 });
  const helped = await load(batches, (interner) => (failed) => {
    const reader = reading.opener(interner)(failed);
    return (
      reader && {
        read: (batch) => {
          const read = reader.read(batch);
          if (read !== undefined) beside += 1;
          return read;
        },
        close: () => reader.close(),
      }
    );
  });

  expect(beside).toBeGreaterThan(0);
  const shapeless = (pods: readonly PodObject[]) => pods.map(({ shape, ...pod }) => ({ ...pod, shape: shape.key }));
  expect(shapeless(helped.store.list())).toEqual(shapeless(alone.store.list()));
  expect(helped.store.list().length).toBeGreaterThan(10);
  expect(helped.store.doubtful).toEqual(alone.store.doubtful);
  expect(helped.store.doubtful.size).toBeGreaterThan(0);
  const unparsable = (telemetry: FakeTelemetry) => telemetry.total('sluice_unparsable_objects_total');
  expect(unparsable(helped.telemetry)).toBe(unparsable(alone.telemetry));
  const byKey = new Map(helped.store.list().map(({ shape }) => [shape.key, shape]));
  for (const { shape } of helped.store.list()) expect(shape).toBe(byKey.get(shape.key));
});
