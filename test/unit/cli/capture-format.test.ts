import { describe, expect, it } from 'vitest';
import { podVerdicts } from '../../../src/planner/plan.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { CaptureError, decodeCapture, encodeCapture } from '../../../src/cli/capture-format.ts';
import { arrayOf } from '../../../src/cluster/listed.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import { parseNode } from '../../../src/cluster/parse-node.ts';
import { parseCsiNode } from '../../../src/cluster/parse-objects.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../../src/cluster/parse-storage-state.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeCluster, makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';
import { makeStorageClass, makeVolumeClaim } from '../../builders/make-storage.ts';

const objects = makeObjects({
  nodePools: [makePool('web').labels({ tier: 'front' }).build()],
  claims: [makeClaim('web-node-000001').build()],
  nodes: [makeNode('web-node-000001').labels({ a: 'b' }).taint('k').build()],
  pods: [
    ...makePod('waiting')
      .requests({ cpuMillis: 1500, memoryBytes: GIB, extended: { 'nvidia.com/gpu': 1 } })
      .buildMany(3),
    makePod('running').on('web-node-000001').nodeSelector({ a: 'b' }).tolerates({ key: 'k' }).build(),
  ],
  daemonSets: [{ uid: 'd', namespace: 'kube-system', name: 'agent', shape: makePod('agent').build().shape }],
  persistentVolumeClaims: [makeVolumeClaim('data')],
  storageClasses: [makeStorageClass()],
  prices: new Map([['b3-16', 0.2]]),
});

const KINDS = [
  'nodes',
  'csiNodes',
  'csiDrivers',
  'csiStorageCapacities',
  'volumeAttachments',
  'deviceClasses',
  'resourceClaims',
  'resourceSlices',
] as const;

