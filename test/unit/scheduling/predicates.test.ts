// One table per filter, asked through whyNot on a whole snapshot, so that the order of filters is part of the answer.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject, Requirement, Toleration } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode, type NodeBuilder } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, type PodBuilder } from '../../builders/make-pod.ts';

/** The first reason that node `n1` gives; undefined: the pod fits. */
function reason(pod: PodObject, fields: Partial<ClusterObjects>): string | undefined {
  const fork = new ForkedSnapshot(buildSnapshot(makeObjects(fields), 1));
  return fork.whyNot(pod, fork.snapshot.nodeIndexByName.get('n1') ?? -1)?.reasons.join(', ');
}

function onNode(node: NodeBuilder, pod: PodBuilder, ...running: readonly PodBuilder[]): string | undefined {
  return reason(pod.build(), { nodes: [node.build()], pods: running.map((one) => one.on('n1').build()) });
}

describe('NodeUnschedulable', () => {
  const cordoned = (): NodeBuilder => makeNode('n1').cordoned();
  test.each<[string, Partial<Toleration>[], string | undefined]>([
    ['no toleration', [], 'node(s) were unschedulable'],
    ['tolerates everything', [{ operator: 'Exists' }], undefined],
    ['tolerates it by key', [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }], undefined],
    ['tolerates another effect only', [{ operator: 'Exists', effect: 'NoExecute' }], 'node(s) were unschedulable'],
  ])('%s', (_, tolerations, want) => {
    expect(onNode(cordoned(), makePod('p').tolerates(...tolerations))).toBe(want);
  });
});

describe('TaintToleration', () => {
  const untolerated = 'node(s) had untolerated taint(s)';
  test.each<[string, Partial<Toleration>[], string | undefined]>([
    ['none', [], untolerated],
    ['equal', [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }], undefined],
    ['operator left out means Equal', [{ key: 'gpu', value: 'yes' }], undefined],
    ['other value', [{ key: 'gpu', value: 'no' }], untolerated],
    ['other effect', [{ key: 'gpu', value: 'yes', effect: 'NoExecute' }], untolerated],
    ['Exists ignores the value', [{ key: 'gpu', operator: 'Exists', value: 'no' }], undefined],
    ['empty key with Equal matches by value', [{ value: 'yes' }], undefined],
    ['Gt never matches', [{ key: 'gpu', operator: 'Gt', value: '1' }], untolerated],
  ])('%s', (_, tolerations, want) => {
    expect(onNode(makeNode('n1').taint('gpu', 'NoSchedule', 'yes'), makePod('p').tolerates(...tolerations))).toBe(want);
  });

  test('PreferNoSchedule keeps nobody away, NoExecute does', () => {
    expect(onNode(makeNode('n1').taint('a', 'PreferNoSchedule'), makePod('p'))).toBeUndefined();
    expect(onNode(makeNode('n1').taint('a', 'NoExecute'), makePod('p'))).toBe(untolerated);
  });
});

describe('NodeAffinity', () => {
  const mismatch = "node(s) didn't match Pod's node affinity/selector";
  const outside = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
  const of = (key: string, operator: string, ...values: string[]): Requirement => ({ key, operator, values });
  const node = makeNode('n1').labels({ disk: 'ssd', cores: '8' });

  test.each([
    ['equal', { disk: 'ssd' }, undefined],
    ['other value', { disk: 'hdd' }, mismatch],
    ['missing key is not an empty value', { absent: '' }, mismatch],
  ])('nodeSelector: %s', (_, selector, want) => {
    expect(onNode(node, makePod('p').nodeSelector(selector))).toBe(want);
  });

  test.each<[string, Requirement[][], string | undefined]>([
    ['In', [[of('disk', 'In', 'hdd', 'ssd')]], undefined],
    ['terms are ORed', [[of('disk', 'In', 'hdd')], [of('cores', 'Gt', '4')]], undefined],
    ['expressions are ANDed', [[of('disk', 'In', 'ssd'), of('cores', 'Lt', '4')]], mismatch],
    ['NotIn holds for an absent key', [[of('absent', 'NotIn', 'x')]], undefined],
    ['an empty term matches nothing', [[]], mismatch],
    ['no terms match nothing', [], mismatch],
    ['a bad label value voids its term', [[of('disk', 'NotIn', 'a b')]], mismatch],
    ['a bad key voids its term', [[of('-disk', 'DoesNotExist')]], mismatch],
    ['In without values voids its term', [[of('disk', 'NotIn')]], mismatch],
    ['a term that is void leaves the others', [[of('disk', 'What')], [of('disk', 'Exists')]], undefined],
    ['a negative number is no label value', [[of('cores', 'Gt', '-1')]], mismatch],
  ])('required: %s', (_, terms, want) => {
    const pod = makePod('p').nodeAffinity(...terms.map((expressions) => ({ expressions, fields: [] })));
    expect(onNode(node, pod)).toBe(want);
  });

  test.each<[string, Requirement[][], string | undefined]>([
    ['its own name', [[of('metadata.name', 'In', 'n1')]], undefined],
    ['another name', [[of('metadata.name', 'In', 'n2')]], outside],
    ['not its own name', [[of('metadata.name', 'NotIn', 'n1')]], mismatch],
    [
      'two names at once',
      [[of('metadata.name', 'In', 'n1'), of('metadata.name', 'In', 'n2')]],
      'pod affinity terms conflict',
    ],
    ['one of two terms', [[of('metadata.name', 'In', 'n1')], [of('metadata.name', 'In', 'n2')]], undefined],
    ['another field is empty', [[of('metadata.namespace', 'In', 'x')]], mismatch],
  ])('fields: %s', (_, terms, want) => {
    const pod = makePod('p').nodeAffinity(...terms.map((fields) => ({ expressions: [], fields })));
    expect(onNode(node, pod)).toBe(want);
  });

  test('a pod that names other nodes hears that before anything else', () => {
    const pod = makePod('p').nodeAffinity({ expressions: [], fields: [of('metadata.name', 'In', 'n2')] });
    expect(onNode(makeNode('n1').cordoned(), pod)).toBe(outside);
  });
});

