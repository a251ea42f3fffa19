import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type {
  ClusterObjects,
  CsiDriverObject,
  CsiStorageCapacityObject,
  LabelSelector,
  NodeSelectorTerm,
  VolumeAttachmentObject,
} from '../../../src/cluster/cluster-objects.ts';
import { selectorFault } from '../../../src/cluster/label-names.ts';
import { selectorMatches } from '../../../src/cluster/label-selector.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { storageCapacities } from '../../../src/scheduling/storage-capacity.ts';
import { makeClaim, NOW_MS } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, type PodBuilder } from '../../builders/make-pod.ts';
import { CINDER_DRIVER, makeStorageClass, makeVolume, makeVolumeClaim } from '../../builders/make-storage.ts';

const ZONE = 'topology.kubernetes.io/zone';

function inZone(...values: readonly string[]): readonly NodeSelectorTerm[] {
  return [{ expressions: [{ key: ZONE, operator: 'In', values }], fields: [] }];
}

/** What node `n1` of zone-a says. */
function reason(pod: PodBuilder, fields: Partial<ClusterObjects>): string | undefined {
  const objects = makeObjects({ nodes: [makeNode('n1').build()], ...fields });
  return new ForkedSnapshot(buildSnapshot(objects, 1)).whyNot(pod.build(), 0)?.reasons.join(', ');
}

const pod = (): PodBuilder => makePod('p').volumes('data');
const waiting = { volumeName: '', bound: false };

describe('what is said of the whole pod', () => {
  test.each<[string, PodBuilder, Partial<ClusterObjects>, string]>([
    ['no claim', pod(), {}, 'persistentvolumeclaim "data" not found'],
    [
      'a claim of another namespace is none',
      pod(),
      { persistentVolumeClaims: [makeVolumeClaim('data', { namespace: 'other' })] },
      'persistentvolumeclaim "data" not found',
    ],
    [
      'ephemeral claim not made yet',
      makePod('p').volumes({ claim: 'p-scratch', ephemeral: true }),
      {},
      'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"',
    ],
    [
      'claim on its way out',
      pod(),
      { persistentVolumeClaims: [makeVolumeClaim('data', { deleting: true })] },
      'persistentvolumeclaim "data" is being deleted',
    ],
    [
      'unbound claim of an immediate class',
      pod(),
      {
        persistentVolumeClaims: [makeVolumeClaim('data', waiting)],
        storageClasses: [makeStorageClass('standard', { waitForFirstConsumer: false })],
      },
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'volume named but binding not completed',
      pod(),
      { persistentVolumeClaims: [makeVolumeClaim('data', { bound: false })], storageClasses: [makeStorageClass()] },
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'bound to a volume that is not there',
      pod(),
      { persistentVolumeClaims: [makeVolumeClaim('data')] },
      'persistentvolume "pv-data" not found',
    ],
  ])('%s', (_, one, fields, want) => {
    expect(reason(one, fields)).toBe(want);
  });

  test('it comes before what its named nodes say, and after terms that contradict each other', () => {
    const named = (...names: readonly string[]): PodBuilder => {
      const fields = names.map((name) => ({ key: 'metadata.name', operator: 'In', values: [name] }));
      return pod().nodeAffinity({ expressions: [], fields });
    };
    expect(reason(named('n2'), {})).toBe('persistentvolumeclaim "data" not found');
    expect(reason(named('n1', 'n2'), {})).toBe('pod affinity terms conflict');
  });

  test('ReadWriteOncePod is for one pod in the cluster, wherever that runs', () => {
    const fields = {
      nodes: [makeNode('n1').build(), makeNode('n2').build()],
      persistentVolumeClaims: [makeVolumeClaim('data', { accessModes: ['ReadWriteOncePod'] })],
      persistentVolumes: [makeVolume('pv-data')],
    };
    expect(reason(pod(), fields)).toBeUndefined();
    const user = makePod('r').volumes('data').on('n2').deleting().build();
    expect(reason(pod(), { ...fields, pods: [user] })).toBe(
      'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
    );
  });
});

