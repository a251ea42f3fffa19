import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { customResourceDefinition } from '../../../src/api/custom-resource-definition.ts';
import { parseNodePool } from '../../../src/api/parse-resources.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import { parseNode } from '../../../src/cluster/parse-node.ts';
import {
  parseCsiDriver,
  parseCsiNode,
  parseDaemonSet,
  parseNamespace,
  parsePersistentVolume,
  parsePersistentVolumeClaim,
  parsePodDisruptionBudget,
  parseStorageClass,
} from '../../../src/cluster/parse-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../../src/cluster/parse-storage-state.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import type { EvictionOutcome, WorkloadPlane } from '../../../src/controllers/ports.ts';
import { openWorkloadPlane } from '../../../src/kubernetes/workload-plane.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { ScriptedServer } from './scripted-server.ts';

const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodepools.sluice.dev';
const POOL_PATH = '/apis/sluice.dev/v1alpha1/nodepools/gpu';

let server: ScriptedServer;
let clock: FakeClock;
let plane: WorkloadPlane;
let interner: PodShapeInterner;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  interner = new PodShapeInterner();
  plane = openWorkloadPlane(
    { server: server.url, caPem: 'the CA' },
    {
      parsers: {
        nodePool: parseNodePool,
        pod: (raw) => parsePod(raw, interner),
        node: parseNode,
        podDisruptionBudget: parsePodDisruptionBudget,
        daemonSet: (raw) => parseDaemonSet(raw, interner),
        persistentVolumeClaim: parsePersistentVolumeClaim,
        persistentVolume: parsePersistentVolume,
        storageClass: parseStorageClass,
        csiNode: parseCsiNode,
        csiDriver: parseCsiDriver,
        csiStorageCapacity: parseCsiStorageCapacity,
        volumeAttachment: parseVolumeAttachment,
        deviceClass: parseDeviceClass,
        resourceClaim: parseResourceClaim,
        resourceSlice: parseResourceSlice,
        namespace: parseNamespace,
      },
      nodePoolDefinition: customResourceDefinition('NodePool'),
      clock,
      random: new FakeRandom(),
      telemetry: new FakeTelemetry(),
      identity: 'replica-0',
      labels: { cluster: 't1/prod' },
    },
  );
});
afterEach(async () => {
  await plane.close();
  await server.close();
});

const pool = (finalizers: readonly string[] = []) =>
  parseNodePool({
    metadata: { name: 'gpu', uid: 'p1', resourceVersion: '7', finalizers: [...finalizers] },
    spec: { flavor: 'b3-8' },
  });

