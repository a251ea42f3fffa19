import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, NodeSelectorTerm } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
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
});
