import { describe, expect, test } from 'vitest';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../../src/cluster/parse-storage-state.ts';

const GIB = 2 ** 30;

describe('parseCsiStorageCapacity', () => {
  const metadata = { name: 'c', namespace: 'kube-system', uid: 'u', managedFields: [{ manager: 'provisioner' }] };
  const kept = { uid: 'u', name: 'c', namespace: 'kube-system', storageClass: 'fast' };
  const zone = { key: 'zone', operator: 'In', values: ['a'] };

  test.each<[string, object, object]>([
    ['nothing said', {}, {}],
    ['what is left', { capacity: '5Gi' }, { volumeBytesMax: 5 * GIB }],
    ['the most for one volume counts first', { capacity: '5Gi', maximumVolumeSize: '1Gi' }, { volumeBytesMax: GIB }],
    ['nothing left', { capacity: '0' }, { volumeBytesMax: 0 }],
    ['null is absent', { capacity: null, maximumVolumeSize: null, nodeTopology: null }, {}],
    ['part of a byte is a byte', { capacity: '1500m' }, { volumeBytesMax: 2 }],
    ['where', { nodeTopology: { matchLabels: { zone: 'a' } } }, { topology: { requirements: [zone] } }],
    ['everywhere', { nodeTopology: {} }, { topology: { requirements: [] } }],
  ])('%s', (_, fields, want) => {
    expect(parseCsiStorageCapacity({ metadata, storageClassName: 'fast', ...fields })).toEqual({ ...kept, ...want });
  });

  test.each([
    [{ metadata, capacity: 'much' }, 'capacity'],
    [{ metadata, capacity: {} }, 'capacity'],
    [{ capacity: '1' }, 'metadata'],
    [{ metadata, nodeTopology: 'zone-a' }, 'nodeTopology'],
  ])('%j cannot be read', (raw, field) => {
    expect(() => parseCsiStorageCapacity(raw)).toThrow(ParseError);
    expect(() => parseCsiStorageCapacity(raw)).toThrow(field);
  });
});

describe('parseVolumeAttachment', () => {
  const metadata = { name: 'csi-1', uid: 'u' };
  const of = (spec: unknown) => parseVolumeAttachment({ metadata, spec, status: { attached: true } });

  test('who attaches which volume to which node', () => {
    const spec = { attacher: 'cinder', nodeName: 'n1', source: { persistentVolumeName: 'pv-1' } };
    expect(of(spec)).toEqual({ uid: 'u', name: 'csi-1', attacher: 'cinder', nodeName: 'n1', volumeName: 'pv-1' });
  });

  test.each([null, { source: null }, { source: { persistentVolumeName: null, inlineVolumeSpec: { csi: {} } } }])(
    '%j names no volume',
    (spec) => {
      expect(of(spec)).toMatchObject({ attacher: '', nodeName: '', volumeName: '' });
    },
  );
});
