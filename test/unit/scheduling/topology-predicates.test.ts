import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, NamespaceObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels, type PodBuilder } from '../../builders/make-pod.ts';

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';
const SKEWED = "node(s) didn't match pod topology spread constraints";
const UNLABELLED = `${SKEWED} (missing required label)`;
const web = matchLabels({ app: 'web' });

/** a1, a2 in zone-a, b1 in zone-b. */
const threeNodes = [
  makeNode('a1').zone('zone-a').build(),
  makeNode('a2').zone('zone-a').build(),
  makeNode('b1').zone('zone-b').build(),
];

const running = (name: string, node: string): PodBuilder => makePod(name).labels({ app: 'web' }).on(node);

/** What each node says, by name. */
function reasons(pod: PodBuilder, fields: Partial<ClusterObjects>): Record<string, string | undefined> {
  const fork = new ForkedSnapshot(buildSnapshot(makeObjects({ nodes: threeNodes, ...fields }), 1));
  const built = pod.build();
  return Object.fromEntries(
    fork.snapshot.nodes.map((node) => [node.name, fork.whyNot(built, node.index)?.reasons.join(', ')]),
  );
}

describe('PodTopologySpread', () => {
  const pod = (): PodBuilder => makePod('p').labels({ app: 'web' });

  test('the zone that is ahead by maxSkew is closed', () => {
    const pods = [running('r1', 'a1').build()];
    expect(reasons(pod().spread({ selector: web }), { pods })).toEqual({ a1: SKEWED, a2: SKEWED, b1: undefined });
    expect(reasons(pod().spread({ selector: web, maxSkew: 2 }), { pods })).toEqual({
      a1: undefined,
      a2: undefined,
      b1: undefined,
    });
  });

  test('a pod that does not match itself does not add to the skew', () => {
    const pods = [running('r1', 'a1').build()];
    expect(reasons(makePod('p').spread({ selector: web }), { pods })).toEqual({
      a1: undefined,
      a2: undefined,
      b1: undefined,
    });
  });

  test('terminating pods and pods of other namespaces do not count', () => {
    const pods = [running('r1', 'a1').deleting().build(), running('r2', 'a1').namespace('other').build()];
    expect(reasons(pod().spread({ selector: web }), { pods }).a1).toBeUndefined();
  });

  test('the empty selector counts no pod and yet matches the pod', () => {
    const pods = [running('r1', 'a1').build(), running('r2', 'a1').build()];
    expect(reasons(pod().spread({ selector: { requirements: [] } }), { pods }).a1).toBeUndefined();
    expect(reasons(pod().spread({ selector: { requirements: [] }, maxSkew: 0 }), { pods }).a1).toBe(SKEWED);
    expect(reasons(pod().spread({ selector: undefined, maxSkew: 0 }), { pods }).a1).toBeUndefined();
  });

  test('fewer domains than minDomains: the least is zero', () => {
    const pods = [running('r1', 'a1').build(), running('r2', 'b1').build()];
    expect(reasons(pod().spread({ selector: web, minDomains: 2 }), { pods }).b1).toBeUndefined();
    expect(reasons(pod().spread({ selector: web, minDomains: 3 }), { pods }).b1).toBe(SKEWED);
  });

  test('a node without the key is refused, and one without all keys is not counted', () => {
    const nodes = [...threeNodes, makeNode('c1').withoutLabel(ZONE).build()];
    expect(reasons(pod().spread({ selector: web }), { nodes }).c1).toBe(UNLABELLED);
    const noRack = makeNode('c2').zone('zone-c').build();
    const racked = threeNodes.map((node) => ({ ...node, labels: new Map([...node.labels, ['rack', node.name]]) }));
    const pods = [running('r1', 'a1').build(), running('r2', 'b1').build()];
    const two = pod().spread({ selector: web }).spread({ selector: web, topologyKey: 'rack', maxSkew: 9 });
    // zone-c would be an empty domain if c2 counted, and close both other zones.
    expect(reasons(two, { nodes: [...racked, noRack], pods }).a2).toBeUndefined();
  });

  test('policies say which nodes form domains', () => {
    const tainted = makeNode('c1').zone('zone-c').taint('t').build();
    const pods = [running('r1', 'a1').build(), running('r2', 'b1').build()];
    const nodes = [...threeNodes, tainted];
    expect(reasons(pod().spread({ selector: web }), { nodes, pods }).b1).toBe(SKEWED);
    expect(reasons(pod().spread({ selector: web, nodeTaintsPolicy: 'Honor' }), { nodes, pods }).b1).toBeUndefined();
    const notC = { expressions: [{ key: ZONE, operator: 'NotIn', values: ['zone-c'] }], fields: [] };
    const limited = (nodeAffinityPolicy: 'Honor' | 'Ignore'): PodBuilder =>
      pod().nodeAffinity(notC).spread({ selector: web, nodeAffinityPolicy });
    expect(reasons(limited('Honor'), { nodes, pods }).b1).toBeUndefined();
    expect(reasons(limited('Ignore'), { nodes, pods }).b1).toBe(SKEWED);
  });

  test('all constraints hold at once', () => {
    const both = pod().spread({ selector: web, maxSkew: 2 }).spread({ selector: web, topologyKey: HOST });
    expect(reasons(both, { pods: [running('r1', 'a1').build()] })).toEqual({
      a1: SKEWED,
      a2: undefined,
      b1: undefined,
    });
  });
});