describe('NodePorts', () => {
  const busy = "node(s) didn't have free ports for the requested pod ports";
  test.each<[string, PodBuilder, string | undefined]>([
    ['same port', makePod('p').hostPort(80), busy],
    ['other port', makePod('p').hostPort(81), undefined],
    ['other protocol', makePod('p').hostPort(80, { protocol: 'UDP' }), undefined],
    ['any address meets each', makePod('p').hostPort(80, { hostIp: '10.0.0.9' }), busy],
  ])('beside a pod on 0.0.0.0:80, %s', (_, pod, want) => {
    expect(onNode(makeNode('n1'), pod, makePod('r').hostPort(80))).toBe(want);
  });

  test('addresses that differ do not meet, :: is one of them', () => {
    const running = makePod('r').hostPort(80, { hostIp: '::' });
    expect(onNode(makeNode('n1'), makePod('p').hostPort(80, { hostIp: '10.0.0.1' }), running)).toBeUndefined();
    expect(onNode(makeNode('n1'), makePod('p').hostPort(80), running)).toBe(busy);
  });
});

describe('NodeResourcesFit', () => {
  const small = (): NodeBuilder =>
    makeNode('n1').allocatable({
      cpuMillis: 1000,
      memoryBytes: GIB,
      ephemeralBytes: GIB,
      pods: 2,
      extended: { 'x/gpu': 1 },
    });

  test.each<[string, Parameters<PodBuilder['requests']>[0], string | undefined]>([
    [
      'exactly what is there',
      { cpuMillis: 1000, memoryBytes: GIB, ephemeralBytes: GIB, extended: { 'x/gpu': 1 } },
      undefined,
    ],
    ['one millicore more', { cpuMillis: 1001 }, 'Insufficient cpu'],
    [
      'all that is short',
      { cpuMillis: 2000, memoryBytes: 2 * GIB, ephemeralBytes: 2 * GIB },
      'Insufficient cpu, Insufficient memory, Insufficient ephemeral-storage',
    ],
    ['extended', { extended: { 'x/gpu': 2 } }, 'Insufficient x/gpu'],
    ['extended that nobody has', { extended: { 'x/fpga': 1 } }, 'Insufficient x/fpga'],
    ['none of an extended', { extended: { 'x/fpga': 0 } }, undefined],
  ])('%s', (_, requests, want) => {
    expect(onNode(small(), makePod('p').requests(requests))).toBe(want);
  });

  test('an over-full node takes a pod that asks for nothing, while it has places', () => {
    const big = makePod('r').requests({ cpuMillis: 5000 });
    expect(onNode(small(), makePod('p').requests({}), big)).toBeUndefined();
    expect(onNode(small(), makePod('p').requests({ cpuMillis: 1 }), big)).toBe('Insufficient cpu');
    expect(onNode(small(), makePod('p').requests({}), big, makePod('s').requests({}))).toBe('Too many pods');
  });

  test('terminating pods hold their room, extended resources too', () => {
    const leaving = makePod('r')
      .deleting()
      .requests({ cpuMillis: 900, extended: { 'x/gpu': 1 } });
    expect(onNode(small(), makePod('p').requests({ cpuMillis: 200, extended: { 'x/gpu': 1 } }), leaving)).toBe(
      'Insufficient cpu, Insufficient x/gpu',
    );
  });
});

test('filters speak in the order of the scheduler', () => {
  const pod = makePod('p').requests({ cpuMillis: 9000 }).nodeSelector({ a: 'b' }).hostPort(80);
  const running = makePod('r').hostPort(80);
  const node = makeNode('n1').cordoned().taint('t');
  expect(onNode(node, pod, running)).toBe('node(s) were unschedulable');
  expect(onNode(makeNode('n1').taint('t'), pod, running)).toBe('node(s) had untolerated taint(s)');
  expect(onNode(makeNode('n1'), pod, running)).toContain('node affinity/selector');
  expect(onNode(makeNode('n1').labels({ a: 'b' }), pod, running)).toContain('free ports');
  expect(onNode(makeNode('n1').labels({ a: 'b' }), pod)).toBe('Insufficient cpu');
});
