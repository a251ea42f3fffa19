import { describe, expect, test } from 'vitest';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { LIST_ITEMS_MAX } from '../../../src/cluster/fields.ts';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';

type Raw = Record<string, unknown>;

function parse(spec: Raw, more: { metadata?: Raw; status?: Raw } = {}): PodObject {
  const metadata = { name: 'web-1', namespace: 'shop', uid: 'u1', ...more.metadata };
  return parsePod({ metadata, spec: { containers: [], ...spec }, status: more.status }, new PodShapeInterner());
}

const container = (requests: Raw, more: Raw = {}): Raw => ({ resources: { requests }, ...more });

describe('requests', () => {
  test.each([
    { name: 'nothing asked', spec: {}, want: [0, 0] },
    {
      name: 'containers add up and are rounded once',
      spec: { containers: [container({ cpu: '0.4m', memory: '0.5' }), container({ cpu: '0.4m', memory: '0.5' })] },
      want: [1, 1],
    },
    {
      name: 'a bigger init container counts alone',
      spec: { containers: [container({ cpu: '1' })], initContainers: [container({ cpu: '3' })] },
      want: [3000, 0],
    },
    {
      name: 'a sidecar runs beside the containers',
      spec: {
        containers: [container({ cpu: '1' })],
        initContainers: [container({ cpu: '2' }, { restartPolicy: 'Always' })],
      },
      want: [3000, 0],
    },
    {
      name: 'an init container runs beside the sidecars before it only',
      spec: {
        containers: [container({ cpu: '100m' })],
        initContainers: [
          container({ cpu: '1' }, { restartPolicy: 'Always' }),
          container({ cpu: '5' }),
          container({ cpu: '2' }, { restartPolicy: 'Always' }),
        ],
      },
      want: [6000, 0],
    },
    {
      name: 'each resource has its own peak',
      spec: {
        containers: [container({ cpu: '1', memory: '1' })],
        initContainers: [container({ cpu: '2' }), container({ memory: '5' })],
      },
      want: [2000, 5],
    },
    {
      name: 'the pod level replaces the sum, overhead comes on top',
      spec: {
        containers: [container({ cpu: '1', memory: '10' })],
        resources: { requests: { cpu: '500m' } },
        overhead: { cpu: '100m', memory: '1' },
      },
      want: [600, 11],
    },
    {
      name: 'limits are not requests',
      spec: { containers: [{ resources: { limits: { cpu: '4' } } }] },
      want: [0, 0],
    },
  ])('$name', ({ spec, want }) => {
    const { requests } = parse(spec).shape;
    expect([requests.cpuMillis, requests.memoryBytes]).toEqual(want);
    expect(requests.pods).toBe(1);
  });

  test('extended resources and hugepages are kept, unknown native names are not', () => {
    const names = { 'nvidia.com/gpu': '2', 'hugepages-2Mi': '4Mi', gpu: '1', 'requests.example.com/x': '1' };
    expect([...parse({ containers: [container(names)] }).shape.requests.extended]).toEqual([
      ['hugepages-2Mi', 4 * 1024 ** 2],
      ['nvidia.com/gpu', 2],
    ]);
  });
});

describe('what the filters read', () => {
  test('host ports of containers and sidecars, not of init containers', () => {
    const ports = (hostPort: number): Raw => ({ ports: [{ containerPort: 1, hostPort }, { containerPort: 2 }] });
    const pod = parse({
      containers: [{ ports: [{ hostPort: 80, protocol: 'UDP', hostIP: '10.0.0.1' }] }],
      initContainers: [ports(81), { ...ports(82), restartPolicy: 'Always' }],
    });
    expect(pod.shape.hostPorts).toEqual([
      { protocol: 'UDP', hostIp: '10.0.0.1', port: 80 },
      { protocol: 'TCP', hostIp: '0.0.0.0', port: 82 },
    ]);
  });

  test('spread: only DoNotSchedule, with matchLabelKeys in the selector and defaults filled in', () => {
    const constraint = { topologyKey: 'zone', maxSkew: 2, labelSelector: { matchLabels: { app: 'web' } } };
    const pod = parse(
      {
        topologySpreadConstraints: [
          { ...constraint, whenUnsatisfiable: 'ScheduleAnyway' },
          { ...constraint, whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['hash', 'absent'] },
        ],
      },
      { metadata: { labels: { app: 'web', hash: 'h1' } } },
    );
    expect(pod.shape.spread).toEqual([
      {
        topologyKey: 'zone',
        maxSkew: 2,
        minDomains: 1,
        selector: {
          requirements: [
            { key: 'app', operator: 'In', values: ['web'] },
            { key: 'hash', operator: 'In', values: ['h1'] },
          ],
        },
        nodeAffinityPolicy: 'Honor',
        nodeTaintsPolicy: 'Ignore',
      },
    ]);
  });

  test('affinity terms: namespaces default to the own one, unless a selector is there', () => {
    const required = (...terms: Raw[]): Raw => ({ requiredDuringSchedulingIgnoredDuringExecution: terms });
    const pod = parse({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }],
          },
        },
        podAffinity: required({ topologyKey: 'zone', labelSelector: {} }),
        podAntiAffinity: required(
          { topologyKey: 'zone', namespaceSelector: {} },
          { topologyKey: 'zone', namespaces: ['a'] },
        ),
      },
    });
    expect(pod.shape.nodeAffinity).toEqual([
      { expressions: [{ key: 'disk', operator: 'Exists', values: [] }], fields: [] },
    ]);
    expect(pod.shape.podAffinity).toEqual([
      { topologyKey: 'zone', selector: { requirements: [] }, namespaces: ['shop'], namespaceSelector: undefined },
    ]);
    expect(pod.shape.podAntiAffinity.map((term) => [term.namespaces, term.namespaceSelector])).toEqual([
      [[], { requirements: [] }],
      [['a'], undefined],
    ]);
  });

  test('volumes: claims and generic ephemeral ones', () => {
    const volumes = [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-0' } },
      { name: 'scratch', ephemeral: {} },
      { name: 'config', configMap: { name: 'x' } },
    ];
    expect(parse({ volumes }).shape.volumes).toEqual([
      { claim: 'data-0', ephemeral: false },
      { claim: 'web-1-scratch', ephemeral: true },
    ]);
  });
});

