// Slices, classes, claims and pods' claims as they are read: what is absent, what is bounded, what a hostile object gets.
import { expect, test } from 'vitest';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';

const metadata = { name: 'one', uid: 'u1' };

test('an empty slice is of no node, no pool and no device', () => {
  expect(parseResourceSlice({ metadata })).toEqual({
    name: 'one',
    uid: 'u1',
    nodeName: undefined,
    nodeSelector: undefined,
    allNodes: false,
    driver: '',
    pool: '',
    generation: 0,
    sliceCount: 0,
    perDeviceNodeSelection: false,
    devices: [],
    sharedCounters: [],
    compatibilityGroups: false,
  });
});

test('a device keeps what filters read', () => {
  const slice = parseResourceSlice({
    metadata,
    spec: {
      driver: 'gpu.example.com',
      pool: { name: 'a', generation: 3, resourceSliceCount: 2 },
      nodeName: 'a',
      sharedCounters: [{ name: 'mem', counters: { total: { value: '40Gi' } } }],
      devices: [
        {
          name: 'd0',
          attributes: {
            a: { int: -7 },
            b: { bool: false },
            c: { string: '' },
            'x/d': { version: '1.2.3' },
            e: {},
            f: { ints: [1, 2] },
          },
          capacity: { memory: { value: '10Gi', requestPolicy: { default: '1Gi', validRange: { min: '1Gi' } } } },
          consumesCounters: [{ counterSet: 'mem', counters: { total: { value: '10Gi' } } }],
          taints: [{ key: 'k', effect: 'NoSchedule' }],
          bindingConditions: [],
          allowMultipleAllocations: true,
        },
      ],
    },
  });
  expect(slice).toMatchObject({ driver: 'gpu.example.com', pool: 'a', generation: 3, sliceCount: 2, nodeName: 'a' });
  const device = slice.devices[0];
  expect([...(device?.attributes ?? [])]).toEqual([
    ['a', { kind: 'int', value: -7n }],
    ['b', { kind: 'bool', value: false }],
    ['c', { kind: 'string', value: '' }],
    ['e', { kind: 'none' }],
    ['f', { kind: 'ints', value: [1n, 2n] }],
    ['x/d', { kind: 'version', value: '1.2.3' }],
  ]);
  expect(device).toMatchObject({ hasBindingConditions: true, allowMultipleAllocations: true, bindsToNode: false });
  expect(device?.capacity.get('memory')?.policy?.validRange?.min?.nanos).toBe(2n ** 30n * 10n ** 9n);
  expect(device?.consumesCounters[0]?.counters.get('total')?.nanos).toBe(10n * 2n ** 30n * 10n ** 9n);
  expect(slice.sharedCounters[0]?.name).toBe('mem');
});