const rawPod = (name: string, uid = 'u1') => ({
  metadata: { name, namespace: 'shop', uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
});
const pod = (): PodObject => parsePod(rawPod('web-0'), interner);
const node = { name: 'n1', uid: 'n-uid' };
const rawNode = (extra: object = {}) => ({
  metadata: { name: 'n1', uid: 'n-uid', resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z', ...extra },
  spec: {},
  status: {},
});
const podList = (items: readonly object[], continueToken = '') => ({
  kind: 'PodList',
  metadata: { resourceVersion: '9', continue: continueToken },
  items,
});

describe('ensureNodePoolDefinition', () => {
  const definition = (parts: { version?: string; established?: boolean; deleting?: boolean }) => ({
    metadata: {
      name: 'nodepools.sluice.dev',
      uid: 'c1',
      resourceVersion: '5',
      annotations: { 'sluice.dev/definition-version': parts.version ?? '1' },
      ...(parts.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    status: { conditions: [{ type: 'Established', status: parts.established === false ? 'False' : 'True' }] },
  });

  test('applies it where there is none, and waits until it is served', async () => {
    const outcome = plane.ensureNodePoolDefinition();
    (await server.next()).json(404, {});
    const apply = await server.next();
    expect([apply.method, apply.path, apply.query.get('fieldManager'), apply.query.get('force')]).toEqual([
      'PATCH',
      CRD_PATH,
      'sluice',
      'true',
    ]);
    expect(apply.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(apply.body).not.toHaveProperty('metadata.resourceVersion');
    apply.json(201, definition({ established: false }));
    while (clock.timersWaiting === 0 || server.count > 2) await settle();
    await settle();
    clock.advance(250);
    (await server.next()).json(200, definition({}));
    expect(await outcome).toBe('ready');
  });

  test('applies over the same or an older one, on the version that was judged', async () => {
    const outcome = plane.ensureNodePoolDefinition();
    (await server.next()).json(200, definition({ version: '0' }));
    const apply = await server.next();
    expect(apply.body).toHaveProperty('metadata.resourceVersion', '5');
    apply.json(200, definition({}));
    expect(await outcome).toBe('ready');
  });

  test('leaves a newer one alone', async () => {
    const outcome = plane.ensureNodePoolDefinition();
    (await server.next()).json(200, definition({ version: '999' }));
    expect(await outcome).toBe('ready');
    expect(server.count).toBe(1);
  });

  test('writes nothing over one that is on its way out', async () => {
    const outcome = plane.ensureNodePoolDefinition();
    (await server.next()).json(200, definition({ deleting: true }));
    expect(await outcome).toBe('deleting');
    expect(server.count).toBe(1);
  });
});

describe('node pools', () => {
  test('desiredNodes is patched on the version that was read, as the autoscaler', async () => {
    const done = plane.setDesiredNodes(pool(), 3);
    const request = await server.next();
    expect([request.method, request.path, request.query.get('fieldManager')]).toEqual([
      'PATCH',
      POOL_PATH,
      'sluice-autoscaler',
    ]);
    expect(request.body).toEqual({ metadata: { uid: 'p1', resourceVersion: '7' }, spec: { desiredNodes: 3 } });
    request.json(409, {});
    await expect(done).rejects.toMatchObject({ code: 'conflict' });
  });

  test('status is applied whole, as its own manager', async () => {
    const done = plane.applyNodePoolStatus(pool(), { currentNodes: 2 });
    const request = await server.next();
    expect([request.path, request.query.get('fieldManager')]).toEqual([`${POOL_PATH}/status`, 'sluice-status']);
    expect(request.body).toEqual({
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodePool',
      metadata: { name: 'gpu' },
      status: { currentNodes: 2 },
    });
    request.json(200, {});
    await done;
  });

  test('the finalizer is set beside others, taken off alone, and not written twice', async () => {
    const set = plane.setNodePoolFinalizer(pool(['other']), true);
    const request = await server.next();
    expect(request.body).toMatchObject({ metadata: { finalizers: ['other', 'sluice.dev/nodepool'] } });
    request.json(200, {});
    await set;
    const unset = plane.setNodePoolFinalizer(pool(['other', 'sluice.dev/nodepool']), false);
    const second = await server.next();
    expect(second.body).toMatchObject({ metadata: { resourceVersion: '7', finalizers: ['other'] } });
    second.json(404, {});
    await unset;
    await plane.setNodePoolFinalizer(pool(), false);
    expect(server.count).toBe(2);
  });

  test('only a 404 is absence', async () => {
    const gone = plane.getNodePool('gpu');
    (await server.next()).json(404, {});
    expect(await gone).toBeUndefined();
    const odd = plane.getNodePool('gpu');
    (await server.next()).json(200, {});
    await expect(odd).rejects.toMatchObject({ code: 'unavailable' });
    const wrong = plane.getNodePool('gpu');
    (await server.next()).json(200, { metadata: { name: 'gpu', uid: 'p1' }, spec: { desiredNodes: 'many' } });
    await expect(wrong).rejects.toMatchObject({ code: 'invalidSpec' });
  });

  test.each(['', '.', '..'])("a hostile name '%s' addresses nothing", async (name) => {
    await expect(plane.getNodePool(name)).rejects.toMatchObject({ code: 'invalidSpec' });
    expect(server.count).toBe(0);
  });
});

describe('nodes', () => {
  const draining = { key: 'sluice.dev/draining', value: '', effect: 'NoSchedule' as const };
  const nodeObject = () => parseNode(rawNode());

  test('are read live before they are patched, and a conflict is read again', async () => {
    const done = plane.cordonNode(nodeObject(), draining);
    (await server.next()).json(200, rawNode());
    (await server.next()).json(409, {});
    (await server.next()).json(200, rawNode({ resourceVersion: '4' }));
    const patch = await server.next();
    expect(patch.query.get('fieldManager')).toBe('sluice-nodes');
    expect(patch.body).toMatchObject({
      metadata: { uid: 'n-uid', resourceVersion: '4' },
      spec: { unschedulable: true },
    });
    patch.json(200, {});
    await done;
  });

  test('conflicts without end are told', async () => {
    const done = plane.cordonNode(nodeObject(), draining);
    const expected = expect(done).rejects.toMatchObject({ code: 'conflict' });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      (await server.next()).json(200, rawNode());
      (await server.next()).json(409, {});
    }
    await expected;
  });

  test.each<[string, number, object]>([
    ['is gone', 404, {}],
    ['is another one', 200, rawNode({ uid: 'other' })],
  ])('a node that %s is not written to', async (_name, status, body) => {
    const done = plane.uncordonNode(nodeObject(), draining);
    (await server.next()).json(status, body);
    await expect(done).rejects.toMatchObject({ code: 'notFound' });
    expect(server.count).toBe(1);
  });

  test('lose one taint and keep the others', async () => {
    const placing = { key: 'sluice.dev/placing', value: '', effect: 'NoSchedule' as const };
    const live = rawNode();
    const other = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' };
    const done = plane.liftTaint(nodeObject(), placing);
    (await server.next()).json(200, { ...live, spec: { taints: [placing, other] } });
    const patch = await server.next();
    expect(patch.body).toMatchObject({ metadata: { uid: 'n-uid' }, spec: { taints: [other] } });
    patch.json(200, {});
    await done;
    const again = plane.liftTaint(nodeObject(), placing);
    (await server.next()).json(200, live);
    await again;
    expect(server.count).toBe(3);
  });

  test('lose it with one request where it is known to be', async () => {
    const placing = { key: 'sluice.dev/placing', value: '', effect: 'NoSchedule' as const };
    const other = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' as const };
    const known = parseNode({ ...rawNode(), spec: { taints: [other, placing] } });
    const done = plane.liftTaint(known, placing);
    const patch = await server.next();
    expect(patch.body).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'n-uid' },
      { op: 'test', path: '/spec/taints/1/key', value: placing.key },
      { op: 'test', path: '/spec/taints/1/effect', value: placing.effect },
      { op: 'remove', path: '/spec/taints/1' },
    ]);
    patch.json(200, {});
    await done;
    // It moved: the live Node says where it is.
    const moved = plane.liftTaint(known, placing);
    (await server.next()).json(422, {});
    (await server.next()).json(200, { ...rawNode(), spec: { taints: [placing] } });
    const merged = await server.next();
    expect(merged.body).toMatchObject({ spec: { taints: [] } });
    merged.json(200, {});
    await moved;
    const failed = expect(plane.liftTaint(known, placing)).rejects.toMatchObject({ code: 'forbidden' });
    (await server.next()).json(403, {});
    await failed;
  });

  test('are deleted by uid; gone and replaced are done, a race is a conflict', async () => {
    const deleted = plane.deleteNode(node);
    const request = await server.next();
    expect([request.method, request.body]).toMatchObject(['DELETE', { preconditions: { uid: 'n-uid' } }]);
    request.json(404, {});
    await deleted;
    const replaced = plane.deleteNode(node);
    (await server.next()).json(409, {});
    (await server.next()).json(200, rawNode({ uid: 'other' }));
    await replaced;
    const raced = plane.deleteNode(node);
    (await server.next()).json(409, {});
    (await server.next()).json(200, rawNode());
    await expect(raced).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('pods', () => {
  test('of a node are listed live, in pages', async () => {
    const listed = plane.listPodsOnNode('n1');
    const first = await server.next();
    expect(first.query.get('fieldSelector')).toBe('spec.nodeName=n1');
    expect(first.query.has('resourceVersion')).toBe(false);
    first.json(200, podList([rawPod('a')], 'next'));
    const second = await server.next();
    expect(second.query.get('continue')).toBe('next');
    second.json(200, podList([rawPod('b')]));
    expect((await listed).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('a pod that cannot be read is an error, not an absent pod', async () => {
    const listed = plane.listPodsOnNode('n1');
    (await server.next()).json(200, podList([rawPod('a'), { metadata: {} }]));
    await expect(listed).rejects.toMatchObject({ code: 'invalidSpec' });
  });

  test.each<[string, number, object, EvictionOutcome]>([
    ['201', 201, { kind: 'Status' }, { kind: 'evicted' }],
    ['404', 404, {}, { kind: 'gone' }],
    ['429', 429, { message: 'budget' }, { kind: 'blocked', message: 'budget', retryAfterMs: 10_000 }],
    ['a webhook', 403, { message: 'denied' }, { kind: 'refused', message: 'HTTP 403: denied' }],
    ['two budgets', 500, { message: 'more than one' }, { kind: 'refused', message: 'HTTP 500: more than one' }],
  ])('eviction answered by %s', async (_name, status, body, want) => {
    const outcome = plane.evictPod(pod());
    const request = await server.next();
    expect(request.path).toBe('/api/v1/namespaces/shop/pods/web-0/eviction');
    expect(request.body).toMatchObject({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      deleteOptions: { preconditions: { uid: 'u1' } },
    });
    request.json(status, body, { 'retry-after': '10' });
    expect(await outcome).toEqual(want);
  });

  test.each<[string, readonly object[], EvictionOutcome['kind']]>([
    ['the pod is another one now', [rawPod('web-0', 'u2')], 'gone'],
    ['the pod is gone', [], 'gone'],
    ['the pod still stands', [rawPod('web-0')], 'blocked'],
  ])('eviction met by a conflict: %s', async (_name, items, want) => {
    const outcome = plane.evictPod(pod());
    (await server.next()).json(409, {});
    const look = await server.next();
    expect([look.method, look.query.get('fieldSelector')]).toEqual(['GET', 'metadata.name=web-0']);
    look.json(200, podList(items));
    expect((await outcome).kind).toBe(want);
  });

  test('get a node named only while they are the same and have none', async () => {
    const named = plane.nominateNode(pod(), 'n1');
    const request = await server.next();
    expect([request.method, request.path]).toEqual(['PATCH', '/api/v1/namespaces/shop/pods/web-0/status']);
    expect(request.body).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'u1' },
      { op: 'test', path: '/status/nominatedNodeName', value: null },
      { op: 'test', path: '/spec/nodeName', value: null },
      { op: 'add', path: '/status/nominatedNodeName', value: 'n1' },
    ]);
    request.json(200, {});
    await named;
  });

  test.each([
    [404, 'conflict'],
    [409, 'conflict'],
    [422, 'conflict'],
    [403, 'forbidden'],
    [503, 'unavailable'],
  ])('a name answered by %i is %s', async (status, code) => {
    const named = plane.nominateNode(pod(), 'n1');
    (await server.next()).json(status, {});
    await expect(named).rejects.toMatchObject({ code });
  });

  test.each([401, 503, 504])('eviction answered by %i is an error', async (status) => {
    const outcome = plane.evictPod(pod());
    (await server.next()).json(status, {});
    await expect(outcome).rejects.toMatchObject({ code: status === 401 ? 'credentials' : 'unavailable' });
  });

  test('are deleted by uid', async () => {
    const deleted = plane.deletePod(pod());
    const request = await server.next();
    expect([request.method, request.body]).toMatchObject(['DELETE', { preconditions: { uid: 'u1' } }]);
    request.json(200, {});
    await deleted;
  });
});

describe('the rest', () => {
  test('volume attachments are those of the node that are attached', async () => {
    const attachment = (name: string, nodeName: string, attached: boolean) => ({
      metadata: { name },
      spec: { nodeName },
      status: { attached },
    });
    const names = plane.listVolumeAttachments('n1');
    (await server.next()).json(200, {
      kind: 'VolumeAttachmentList',
      metadata: { resourceVersion: '1' },
      items: [attachment('a', 'n1', true), attachment('b', 'n1', false), attachment('c', 'n2', true)],
    });
    expect(await names).toEqual(['a']);
  });

  test('a bootstrap token is for authentication only, and its secret is in no error', async () => {
    const token = { id: 'abc123', secret: '0123456789abcdef', expiresAt: '2026-01-01T01:00:00Z', description: 'gpu-1' };
    const created = plane.createBootstrapToken(token);
    const request = await server.next();
    expect(request.path).toBe('/api/v1/namespaces/kube-system/secrets');
    expect(request.body).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bootstrap-token-abc123', namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': 'abc123',
        'token-secret': '0123456789abcdef',
        expiration: '2026-01-01T01:00:00Z',
        description: 'gpu-1',
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      },
    });
    request.json(409, { message: 'secret 0123456789abcdef exists' });
    await expect(created).rejects.toMatchObject({ code: 'conflict' });
    await expect(created).rejects.toSatisfy((error: Error) => !error.message.includes('0123456789abcdef'));
    await expect(plane.createBootstrapToken({ ...token, id: 'A/../b' })).rejects.toMatchObject({ code: 'invalidSpec' });
    const deleted = plane.deleteBootstrapToken('abc123');
    (await server.next()).json(404, {});
    await deleted;
  });

  test('the version is the probe of the path', async () => {
    const version = plane.serverVersion();
    (await server.next()).json(200, { gitVersion: 'v1.37.1' });
    expect(await version).toBe('v1.37.1');
    expect([plane.apiEndpoint, plane.caCertificate]).toEqual([server.url, 'the CA']);
  });

  test('start watches every kind once', async () => {
    plane.start();
    const paths: string[] = [];
    for (let kinds = 0; kinds < 16; kinds += 1) paths.push((await server.next()).path);
    expect(paths.sort()).toEqual([
      '/api/v1/namespaces',
      '/api/v1/nodes',
      '/api/v1/persistentvolumeclaims',
      '/api/v1/persistentvolumes',
      '/api/v1/pods',
      '/apis/apps/v1/daemonsets',
      '/apis/policy/v1/poddisruptionbudgets',
      '/apis/resource.k8s.io/v1/deviceclasses',
      '/apis/resource.k8s.io/v1/resourceclaims',
      '/apis/resource.k8s.io/v1/resourceslices',
      '/apis/sluice.dev/v1alpha1/nodepools',
      '/apis/storage.k8s.io/v1/csidrivers',
      '/apis/storage.k8s.io/v1/csinodes',
      '/apis/storage.k8s.io/v1/csistoragecapacities',
      '/apis/storage.k8s.io/v1/storageclasses',
      '/apis/storage.k8s.io/v1/volumeattachments',
    ]);
  });
});
