import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventInput } from '../../../src/controllers/ports.ts';
import { EventRecorder } from '../../../src/kubernetes/event-recorder.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { type ScriptedRequest, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
let clock: FakeClock;
let telemetry: FakeTelemetry;
let transport: Transport;
let recorder: EventRecorder;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  telemetry = new FakeTelemetry();
  transport = new Transport({ server: server.url }, clock);
  recorder = new EventRecorder({
    transport,
    clock,
    random: new FakeRandom(),
    telemetry,
    cluster: 't1/prod',
    identity: 'replica-0',
  });
});
afterEach(async () => {
  await transport.close();
  await recorder.close();
  await server.close();
});

function event(parts: Partial<EventInput> = {}): EventInput {
  return {
    regarding: { apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', name: 'gpu', uid: 'u1' },
    type: 'Normal',
    reason: 'ScalingUp',
    action: 'ScaleUp',
    note: 'one node more',
    ...parts,
  };
}

async function accepted(request: ScriptedRequest): Promise<ScriptedRequest> {
  const before = telemetry.total('sluice_events_total');
  request.json(201, {});
  while (telemetry.total('sluice_events_total') === before) await settle();
  return request;
}

const noteOf = (request: ScriptedRequest) => (request.body as { note: string }).note;

describe('EventRecorder', () => {
  test('writes events.k8s.io/v1 in the namespace that Kubernetes demands', async () => {
    recorder.record(event());
    const request = await accepted(await server.next());
    expect([request.method, request.path]).toEqual(['POST', '/apis/events.k8s.io/v1/namespaces/default/events']);
    expect(request.body).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'gpu.0000000000000001', namespace: 'default' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'sluice.dev/sluice',
      reportingInstance: 'replica-0',
      action: 'ScaleUp',
      reason: 'ScalingUp',
      type: 'Normal',
      note: 'one node more',
      regarding: { apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', name: 'gpu', uid: 'u1' },
    });
    recorder.record(event({ regarding: { apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'shop' } }));
    expect((await server.next()).path).toBe('/apis/events.k8s.io/v1/namespaces/shop/events');
  });

  test('what repeats is counted, and written as a series once a minute', async () => {
    recorder.record(event());
    await accepted(await server.next());
    for (let seconds = 0; seconds < 59; seconds += 1) {
      clock.advance(1_000);
      recorder.record(event());
    }
    await settle();
    expect(server.count).toBe(1);
    clock.advance(1_000);
    recorder.record(event());
    const patch = await accepted(await server.next());
    expect([patch.method, patch.path]).toEqual([
      'PATCH',
      '/apis/events.k8s.io/v1/namespaces/default/events/gpu.0000000000000001',
    ]);
    expect(patch.body).toEqual({ series: { count: 61, lastObservedTime: '2026-01-01T00:01:00.000000Z' } });
  });

  test('a series that the server has forgotten is written anew', async () => {
    recorder.record(event());
    await accepted(await server.next());
    clock.advance(60_000);
    recorder.record(event());
    (await server.next()).json(404, {});
    expect((await server.next()).method).toBe('POST');
  });

  test('a series ends when it has been quiet for long', async () => {
    recorder.record(event());
    await accepted(await server.next());
    clock.advance(600_000);
    recorder.record(event());
    expect((await server.next()).method).toBe('POST');
  });

  test('an object has a burst and then one event in half a minute', async () => {
    const told: string[] = [];
    for (let index = 0; index < 30; index += 1) recorder.record(event({ note: `note ${index}` }));
    for (let index = 0; index < 20; index += 1) told.push(noteOf(await accepted(await server.next())));
    expect(told).toEqual(Array.from({ length: 20 }, (_, index) => `note ${index}`));
    await settle();
    expect(server.count).toBe(20);
    clock.advance(30_000);
    recorder.record(event({ note: 'later' }));
    recorder.record(event({ note: 'too many' }));
    expect(noteOf(await accepted(await server.next()))).toBe('later');
    recorder.record(event({ regarding: { apiVersion: 'v1', kind: 'Node', name: 'other' }, note: 'its own budget' }));
    expect(noteOf(await server.next())).toBe('its own budget');
  });

  test('the queue is bounded', async () => {
    for (let index = 0; index < 1_000; index += 1) {
      recorder.record(event({ regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: `pod-${index}` } }));
    }
    const dropped = telemetry.entries.filter((entry) => entry.name === 'event dropped: too many');
    expect(dropped.length).toBe(1_000 - 256 - 1);
    await server.next();
  });

  test('a note is cut to 1 KiB between characters', async () => {
    recorder.record(event({ note: `a${'€'.repeat(400)}` }));
    const note = noteOf(await server.next());
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toBe(`a${'€'.repeat(341)}`);
  });

  test('an event that cannot be written is dropped, and the next one is not', async () => {
    recorder.record(event());
    recorder.record(event({ reason: 'ScalingDown', action: 'ScaleDown' }));
    (await server.next()).json(403, { message: 'namespace is being terminated' });
    expect((await accepted(await server.next())).body).toMatchObject({ reason: 'ScalingDown' });
    expect(telemetry.total('sluice_events_total', { reason: 'ScalingUp' })).toBe(0);
  });

  test('takes nothing more after close', async () => {
    await recorder.close();
    recorder.record(event());
    await settle();
    expect(server.count).toBe(0);
  });
});