test('a claim: requests, alternatives, constraints, what it was given', () => {
  const claim = parseResourceClaim({
    metadata: {
      ...metadata,
      namespace: 'ns',
      annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
      ownerReferences: [{ kind: 'Pod', name: 'p', uid: 'pu', controller: true }],
    },
    spec: {
      devices: {
        requests: [
          { name: 'r0', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
          {
            name: 'r1',
            firstAvailable: [{ name: 's0', deviceClassName: 'gpu', selectors: [{ cel: { expression: 'x' } }, {}] }],
          },
        ],
        constraints: [{ matchAttribute: 'x/y' }, { distinctAttribute: 'x/z', requests: ['r0'] }, {}],
      },
    },
    status: {
      allocation: {
        devices: { results: [{ driver: 'd', pool: 'p', device: 'x', shareID: 's', consumedCapacity: { m: '1' } }] },
        nodeSelector: { nodeSelectorTerms: [] },
      },
      devices: [{ driver: 'd', pool: 'p', device: 'x', conditions: [{ type: 'Ready', status: 'True' }] }],
    },
  });
  expect(claim.extendedFor).toEqual({ podUid: 'pu', podName: 'p' });
  expect(claim.controllerUid).toBe('pu');
  expect(claim.requests?.[0]?.exactly).toMatchObject({ name: 'r0', className: 'gpu', count: 2, mode: 'ExactCount' });
  expect(claim.requests?.[1]?.firstAvailable[0]?.selectors).toEqual(['x', undefined]);
  expect(claim.constraints.map((one) => one.kind)).toEqual(['match', 'distinct', 'unknown']);
  expect(claim.allocation).toMatchObject({ nodeSelector: [], allocatedMs: 0 });
  expect(claim.allocation?.devices[0]).toMatchObject({ shareId: 's', bindingConditions: undefined });
  expect(claim.deviceStatuses[0]?.conditions.get('Ready')).toBe('True');
});

test('a claim without requests is not one with none', () => {
  expect(parseResourceClaim({ metadata }).requests).toBeUndefined();
  expect(parseResourceClaim({ metadata, spec: { devices: { requests: [] } } }).requests).toEqual([]);
});

test('a class is known by its creation and the resource that it serves', () => {
  const raw = {
    metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { extendedResourceName: 'example.com/gpu', selectors: [{ cel: { expression: 'true' } }] },
  };
  expect(parseDeviceClass(raw)).toEqual({
    name: 'one',
    uid: 'u1',
    createdMs: Date.parse('2026-01-01T00:00:00Z'),
    selectors: ['true'],
    extendedResourceName: 'example.com/gpu',
  });
});

test.each<readonly [string, unknown, string]>([
  ['too many devices', { devices: Array.from({ length: 129 }, () => ({})) }, 'spec.devices'],
  ['a text that no API server stored', { devices: [{ attributes: { a: { string: 'x'.repeat(257) } } }] }, 'string'],
  ['a number beyond doubles', { devices: [{ attributes: { a: { int: 2 ** 60 } } }] }, 'int'],
  ['a quantity that is none', { devices: [{ capacity: { m: { value: 'much' } } }] }, 'value'],
])('a slice with %s is not read', (_name, spec, field) => {
  const read = (): unknown => parseResourceSlice({ metadata, spec });
  expect(read).toThrow(ParseError);
  expect(read).toThrow(field);
});

test('a selector as long as the API allows is read, a longer one is not', () => {
  const withSelector = (length: number): unknown => ({
    metadata,
    spec: { selectors: [{ cel: { expression: 'x'.repeat(length) } }] },
  });
  expect(parseDeviceClass(withSelector(10 * 1024)).selectors[0]).toHaveLength(10 * 1024);
  expect(() => parseDeviceClass(withSelector(10 * 1024 + 1))).toThrow('expression');
});

test('claims of a pod are looked up in its status', () => {
  const pod = parsePod(
    {
      metadata: { name: 'p', namespace: 'ns', uid: 'pu' },
      spec: {
        resourceClaims: [
          { name: 'a', resourceClaimName: 'shared' },
          { name: 'b', resourceClaimTemplateName: 't' },
          { name: 'c', resourceClaimTemplateName: 't' },
          { name: 'd', resourceClaimTemplateName: 't' },
          { name: 'e' },
        ],
      },
      status: { resourceClaimStatuses: [{ name: 'b', resourceClaimName: 'p-b' }, { name: 'c' }] },
    },
    new PodShapeInterner(),
  );
  expect(pod.shape.resourceClaims).toEqual([
    { kind: 'named', claim: 'shared' },
    { kind: 'generated', claim: 'p-b', podUid: 'pu', podName: 'p' },
    { kind: 'skipped' },
    { kind: 'notGenerated', podName: 'p' },
    { kind: 'unknown', name: 'e', podName: 'p' },
  ]);
});

test('pods with claims by the same name are of one shape, those with claims of their own are not', () => {
  const interner = new PodShapeInterner();
  const shape = (name: string, template: boolean): object =>
    parsePod(
      {
        metadata: { name, namespace: 'ns', uid: `u-${name}` },
        spec: {
          resourceClaims: [
            template ? { name: 'a', resourceClaimTemplateName: 't' } : { name: 'a', resourceClaimName: 'x' },
          ],
        },
        status: { resourceClaimStatuses: [{ name: 'a', resourceClaimName: `${name}-a` }] },
      },
      interner,
    ).shape;
  expect(shape('p', false)).toBe(shape('q', false));
  expect(shape('p', true)).not.toBe(shape('q', true));
});

test('extended resources are kept per container, with their place among its requests', () => {
  const pod = parsePod(
    {
      metadata: { name: 'p', namespace: 'ns' },
      spec: {
        initContainers: [
          { name: 'i', resources: { requests: { 'example.com/gpu': '2' } } },
          { name: 's', restartPolicy: 'Always', resources: { requests: { 'example.com/gpu': 1 } } },
        ],
        containers: [
          { name: 'c', resources: { requests: { cpu: '1', 'example.com/gpu': '500m' } } },
          { name: 'd', resources: { requests: { 'deviceclass.resource.kubernetes.io/x': '1', cpu: '1' } } },
        ],
      },
    },
    new PodShapeInterner(),
  );
  expect(pod.shape.containerDevices).toEqual([
    { index: 0, lasting: false, amounts: new Map([['example.com/gpu', { count: 2, position: 0 }]]) },
    { index: 1, lasting: true, amounts: new Map([['example.com/gpu', { count: 1, position: 0 }]]) },
    {
      index: 3,
      lasting: true,
      amounts: new Map([['deviceclass.resource.kubernetes.io/x', { count: 1, position: 1 }]]),
    },
  ]);
});
