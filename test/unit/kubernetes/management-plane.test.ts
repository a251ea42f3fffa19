import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import type { WorkloadCluster } from '../../../src/api/workload-cluster.ts';
import type { ManagementPlane } from '../../../src/controllers/ports.ts';
import { openManagementPlane } from '../../../src/kubernetes/management-plane.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { ScriptedServer } from './scripted-server.ts';

const CLAIMS = '/apis/sluice.dev/v1alpha1/namespaces/t1/nodeclaims';

let server: ScriptedServer;
let clock: FakeClock;
let telemetry: FakeTelemetry;
let plane: ManagementPlane;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  telemetry = new FakeTelemetry();
  plane = openManagementPlane(
    { server: server.url },
    {
      parsers: { nodeClaim: (raw) => raw as NodeClaim, workloadCluster: (raw) => raw as WorkloadCluster },
      namespaces: ['t1', 't2'],
      clock,
      random: new FakeRandom(),
      telemetry,
      identity: 'replica-0',
    },
  );
});
afterEach(async () => {
  await plane.close();
  await server.close();
});

function claim(name = 'gpu-node-abc123', clusterUid = 'cluster-1'): NodeClaim {
  return {
    metadata: { name, namespace: 't1', uid: 'c1', resourceVersion: '7', finalizers: ['sluice.dev/nodeclaim'] },
    spec: {
      clusterUid,
      clusterName: 'prod',
      poolName: 'gpu',
      poolUid: 'p1',
      flavor: 'b3-8',
      flavorId: 'f1',
      zone: 'nova',
      region: 'R',
      projectId: 'pr1',
      imageId: 'i1',
      networkIds: ['n1'],
      securityGroups: [],
      labels: {},
      taints: [],
      templateHash: 'h',
      drainTimeoutSeconds: 600,
      drainForce: true,
      provisionTimeoutSeconds: 900,
    },
  };
}