describe('InterPodAffinity: affinity', () => {
  const lonely = "node(s) didn't match pod affinity rules";
  const near = (): PodBuilder => makePod('p').affinity({ topologyKey: ZONE, selector: web });

  test('only domains with a matching pod, terminating ones count', () => {
    const pods = [running('r1', 'a1').deleting().build()];
    expect(reasons(near(), { pods })).toEqual({ a1: undefined, a2: undefined, b1: lonely });
  });

  test('the first of its kind may go anywhere that has the key', () => {
    const nodes = [...threeNodes, makeNode('c1').withoutLabel(ZONE).build()];
    const first = near().labels({ app: 'web' });
    expect(reasons(first, { nodes })).toEqual({ a1: undefined, a2: undefined, b1: undefined, c1: lonely });
    expect(reasons(near(), { nodes }).a1).toBe(lonely);
    expect(reasons(first, { nodes, pods: [running('r1', 'b1').build()] }).a1).toBe(lonely);
  });

  test('a pod counts only when it matches all terms at once', () => {
    const two = near().affinity({ topologyKey: HOST, selector: matchLabels({ tier: 'front' }) });
    const halves = [running('r1', 'a1').build(), makePod('r2').labels({ tier: 'front' }).on('a1').build()];
    expect(reasons(two, { pods: halves }).a1).toBe(lonely);
    const whole = makePod('r3').labels({ app: 'web', tier: 'front' }).on('a1').build();
    expect(reasons(two, { pods: [whole] })).toEqual({ a1: undefined, a2: lonely, b1: lonely });
  });

  const shop: NamespaceObject = { uid: 'u', name: 'shop', labels: new Map([['team', 'a']]) };
  const teamA = matchLabels({ team: 'a' });
  const notTeamB = { requirements: [{ key: 'team', operator: 'NotIn', values: ['b'] }] };
  test.each([
    ['own namespace by default', {}, 'default', undefined],
    ['another is not', {}, 'shop', lonely],
    ['named', { namespaces: ['shop'] }, 'shop', undefined],
    ['named: the own one is not implied', { namespaces: ['shop'] }, 'default', lonely],
    ['selected by labels', { namespaceSelector: teamA }, 'shop', undefined],
    ['all, even without an object', { namespaceSelector: { requirements: [] } }, 'ghost', undefined],
    ['a selector finds only namespaces that exist', { namespaceSelector: notTeamB }, 'ghost', lonely],
  ])('namespaces: %s', (_, term, namespace, want) => {
    const pod = makePod('p').affinity({ topologyKey: ZONE, selector: web, ...term });
    const pods = [running('r1', 'a1').namespace(namespace).build()];
    expect(reasons(pod, { pods, namespaces: [shop] }).a2).toBe(want);
  });
});

describe('InterPodAffinity: anti-affinity', () => {
  const ours = "node(s) didn't match pod anti-affinity rules";
  const theirs = "node(s) didn't satisfy existing pods anti-affinity rules";

  test('the pod keeps away from domains with a matching pod', () => {
    const pod = makePod('p').antiAffinity({ topologyKey: ZONE, selector: web });
    const nodes = [...threeNodes, makeNode('c1').withoutLabel(ZONE).build()];
    expect(reasons(pod, { nodes, pods: [running('r1', 'a1').build()] })).toEqual({
      a1: ours,
      a2: ours,
      b1: undefined,
      c1: undefined,
    });
  });

  test('pods that run keep it away, terminating ones too', () => {
    const guard = makePod('r').antiAffinity({ topologyKey: ZONE, selector: web }).on('a1').deleting().build();
    expect(reasons(makePod('p').labels({ app: 'web' }), { pods: [guard] })).toEqual({
      a1: theirs,
      a2: theirs,
      b1: undefined,
    });
    expect(reasons(makePod('p').labels({ app: 'db' }), { pods: [guard] }).a1).toBeUndefined();
  });

  test('a term of a running pod takes a namespace without an object as unlabelled', () => {
    const notTeamB = { requirements: [{ key: 'team', operator: 'NotIn', values: ['b'] }] };
    const guard = makePod('r')
      .antiAffinity({ topologyKey: HOST, selector: web, namespaceSelector: notTeamB })
      .on('a1')
      .build();
    const pod = makePod('p').namespace('ghost').labels({ app: 'web' });
    expect(reasons(pod, { pods: [guard] }).a1).toBe(theirs);
  });
});