describe('what decides about moving it', () => {
  test.each([
    { name: 'emptyDir is local', volumes: [{ name: 'a', emptyDir: {} }], annotations: {}, want: true },
    { name: 'hostPath is local', volumes: [{ name: 'a', hostPath: { path: '/x' } }], annotations: {}, want: true },
    {
      name: 'volumes that may be lost are not',
      volumes: [{ name: 'a', emptyDir: {} }],
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'b, a' },
      want: false,
    },
    { name: 'a config map is not', volumes: [{ name: 'a', configMap: {} }], annotations: {}, want: false },
  ])('$name', ({ volumes, annotations, want }) => {
    expect(parse({ volumes }, { metadata: { annotations } }).localStorage).toBe(want);
  });

  test('annotations, owner, gates, status', () => {
    const pod = parse(
      { nodeName: 'n1', priority: 7, schedulingGates: [{ name: 'wait' }], schedulerName: 'other' },
      {
        metadata: {
          creationTimestamp: '2026-01-01T00:00:00Z',
          deletionTimestamp: '2026-01-02T00:00:00Z',
          annotations: {
            'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
            'sluice.dev/do-not-disrupt': 'true',
            'kubernetes.io/config.mirror': 'x',
          },
          ownerReferences: [
            { kind: 'Thing', name: 'no', uid: 'x' },
            { kind: 'ReplicaSet', name: 'rs', uid: 'y', controller: true },
          ],
        },
        status: {
          phase: 'Running',
          nominatedNodeName: 'n2',
          conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
        },
      },
    );
    expect(pod).toMatchObject({
      uid: 'u1',
      namespace: 'shop',
      name: 'web-1',
      createdMs: Date.UTC(2026, 0, 1),
      deleting: true,
      phase: 'Running',
      nodeName: 'n1',
      nominatedNodeName: 'n2',
      schedulerName: 'other',
      priority: 7,
      gated: true,
      unschedulable: true,
      controller: { kind: 'ReplicaSet', name: 'rs', uid: 'y' },
      mirror: true,
      safeToEvict: false,
      doNotDisrupt: true,
    });
  });
});

test.each([
  ['that waits', {}, '1234', 1234],
  ['that has a node', { nodeName: 'n1' }, '1234', 0],
  ['of a server that does not count in numbers', {}, 'abc', 0],
])('the version of a pod %s', (_, spec, resourceVersion, want) => {
  expect(parse(spec, { metadata: { resourceVersion } }).version).toBe(want);
});

describe('what cannot be read', () => {
  test.each([
    { name: 'containers no list', spec: { containers: 'x' }, field: 'spec.containers' },
    { name: 'container no object', spec: { containers: [1] }, field: 'spec.containers[0]' },
    {
      name: 'request no quantity',
      spec: { containers: [{}, container({ cpu: 'lots' })] },
      field: 'spec.containers[1].resources.requests.cpu',
    },
    { name: 'label no text', spec: { nodeSelector: { a: 1 } }, field: 'spec.nodeSelector.a' },
    { name: 'text too long', spec: { nodeName: 'x'.repeat(5000) }, field: 'spec.nodeName' },
    {
      name: 'list too long',
      spec: { tolerations: Array.from({ length: LIST_ITEMS_MAX + 1 }, () => ({})) },
      field: 'spec.tolerations',
    },
    { name: 'priority no integer', spec: { priority: 1.5 }, field: 'spec.priority' },
  ])('$name', ({ spec, field }) => {
    const error = catchError(() => parse(spec));
    expect(error).toBeInstanceOf(ParseError);
    expect(error).toMatchObject({ kind: 'Pod', key: 'shop/web-1', field });
  });

  test.each([null, 1, 'x', [], {}, { metadata: {} }, { metadata: { name: 'a' }, spec: null }])(
    '%j is no pod',
    (raw) => {
      expect(() => parsePod(raw, new PodShapeInterner())).toThrow(ParseError);
    },
  );

  test('names of the prototype are ordinary labels', () => {
    const labels = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Raw;
    const pod = parse({}, { metadata: { labels } });
    expect([...pod.shape.labels]).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});

describe('PodShapeInterner', () => {
  test('equal pods share one shape, whatever the order of their maps', () => {
    const interner = new PodShapeInterner();
    const of = (labels: Raw): PodObject =>
      parsePod({ metadata: { name: 'a', namespace: 'b', labels }, spec: { containers: [] } }, interner);
    expect(of({ x: '1', y: '2' }).shape).toBe(of({ y: '2', x: '1' }).shape);
    expect(of({ x: '1' }).shape).not.toBe(of({ x: '2' }).shape);
    expect(interner.size).toBe(3);
  });

  test('the cache is bounded, and numbers are never used twice', () => {
    const interner = new PodShapeInterner({ shapesMax: 2 });
    const of = (app: string): PodObject =>
      parsePod({ metadata: { labels: { app } }, spec: { containers: [] } }, interner);
    const first = of('a').shape;
    of('b');
    of('c');
    expect(interner.size).toBe(2);
    const again = of('a').shape;
    expect(again.key).toBe(first.key);
    expect(again.index).toBe(3);
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