describe('claims', () => {
  test('are created without what the server gives; a lost answer is an unknown outcome', async () => {
    const created = plane.createClaim({ ...claim(), metadata: { ...claim().metadata, uid: '', resourceVersion: '' } });
    const request = await server.next();
    expect([request.method, request.path]).toEqual(['POST', CLAIMS]);
    expect(request.body).toMatchObject({
      kind: 'NodeClaim',
      metadata: { name: 'gpu-node-abc123', finalizers: ['sluice.dev/nodeclaim'] },
    });
    expect(request.body).not.toHaveProperty('metadata.uid');
    expect(request.body).not.toHaveProperty('metadata.resourceVersion');
    request.destroy();
    await expect(created).rejects.toMatchObject({ code: 'outcomeUnknown' });
  });

  test('a status replaces the one of the version that was read', async () => {
    const updated = plane.updateClaimStatus(claim(), { phase: 'Building', serverId: 's1' });
    const request = await server.next();
    expect([request.method, request.path]).toEqual(['PUT', `${CLAIMS}/gpu-node-abc123/status`]);
    expect(request.body).toMatchObject({
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodeClaim',
      metadata: { uid: 'c1', resourceVersion: '7' },
      status: { phase: 'Building', serverId: 's1' },
    });
    request.json(200, { ...claim(), metadata: { ...claim().metadata, resourceVersion: '8' } });
    expect((await updated).metadata.resourceVersion).toBe('8');
    const stale = plane.updateClaimStatus(claim(), {});
    (await server.next()).json(409, {});
    await expect(stale).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of a cluster are listed live in pages, by spec and not by label', async () => {
    const listed = plane.listClaims('t1', 'cluster-1');
    const list = (items: readonly NodeClaim[], token: string) => ({
      kind: 'NodeClaimList',
      metadata: { resourceVersion: '9', continue: token },
      items,
    });
    const first = await server.next();
    expect(first.query.has('labelSelector')).toBe(false);
    first.json(200, list([claim('a'), claim('b', 'cluster-2')], 'next'));
    (await server.next()).json(200, list([claim('c')], ''));
    expect((await listed).map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
    const failed = plane.listClaims('t1', 'cluster-1');
    (await server.next()).json(200, list([claim('a')], 'next'));
    (await server.next()).json(500, {});
    await expect(failed).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('lose their finalizer on the version that was read, and are deleted by uid', async () => {
    const unset = plane.setClaimFinalizer(claim(), false);
    const patch = await server.next();
    expect(patch.body).toEqual({ metadata: { uid: 'c1', resourceVersion: '7', finalizers: [] } });
    patch.json(200, {});
    await unset;
    const deleted = plane.deleteClaim(claim());
    const request = await server.next();
    expect(request.body).toMatchObject({ preconditions: { uid: 'c1' } });
    request.json(200, {});
    await deleted;
  });
});

describe('secrets and config maps', () => {
  test('are read by name; values are decoded, absence is confirmed by 404 alone', async () => {
    const secret = plane.getSecret('t1', 'kubeconfig');
    const request = await server.next();
    expect(request.path).toBe('/api/v1/namespaces/t1/secrets/kubeconfig');
    request.json(200, { metadata: { uid: 's' }, data: { value: Buffer.from('text').toString('base64') } });
    expect(Buffer.from((await secret)?.get('value') ?? []).toString()).toBe('text');
    const prices = plane.getConfigMap('t1', 'prices');
    (await server.next()).json(200, { metadata: { uid: 's' }, data: { 'b3-8': '0.10' } });
    expect(await prices).toEqual(new Map([['b3-8', '0.10']]));
    const none = plane.getSecret('t1', 'none');
    (await server.next()).json(404, {});
    expect(await none).toBeUndefined();
    const forbidden = plane.getSecret('t1', 'none');
    (await server.next()).json(403, {});
    await expect(forbidden).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('watches and leases', () => {
  test('both kinds are watched in every namespace', async () => {
    plane.start();
    const paths: string[] = [];
    for (let watches = 0; watches < 4; watches += 1) paths.push((await server.next()).path);
    expect(paths.sort()).toEqual([
      CLAIMS,
      '/apis/sluice.dev/v1alpha1/namespaces/t1/workloadclusters',
      '/apis/sluice.dev/v1alpha1/namespaces/t2/nodeclaims',
      '/apis/sluice.dev/v1alpha1/namespaces/t2/workloadclusters',
    ]);
  });

  test('a store joins the namespaces, and its gauge counts them all', async () => {
    plane.start();
    for (let watches = 0; watches < 4; watches += 1) {
      const request = await server.next();
      const namespace = request.path.split('/')[5] ?? '';
      const added = { type: 'ADDED', object: { metadata: { name: 'x', namespace, uid: 'u', resourceVersion: '1' } } };
      const end = { resourceVersion: '2', annotations: { 'k8s.io/initial-events-end': 'true' } };
      request.stream(added, { type: 'BOOKMARK', object: { metadata: end } });
    }
    while (!plane.stores.nodeClaims.synced) await settle();
    expect(plane.stores.nodeClaims.list().length).toBe(2);
    expect(plane.stores.nodeClaims.get('t2/x')?.metadata.namespace).toBe('t2');
    expect(telemetry.last('sluice_watch_objects', { cluster: 'management', resource: 'nodeclaims' })).toBe(2);
  });

  test('closing the plane gives its leases up', async () => {
    const lease = plane.openLease({ namespace: 't1', name: 'prod' }, () => -1);
    clock.advance(0);
    (await server.next()).json(404, {});
    const create = await server.next();
    const { metadata, spec } = create.body as { metadata: object; spec: object };
    create.json(201, { metadata: { ...metadata, uid: 'l1', resourceVersion: '1' }, spec });
    while (!lease.state().held) await settle();
    const closed = plane.close();
    const release = await server.next();
    expect(release.body).toMatchObject({ spec: { holderIdentity: '' } });
    release.json(200, release.body);
    await closed;
    expect(lease.state().held).toBe(false);
    expect(clock.timersWaiting).toBe(0);
  });
});