describe('bound volumes', () => {
  const bound = (volume: Parameters<typeof makeVolume>[1]): Partial<ClusterObjects> => ({
    persistentVolumeClaims: [makeVolumeClaim('data')],
    persistentVolumes: [makeVolume('pv-data', volume)],
  });
  const noZone = 'node(s) had no available volume zone';

  test.each<[string, Parameters<typeof makeVolume>[1], string | undefined]>([
    ['no affinity', {}, undefined],
    ['in the zone', { nodeAffinity: inZone('zone-a') }, undefined],
    ['in another zone', { nodeAffinity: inZone('zone-b') }, "node(s) didn't match PersistentVolume's node affinity"],
    [
      'fields say nothing here',
      { nodeAffinity: [{ expressions: [], fields: [{ key: 'metadata.name', operator: 'In', values: ['n9'] }] }] },
      undefined,
    ],
    ['zone label', { labels: new Map([[ZONE, 'zone-a']]) }, undefined],
    ['another zone label', { labels: new Map([[ZONE, 'zone-b']]) }, noZone],
    ['list of zones', { labels: new Map([[ZONE, 'zone-b__ zone-a']]) }, undefined],
    ['a list with a hole says nothing', { labels: new Map([[ZONE, 'zone-b__']]) }, undefined],
    [
      'beta label of the volume',
      { labels: new Map([['failure-domain.beta.kubernetes.io/zone', 'zone-a']]) },
      undefined,
    ],
    ['other beta label', { labels: new Map([['failure-domain.beta.kubernetes.io/zone', 'zone-b']]) }, noZone],
    ['region that the node does not have', { labels: new Map([['topology.kubernetes.io/region', 'r']]) }, noZone],
  ])('%s', (_, volume, want) => {
    expect(reason(pod(), bound(volume))).toBe(want);
  });

  test('a node without any topology label passes the zone check', () => {
    const nodes = [makeNode('n1').withoutLabel(ZONE).build()];
    expect(reason(pod(), { ...bound({ labels: new Map([[ZONE, 'zone-b']]) }), nodes })).toBeUndefined();
  });
});

describe('claims that wait for their first pod', () => {
  const nothing = "node(s) didn't find available persistent volumes to bind";
  const claim = makeVolumeClaim('data', { ...waiting, requestBytes: 2 * GIB });
  const noProvisioner = makeStorageClass('standard', { provisioner: 'kubernetes.io/no-provisioner' });

  test.each<[string, Partial<ClusterObjects>, string | undefined]>([
    ['provisioned anywhere', { storageClasses: [makeStorageClass()] }, undefined],
    [
      'in allowed topology',
      { storageClasses: [makeStorageClass('standard', { allowedTopologies: inZone('zone-a') })] },
      undefined,
    ],
    [
      'not in allowed topology',
      { storageClasses: [makeStorageClass('standard', { allowedTopologies: inZone('zone-b') })] },
      nothing,
    ],
    ['no provisioner, no volume', { storageClasses: [noProvisioner] }, nothing],
    [
      'no provisioner, a volume that fits',
      { storageClasses: [noProvisioner], persistentVolumes: [makeVolume('v', { capacityBytes: 2 * GIB })] },
      undefined,
    ],
    [
      'no provisioner, a volume too small, elsewhere, taken, of another class or mode',
      {
        storageClasses: [noProvisioner],
        persistentVolumes: [
          makeVolume('small', { capacityBytes: GIB }),
          makeVolume('elsewhere', { capacityBytes: 3 * GIB, nodeAffinity: inZone('zone-b') }),
          makeVolume('taken', { capacityBytes: 3 * GIB, claimName: 'x', claimNamespace: 'default' }),
          makeVolume('class', { capacityBytes: 3 * GIB, storageClass: 'fast' }),
          makeVolume('mode', { capacityBytes: 3 * GIB, accessModes: ['ReadOnlyMany'] }),
          makeVolume('released', { capacityBytes: 3 * GIB, phase: 'Released' }),
        ],
      },
      nothing,
    ],
    [
      'a volume kept for this claim',
      {
        storageClasses: [noProvisioner],
        persistentVolumes: [
          makeVolume('v', { capacityBytes: 3 * GIB, claimName: 'data', claimNamespace: 'default', phase: 'Pending' }),
        ],
      },
      undefined,
    ],
  ])('%s', (_, fields, want) => {
    expect(reason(pod(), { persistentVolumeClaims: [claim], ...fields })).toBe(want);
  });

  test('a node selected before is the only one', () => {
    const selected = (selectedNode: string): Partial<ClusterObjects> => ({
      persistentVolumeClaims: [makeVolumeClaim('data', { ...waiting, selectedNode })],
      storageClasses: [makeStorageClass()],
    });
    expect(reason(pod(), selected('n1'))).toBeUndefined();
    expect(reason(pod(), selected('n2'))).toBe(nothing);
  });

  test('two claims do not take the same volume', () => {
    const fields = {
      storageClasses: [noProvisioner],
      persistentVolumeClaims: [makeVolumeClaim('data', waiting), makeVolumeClaim('log', waiting)],
      persistentVolumes: [makeVolume('v1')],
    };
    const both = makePod('p').volumes('data', 'log');
    expect(reason(both, fields)).toBe(nothing);
    expect(reason(both, { ...fields, persistentVolumes: [makeVolume('v1'), makeVolume('v2')] })).toBeUndefined();
  });
});

