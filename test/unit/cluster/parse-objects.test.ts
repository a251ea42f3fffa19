import { describe, expect, test } from 'vitest';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parseNode } from '../../../src/cluster/parse-node.ts';
import {
  parseCsiNode,
  parseDaemonSet,
  parseNamespace,
  parsePersistentVolume,
  parsePersistentVolumeClaim,
  parsePodDisruptionBudget,
  parseStorageClass,
} from '../../../src/cluster/parse-objects.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';

describe('parseNode', () => {
  test('keeps what decisions read, rounds allocatable up as kube-scheduler does', () => {
    const node = parseNode({
      metadata: {
        name: 'n1',
        uid: 'u1',
        resourceVersion: '42',
        labels: { zone: 'a' },
        annotations: {
          'sluice.dev/claim': 'x',
          'cluster-autoscaler.kubernetes.io/scale-down-disabled': 'true',
          'example.com/huge': 'y'.repeat(100_000),
        },
        finalizers: ['f'],
      },
      spec: { providerID: 'openstack:///id', unschedulable: true, taints: [{ key: 'k', effect: 'NoExecute' }] },
      status: {
        allocatable: { cpu: '3999.5m', memory: '1Gi', pods: '110', 'ephemeral-storage': '10.9', 'nvidia.com/gpu': 1 },
        conditions: [
          { type: 'MemoryPressure', status: 'True' },
          { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
        ],
        volumesAttached: [{}, {}],
      },
    });
    expect(node).toEqual({
      uid: 'u1',
      name: 'n1',
      resourceVersion: '42',
      createdMs: 0,
      deleting: false,
      labels: new Map([['zone', 'a']]),
      annotations: new Map([
        ['cluster-autoscaler.kubernetes.io/scale-down-disabled', 'true'],
        ['sluice.dev/claim', 'x'],
      ]),
      finalizers: ['f'],
      taints: [{ key: 'k', value: '', effect: 'NoExecute' }],
      unschedulable: true,
      providerId: 'openstack:///id',
      allocatable: {
        cpuMillis: 4000,
        memoryBytes: 1024 ** 3,
        ephemeralBytes: 11,
        pods: 110,
        extended: new Map([['nvidia.com/gpu', 1]]),
      },
      ready: 'True',
      readyChangedMs: Date.UTC(2026, 0, 1),
      volumesAttached: 2,
    });
  });

  test('a node that has said nothing yet is Unknown and offers nothing', () => {
    const node = parseNode({ metadata: { name: 'n1' } });
    expect(node.ready).toBe('Unknown');
    expect(node.allocatable).toMatchObject({ cpuMillis: 0, memoryBytes: 0, pods: 0 });
  });

  test('a taint of an effect that the scheduler does not know keeps nothing away', () => {
    const taints = [
      { key: 'k', effect: 'Never' },
      { key: 'l', effect: null },
      { key: 'm', effect: 'NoExecute' },
    ];
    const node = parseNode({ metadata: { name: 'n1' }, spec: { taints } });
    expect(node.taints).toEqual([{ key: 'm', value: '', effect: 'NoExecute' }]);
  });
});

describe('parsePodDisruptionBudget', () => {
  const budget = (status: unknown): unknown => ({
    metadata: { name: 'b', namespace: 'shop', generation: 2 },
    spec: { selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } },
    status,
  });

  test.each([
    { name: 'fresh status', status: { observedGeneration: 2, disruptionsAllowed: 3 }, want: 3 },
    { name: 'stale status allows nothing', status: { observedGeneration: 1, disruptionsAllowed: 3 }, want: 0 },
    { name: 'no status allows nothing', status: undefined, want: 0 },
  ])('$name', ({ status, want }) => {
    const parsed = parsePodDisruptionBudget(budget(status));
    expect(parsed.disruptionsAllowed).toBe(want);
    expect(parsed.selector).toEqual({ requirements: [{ key: 'app', operator: 'Exists', values: [] }] });
  });
});

