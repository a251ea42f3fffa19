import { describe, expect, it } from 'vitest';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { instrumentCloud, instrumentWorkloadPlane } from '../../../src/telemetry/instrumented-ports.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FakeCloud } from '../../fakes/fake-cloud.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { FakeWorkloadPlane } from '../../fakes/fake-workload-plane.ts';

const labels = { cluster: 'a/b' };

describe('instrumentCloud', () => {
  it('counts and times a call that works, and hands through its answer', async () => {
    const telemetry = new FakeTelemetry();
    const cloud = instrumentCloud(new FakeCloud(new FakeClock()), telemetry, labels);
    expect(await cloud.currentProjectId()).toBe('project-1');
    const series = { ...labels, service: 'openstack', operation: 'currentProjectId' };
    expect(telemetry.total('sluice_api_requests_total', { ...series, outcome: 'ok' })).toBe(1);
    expect(telemetry.entries).toContainEqual({
      kind: 'observe',
      name: 'sluice_api_request_duration_seconds',
      labels: series,
      value: expect.any(Number) as number,
    });
  });

  it('counts a fault by its code and hands it through untouched', async () => {
    const telemetry = new FakeTelemetry();
    const port = new FakeCloud(new FakeClock());
    const fault = new PortError('quota', 'full');
    port.createServer = () => Promise.reject(fault);
    const cloud = instrumentCloud(port, telemetry, labels);
    const request = {
      name: 'web-node-0a1b2c',
      flavorId: 'f',
      imageId: 'i',
      portId: 'p',
      zone: 'nova',
      keyPair: undefined,
      serverGroupId: undefined,
      userData: '',
      metadata: new Map(),
    };
    await expect(cloud.createServer(request)).rejects.toBe(fault);
    expect(telemetry.total('sluice_api_requests_total', { operation: 'createServer', outcome: 'quota' })).toBe(1);
    expect(telemetry.total('sluice_api_requests_total', { outcome: 'ok' })).toBe(0);
  });

  it('makes a programmer error of an adapter visible as one', async () => {
    const telemetry = new FakeTelemetry();
    const port = new FakeCloud(new FakeClock());
    port.listFlavors = () => Promise.reject(new TypeError('x is undefined'));
    const cloud = instrumentCloud(port, telemetry, labels);
    await expect(cloud.listFlavors()).rejects.toThrow(TypeError);
    expect(telemetry.total('sluice_api_requests_total', { operation: 'listFlavors', outcome: 'error' })).toBe(1);
  });
});

describe('instrumentWorkloadPlane', () => {
  it('counts evictions by the answer: a blocked one is no failure', async () => {
    const telemetry = new FakeTelemetry();
    const port = new FakeWorkloadPlane(new FakeClock());
    port.evictPod = () => Promise.resolve({ kind: 'blocked', message: 'budget', retryAfterMs: undefined });
    const plane = instrumentWorkloadPlane(port, telemetry, labels);
    const pod = {} as Parameters<FakeWorkloadPlane['evictPod']>[0];
    expect(await plane.evictPod(pod)).toMatchObject({ kind: 'blocked' });
    expect(telemetry.total('sluice_api_requests_total', { operation: 'evictPod', outcome: 'blocked' })).toBe(1);
  });

  it('leaves stores and the rest as they are', () => {
    const port = new FakeWorkloadPlane(new FakeClock());
    const plane = instrumentWorkloadPlane(port, new FakeTelemetry(), labels);
    expect(plane.stores).toBe(port.stores);
    expect(plane.apiEndpoint).toBe(port.apiEndpoint);
  });
});