describe('storage that the driver tracks', () => {
  const none = 'node(s) did not have enough free storage';
  const topology = (key: string, ...values: readonly string[]): LabelSelector => ({
    requirements: [{ key, operator: 'In', values }],
  });
  const here = topology(ZONE, 'zone-a');
  const capacity = (fields: Partial<CsiStorageCapacityObject>): CsiStorageCapacityObject => ({
    uid: 'u',
    namespace: 'kube-system',
    name: 'capacity',
    storageClass: 'standard',
    volumeBytesMax: 2 * GIB,
    topology: here,
    ...fields,
  });
  const without = (field: 'volumeBytesMax' | 'topology'): CsiStorageCapacityObject => {
    const { [field]: _left, ...rest } = capacity({});
    return rest;
  };
  const claim = (fields: Parameters<typeof makeVolumeClaim>[1] = {}) =>
    makeVolumeClaim('data', { ...waiting, sized: true, requestBytes: 2 * GIB, ...fields });
  const tracked: CsiDriverObject = { uid: 'd', name: CINDER_DRIVER, storageCapacity: true, requiredOnNode: false };

  test.each<[string, Partial<ClusterObjects>, string | undefined]>([
    ['no object at all: nowhere', {}, none],
    ['as much as is asked for', { csiStorageCapacities: [capacity({})] }, undefined],
    ['one byte less', { csiStorageCapacities: [capacity({ volumeBytesMax: 2 * GIB - 1 })] }, none],
    [
      'less in one object, enough in another',
      { csiStorageCapacities: [capacity({ volumeBytesMax: 1 }), capacity({}), capacity({ volumeBytesMax: 2 })] },
      undefined,
    ],
    ['of another class', { csiStorageCapacities: [capacity({ storageClass: 'fast' })] }, none],
    ['elsewhere', { csiStorageCapacities: [capacity({ topology: topology(ZONE, 'zone-b') })] }, none],
    ['for a label that the node lacks', { csiStorageCapacities: [capacity({ topology: topology('rack', '') })] }, none],
    [
      'for one of several zones',
      { csiStorageCapacities: [capacity({ topology: topology(ZONE, 'b', 'zone-a') })] },
      undefined,
    ],
    [
      'for zone and disk, of which the node has one',
      {
        csiStorageCapacities: [
          capacity({ topology: { requirements: [...here.requirements, ...topology('disk', 'ssd').requirements] } }),
        ],
      },
      none,
    ],
    ['everywhere', { csiStorageCapacities: [capacity({ topology: { requirements: [] } })] }, undefined],
    ['for no node', { csiStorageCapacities: [without('topology')] }, none],
    ['of unknown size', { csiStorageCapacities: [without('volumeBytesMax')] }, none],
    [
      'a selector that cannot be read',
      {
        csiStorageCapacities: [
          capacity({ topology: { requirements: [{ key: 'a b', operator: 'Exists', values: [] }] } }),
        ],
      },
      none,
    ],
    ['the driver does not track', { csiDrivers: [{ ...tracked, storageCapacity: false }] }, undefined],
    ['nothing is known of the driver', { csiDrivers: [] }, undefined],
    ['a claim that asks for no amount', { persistentVolumeClaims: [claim({ sized: false })] }, undefined],
  ])('%s', (_, fields, want) => {
    const storage = { csiDrivers: [tracked], storageClasses: [makeStorageClass()], persistentVolumeClaims: [claim()] };
    expect(reason(pod(), { ...storage, ...fields })).toBe(want);
  });

  test('the answer is that of asking each object in turn', () => {
    const label = fc.constantFrom('a', 'b', '');
    const requirement = fc.record({
      key: fc.constantFrom('zone', 'disk'),
      operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Odd'),
      values: fc.array(label, { maxLength: 2 }),
    });
    const one = fc
      .record({
        size: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
        requirements: fc.option(fc.array(requirement, { maxLength: 2 }), { nil: undefined }),
      })
      .map(({ size, requirements }) => ({
        ...without('topology'),
        volumeBytesMax: size ?? 0,
        ...(requirements === undefined ? {} : { topology: { requirements } }),
      }));
    const labels = fc.dictionary(fc.constantFrom('zone', 'disk'), label).map((all) => new Map(Object.entries(all)));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), labels, (capacities, nodeLabels) => {
        const sizes = capacities.flatMap(({ topology: at, volumeBytesMax }) =>
          selectorFault(at) === undefined && selectorMatches(at, nodeLabels) ? [volumeBytesMax] : [],
        );
        const want = sizes.length === 0 ? undefined : Math.max(...sizes);
        expect(storageCapacities(capacities).bytesLeft('standard', nodeLabels)).toBe(want);
      }),
    );
  });
});

