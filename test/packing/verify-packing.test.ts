// The verifier of packings is itself held to known answers: packings that kube-scheduler could carry out, and ones with
// exactly one thing wrong.
import { describe, expect, it } from 'vitest';
import type { NodeType, PodKind, Workload, WorkloadGroup } from '../../bench/inputs/read-workload.ts';
import { type PackedNode, verifyPacking } from './verify-packing.ts';

const TYPE: NodeType = { name: 'm', cpuMillis: 4000, memoryMiB: 8192, pods: 10, gpus: 1, pricePerHour: 1 };

function group(count: number, change: Partial<WorkloadGroup> = {}): WorkloadGroup {
  return { count, cpuMillis: 1000, memoryMiB: 1024, gpus: 0, kind: 'generic', label: '', selector: '', ...change };
}

function bound(kind: PodKind, count: number, change: Partial<WorkloadGroup> = {}): WorkloadGroup {
  return group(count, { kind, cpuMillis: 100, label: 'app=a', selector: 'app=a', ...change });
}

function verdict(groups: readonly WorkloadGroup[], nodes: readonly Partial<PackedNode>[], unplaced: number[] = []) {
  const pods = groups.reduce((sum, one) => sum + one.count, 0);
  const workload: Workload = { name: 'case', groups, pods, template: TYPE };
  return verifyPacking({
    workload,
    types: [TYPE],
    zones: ['a', 'b', 'c'],
    nodes: nodes.map((node) => ({ type: 'm', zone: 'a', pods: [], ...node })),
    unplaced,
  });
}

describe('a packing that can be carried out', () => {
  const cases: readonly (readonly [name: string, groups: readonly WorkloadGroup[], nodes: Partial<PackedNode>[]])[] = [
    ['a node that is just full', [group(4)], [{ pods: [0, 1, 2, 3] }]],
    ['one GPU', [group(1, { gpus: 1 })], [{ pods: [0] }]],
    ['anti-affine pods apart', [bound('anti-host', 2)], [{ pods: [0] }, { pods: [1] }]],
    ['a pod that is not selected beside an anti-affine one', [bound('anti-host', 1), group(1)], [{ pods: [0, 1] }]],
    ['spread over hosts, 2 and 1', [bound('spread-host', 3)], [{ pods: [0, 1] }, { pods: [2] }]],
    ['all zones that have nodes are even', [bound('spread-zone', 2)], [{ pods: [0] }, { zone: 'b', pods: [1] }]],
    ['one zone has nodes, so there is nothing to spread over', [bound('spread-zone', 3)], [{ pods: [0, 1, 2] }]],
    ['affinity in one zone', [bound('aff-zone', 2)], [{ pods: [0] }, { pods: [1] }]],
    [
      'affinity in two zones, each with a pod that asks for nothing',
      [bound('aff-zone', 2), group(2, { label: 'app=a' })],
      [{ pods: [0, 2] }, { zone: 'b', pods: [1, 3] }],
    ],
    [
      'spread pods first, then those that would have been in their way',
      [bound('spread-host', 1), group(3, { label: 'app=a', cpuMillis: 100 })],
      [{ pods: [0, 1, 2, 3] }, { pods: [] }],
    ],
    [
      'whoever is counted by others comes after them, though listed before',
      [bound('spread-host', 1, { selector: 'app=b' }), bound('spread-host', 1)],
      [{ pods: [0, 1] }, { pods: [] }],
    ],
    [
      'one between two others, whom it tolerates one of',
      [
        bound('spread-host', 1, { selector: 'app=c' }),
        bound('spread-host', 1, { label: 'app=b' }),
        bound('spread-host', 1),
      ],
      [{ pods: [0, 1, 2] }, { pods: [] }],
    ],
    [
      'spread pods that do not count themselves: two beside each other',
      [bound('spread-host', 2, { label: 'app=b' })],
      [{ pods: [0, 1] }, { pods: [] }],
    ],
  ];
  it.each(cases)('%s', (_name, groups, nodes) => {
    expect(verdict(groups, nodes)).toEqual([]);
  });

  it('may leave pods out when it says so', () => {
    expect(verdict([group(2)], [{ pods: [1] }], [0])).toEqual([]);
  });
});

describe('a packing that cannot', () => {
  const cases: readonly (readonly [string, readonly WorkloadGroup[], Partial<PackedNode>[], RegExp])[] = [
    ['cpu', [group(5)], [{ pods: [0, 1, 2, 3, 4] }], /cpuMillis 5000 of 4000/],
    ['memory', [group(1, { memoryMiB: 8193 })], [{ pods: [0] }], /memoryMiB 8193 of 8192/],
    ['GPUs', [group(2, { gpus: 1 })], [{ pods: [0, 1] }], /gpus 2 of 1/],
    ['too many pods', [group(11, { cpuMillis: 0 })], [{ pods: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }], /pods 11 of 10/],
    ['a pod twice', [group(2)], [{ pods: [0, 1] }, { pods: [1] }], /pod 1 is there twice/],
    ['a pod forgotten', [group(2)], [{ pods: [0] }], /pod 1 has neither/],
    ['a pod that is not in the file', [group(1)], [{ pods: [0, 7] }], /no pod 7/],
    ['a type that is not offered', [group(1)], [{ type: 'xl', pods: [0] }], /type 'xl'/],
    ['a zone that is not offered', [group(1)], [{ zone: 'd', pods: [0] }], /zone 'd'/],
    ['anti-affine pods together', [bound('anti-host', 2)], [{ pods: [0, 1] }], /anti-host app=a/],
    [
      'a selected pod beside an anti-affine one of another group',
      [bound('anti-host', 1, { label: 'app=b' }), group(1, { label: 'app=a' })],
      [{ pods: [0, 1] }],
      /in any order/,
    ],
    [
      'two that each must be the first of what the other counts as',
      [bound('spread-host', 2), bound('spread-host', 1, { label: 'app=b', selector: 'app=b' })],
      [{ pods: [0, 1, 2] }, { pods: [] }],
      /group 0 .*in any order/,
    ],
    ['hosts 2 and 0', [bound('spread-host', 2)], [{ pods: [0, 1] }, { pods: [] }], /spread-host/],
    ['zones 2 and 0', [bound('spread-zone', 2)], [{ pods: [0, 1] }, { zone: 'b', pods: [] }], /spread-zone/],
    ['affinity in two zones', [bound('aff-zone', 2)], [{ pods: [0] }, { zone: 'b', pods: [1] }], /aff-zone/],
    ['affinity to nobody', [bound('aff-zone', 1, { label: 'app=b' })], [{ pods: [0] }], /aff-zone/],
  ];
  it.each(cases)('%s', (_name, groups, nodes, wrong) => {
    expect(verdict(groups, nodes).join('\n')).toMatch(wrong);
  });
});