describe('parseDaemonSet', () => {
  const daemonSet = (spec: Record<string, unknown>): unknown => ({
    metadata: { name: 'agent', namespace: 'kube-system', uid: 'd1' },
    spec: { template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [], ...spec } } },
  });
  const keys = (spec: Record<string, unknown>): readonly string[] =>
    parseDaemonSet(daemonSet(spec), new PodShapeInterner()).shape.tolerations.map((one) => `${one.key}:${one.effect}`);

  test('its controller adds tolerations after its own', () => {
    expect(keys({ tolerations: [{ key: 'own', operator: 'Exists' }] })).toEqual([
      'own:',
      'node.kubernetes.io/not-ready:NoExecute',
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/memory-pressure:NoSchedule',
      'node.kubernetes.io/pid-pressure:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ]);
    expect(keys({ hostNetwork: true })).toContain('node.kubernetes.io/network-unavailable:NoSchedule');
  });

  test('limits stand in for requests, as the API server will do for its pods', () => {
    const resources = { limits: { cpu: '2', memory: '5' }, requests: { cpu: '1' } };
    const { shape } = parseDaemonSet(daemonSet({ containers: [{ resources }] }), new PodShapeInterner());
    expect(shape.requests).toMatchObject({ cpuMillis: 1000, memoryBytes: 5 });
    expect(shape.namespace).toBe('kube-system');
  });

  test('without a template it cannot be read', () => {
    expect(() => parseDaemonSet({ metadata: { name: 'x' }, spec: {} }, new PodShapeInterner())).toThrow(ParseError);
  });
});

describe('storage', () => {
  test('a claim is bound when binding was completed, whatever else it says', () => {
    const claim = (annotations: Record<string, string>): unknown => ({
      metadata: { name: 'c', namespace: 'shop', annotations },
      spec: {
        volumeName: 'pv',
        storageClassName: 'fast',
        resources: { requests: { storage: '1Gi' } },
        accessModes: ['X'],
      },
      status: { phase: 'Bound' },
    });
    expect(parsePersistentVolumeClaim(claim({})).bound).toBe(false);
    const bound = parsePersistentVolumeClaim(
      claim({
        'pv.kubernetes.io/bind-completed': 'yes',
        'volume.kubernetes.io/selected-node': 'n1',
        'volume.beta.kubernetes.io/storage-class': 'old',
      }),
    );
    expect(bound).toMatchObject({ bound: true, storageClass: 'old', selectedNode: 'n1', requestBytes: 1024 ** 3 });
  });

  test('a volume: driver, affinity, owner', () => {
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }] };
    const spec = {
      capacity: { storage: '2Gi' },
      csi: { driver: 'd' },
      nodeAffinity: { required },
      claimRef: { namespace: 'shop', name: 'c' },
    };
    expect(parsePersistentVolume({ metadata: { name: 'pv' }, spec, status: { phase: 'Bound' } })).toMatchObject({
      csiDriver: 'd',
      capacityBytes: 2 * 1024 ** 3,
      claimNamespace: 'shop',
      claimName: 'c',
      phase: 'Bound',
      nodeAffinity: [{ expressions: [{ key: 'zone', operator: 'In', values: ['a'] }], fields: [] }],
    });
    expect(parsePersistentVolume({ metadata: { name: 'pv' }, spec: { cinder: {} } }).csiDriver).toBe(
      'cinder.csi.openstack.org',
    );
  });

  test('a storage class', () => {
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'zone', values: ['a', 'b'] }] }];
    const raw = {
      metadata: { name: 's' },
      provisioner: 'p',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowedTopologies,
    };
    expect(parseStorageClass(raw)).toMatchObject({
      provisioner: 'p',
      waitForFirstConsumer: true,
      allowedTopologies: [{ expressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }], fields: [] }],
    });
    expect(parseStorageClass({ metadata: { name: 's' } })).toMatchObject({
      waitForFirstConsumer: false,
      allowedTopologies: undefined,
    });
  });

  test('a CSI node: zero is a limit, absent is none', () => {
    const drivers = [{ name: 'a', allocatable: { count: 0 } }, { name: 'b' }];
    expect([...parseCsiNode({ metadata: { name: 'n' }, spec: { drivers } }).limits]).toEqual([['a', 0]]);
  });

  test('a namespace', () => {
    expect(parseNamespace({ metadata: { name: 'n', uid: 'u', labels: { a: 'b' } } })).toEqual({
      uid: 'u',
      name: 'n',
      labels: new Map([['a', 'b']]),
    });
  });
});