describe('NodeVolumeLimits', () => {
  const names = ['data', 'a', 'b'];
  const fields = (count: number): Partial<ClusterObjects> => ({
    persistentVolumeClaims: names.map((name) => makeVolumeClaim(name)),
    persistentVolumes: names.map((name) => makeVolume(`pv-${name}`)),
    csiNodes: [{ uid: 'c', name: 'n1', limits: new Map([[CINDER_DRIVER, count]]) }],
  });

  test.each<[string, number, string[], string | undefined]>([
    ['room for one more', 2, ['a'], undefined],
    ['full', 2, ['a', 'b'], 'node(s) exceed max volume count'],
    ['already attached costs nothing', 2, ['a', 'data'], undefined],
    ['one volume used twice counts once', 2, ['a', 'a'], undefined],
    ['nothing may attach', 0, [], 'node(s) exceed max volume count'],
  ])('%s', (_, count, running, want) => {
    const pods = running.map((claim, index) => makePod(`r${index}`).volumes(claim).on('n1').build());
    expect(reason(pod(), { ...fields(count), pods })).toBe(want);
  });

  const attachment = (volumeName: string, attached: Partial<VolumeAttachmentObject> = {}): VolumeAttachmentObject => ({
    uid: volumeName,
    name: `csi-${volumeName}`,
    attacher: CINDER_DRIVER,
    nodeName: 'n1',
    volumeName,
    ...attached,
  });

  test.each<[string, readonly VolumeAttachmentObject[], string[], string | undefined]>([
    ['takes a place without a pod', [attachment('pv-a'), attachment('pv-b')], [], 'node(s) exceed max volume count'],
    ['once, however many attach it', [attachment('pv-a'), attachment('pv-a', { name: 'x' })], [], undefined],
    ['once, with the pod that uses it', [attachment('pv-a')], ['a'], undefined],
    ['on its own node', [attachment('pv-a', { nodeName: 'n2' }), attachment('pv-b')], [], undefined],
    ['of its own driver', [attachment('pv-a', { attacher: 'nfs' }), attachment('pv-b')], [], undefined],
    ['by a driver', [attachment('pv-a', { attacher: '' }), attachment('pv-b')], [], undefined],
    ['of a volume that is there', [attachment('gone'), attachment('pv-b')], [], undefined],
    ['and not of one that was in-tree', [attachment('pv-old'), attachment('pv-b')], [], undefined],
    [
      'beside the new one, as in the scheduler',
      [attachment('pv-data'), attachment('pv-b')],
      [],
      'node(s) exceed max volume count',
    ],
  ])('an attachment counts: %s', (_, volumeAttachments, running, want) => {
    const volumes = fields(2).persistentVolumes ?? [];
    const old = makeVolume('pv-old', { inTree: 'kubernetes.io/cinder', csiHandle: 'old' });
    const pods = running.map((claim, index) => makePod(`r${index}`).volumes(claim).on('n1').build());
    expect(reason(pod(), { ...fields(2), persistentVolumes: [...volumes, old], volumeAttachments, pods })).toBe(want);
  });
});

describe('a driver that must be on the node', () => {
  const missing = `${CINDER_DRIVER} CSI driver is not installed on the node`;
  const csiNode = (...drivers: readonly string[]) => ({
    uid: 'c',
    name: 'n1',
    limits: new Map(),
    drivers: new Set(drivers),
  });
  const base: Partial<ClusterObjects> = {
    persistentVolumeClaims: [makeVolumeClaim('data')],
    persistentVolumes: [makeVolume('pv-data')],
    csiDrivers: [{ uid: 'd', name: CINDER_DRIVER, storageCapacity: false, requiredOnNode: true }],
  };
  const young = makeNode('n1')
    .with({ readyChangedMs: NOW_MS - 299_999 })
    .build();

  test.each<[string, Partial<ClusterObjects>, string | undefined]>([
    ['the node tells nothing', {}, missing],
    ['it has others', { csiNodes: [csiNode('nfs')] }, missing],
    ['it has it', { csiNodes: [csiNode(CINDER_DRIVER)] }, undefined],
    ['it must not be there', { csiDrivers: [] }, undefined],
    [
      'a node of ours that has just come: the driver is on its way',
      { nodes: [young], claims: [makeClaim('n1').build()] },
      undefined,
    ],
    ['of somebody else: nothing is awaited', { nodes: [young] }, missing],
    [
      'a node of ours that had its time',
      { nodes: [{ ...young, readyChangedMs: NOW_MS - 300_000 }], claims: [makeClaim('n1').build()] },
      missing,
    ],
    ['a node that is only a claim', { nodes: [], claims: [makeClaim('n1').pending('Building').build()] }, undefined],
  ])('%s', (_, fields, want) => {
    expect(reason(pod(), { ...base, ...fields })).toBe(want);
  });
});