describe('captures', () => {
  it('give the same plan as what they were made of', () => {
    const again = decodeCapture(encodeCapture(objects));
    const planOf = (from: typeof objects) => makePlan(buildSnapshot(from, 1), { nameSeed: 's' });
    expect(planOf(again)).toEqual(planOf(objects));
    expect(podVerdicts(planOf(again).report)).toHaveLength(3);
  });

  it('read again what was written, maps included', () => {
    const again = decodeCapture(encodeCapture(objects));
    expect(again.nodes).toEqual(objects.nodes);
    expect(again.prices).toEqual(objects.prices);
    expect(again.claims).toEqual(objects.claims);
    expect([...again.pods].map((pod) => pod.shape.requests)).toEqual(
      [...objects.pods].map((pod) => pod.shape.requests),
    );
    // writing what was read says the same: nothing was lost on the way
    expect(JSON.parse(encodeCapture(again))).toEqual(JSON.parse(encodeCapture(objects)));
  });

  it('keep what JSON has no form for, in every kind that filters read', () => {
    const device = {
      metadata: { name: 'gpu', namespace: 'shop', uid: 'u' },
      spec: {
        selectors: [{ cel: { expression: 'true' } }, {}],
        driver: 'gpu.example.com',
        devices: [{ name: 'gpu-0', attributes: { cores: { int: 4 } }, capacity: { memory: { value: '8Gi' } } }],
      },
    };
    const full = makeObjects({
      ...objects,
      nodes: [parseNode({ metadata: { name: 'odd' }, status: { allocatable: { memory: '-1', 'x/y': '8Ei' } } })],
      csiNodes: [
        parseCsiNode({
          metadata: {
            name: 'odd',
            annotations: { 'storage.alpha.kubernetes.io/migrated-plugins': 'kubernetes.io/cinder' },
          },
          spec: { drivers: [{ name: 'd', allocatable: { count: 3 } }] },
        }),
      ],
      csiDrivers: [{ uid: 'd', name: 'd', storageCapacity: true, requiredOnNode: true }],
      csiStorageCapacities: [
        parseCsiStorageCapacity({ metadata: { name: 'c' }, storageClassName: 's', capacity: '1Gi', nodeTopology: {} }),
      ],
      volumeAttachments: [parseVolumeAttachment({ metadata: { name: 'v' }, spec: { attacher: 'd', nodeName: 'odd' } })],
      deviceClasses: [parseDeviceClass(device)],
      resourceClaims: [
        parseResourceClaim({ metadata: device.metadata, spec: { devices: { requests: [{ name: 'r' }] } } }),
      ],
      resourceSlices: [parseResourceSlice(device)],
    });
    expect(full.deviceClasses?.[0]?.selectors).toEqual(['true', undefined]);
    const again = decodeCapture(encodeCapture(full));
    for (const kind of KINDS) expect({ [kind]: again[kind] }).toEqual({ [kind]: full[kind] });
    expect(again.deviceClasses?.[0]?.selectors.map((one) => one ?? 'unknown')).toEqual(['true', 'unknown']);
    expect(arrayOf(again.nodes)[0]?.allocatable.exact?.get('memory')).toBe(-1n);
  });

  it('of an older Sluice have fewer kinds', () => {
    const again = decodeCapture(encodeCapture(objects));
    expect(KINDS.filter((kind) => again[kind] === undefined)).toEqual([
      'csiDrivers',
      'csiStorageCapacities',
      'volumeAttachments',
      'deviceClasses',
      'resourceClaims',
      'resourceSlices',
    ]);
  });

  it('keep one shape for equal pods', () => {
    const [first, second, third] = decodeCapture(encodeCapture(objects)).pods;
    expect(second?.shape).toBe(first?.shape);
    expect(third?.shape).toBe(first?.shape);
  });

  it('hold no user data, no foreign annotation and no token', () => {
    const secret = 'correct-horse-battery';
    const base = makeCluster({
      bootstrap: { userDataTemplate: `#cloud-config ${secret}`, apiEndpoint: 'https://api' },
    });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': secret, 'sluice.dev/keep': 'yes' };
    const text = encodeCapture({
      ...objects,
      cluster: { ...base, metadata: { ...base.metadata, annotations } },
      nodePools: [makePool('web').metadata({ annotations }).build()],
      claims: [makeClaim('web-node-000001').metadata({ annotations }).status({ bootstrapTokenId: 'abcdef' }).build()],
    });
    expect(text).not.toContain(secret);
    expect(text).not.toContain('abcdef');
    expect(text.match(/sluice\.dev\/keep/g)).toHaveLength(3);
    expect(text).toContain('https://api');
  });

  it('take a tenant’s label for a label, whatever it is called', () => {
    for (const labels of [{ $map: 'x' }, { $set: 'x' }, { $int: '5' }, { $none: '' }]) {
      const pool = makePool('web').labels(labels).build();
      const again = decodeCapture(encodeCapture({ ...objects, nodePools: [pool] }));
      expect(again.nodePools[0]?.spec.template?.metadata?.labels).toEqual(labels);
    }
  });

  const good = JSON.parse(encodeCapture(objects)) as { objects: Record<string, unknown> } & Record<string, unknown>;
  const wrong: readonly { name: string; text: string; want: string }[] = [
    { name: 'no JSON', text: '{"format":', want: 'not JSON' },
    { name: 'other JSON', text: '{"kind":"List"}', want: 'not a capture' },
    { name: 'a list', text: '[]', want: 'not a capture' },
    { name: 'a newer version', text: JSON.stringify({ ...good, version: 2 }), want: 'version 2' },
    { name: 'no objects', text: JSON.stringify({ ...good, objects: 3 }), want: 'no objects' },
    {
      name: 'no nodes',
      text: JSON.stringify({ ...good, objects: { ...good.objects, nodes: {} } }),
      want: 'no list nodes',
    },
    {
      name: 'a list of drivers that is none',
      text: JSON.stringify({ ...good, objects: { ...good.objects, csiDrivers: 'all' } }),
      want: 'no list csiDrivers',
    },
    { name: 'a lost shape', text: JSON.stringify({ ...good, shapes: [] }), want: 'no shape 0' },
  ];
  it.each(wrong)('refuse $name', ({ text, want }) => {
    expect(() => decodeCapture(text)).toThrow(CaptureError);
    expect(() => decodeCapture(text)).toThrow(want);
  });
});
