// An updated snapshot must be what a fresh build gives, whatever changed, and every snapshot before it must stay as it was.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { buildSnapshot, type ClusterSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, NodeObject, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { arrayOf } from '../../../src/cluster/listed.ts';
import { entriesOfShape } from '../../../src/cluster/shape-entries.ts';
import { type PodChange, updateSnapshot } from '../../../src/cluster/update-snapshot.ts';
import { KeyedObjects } from '../../../src/kubernetes/object-list.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod } from '../../builders/make-pod.ts';

/** All that a snapshot says, without the numbering of shapes and slots. */
function view(snapshot: ClusterSnapshot): unknown {
  const { columns, shapes: all, shapeCount, shapeNumbers, lineage: _, renewal: _renewal, ...rest } = snapshot;
  const shapes = all.slice(0, shapeCount);
  const { podsOfShape: _entries, deadShapes, slotOfIndex, indexOfSlot, ...numbers } = columns;
  const indexOf = (entry: number): number => (indexOfSlot[entry >> 1] ?? -1) * 2 + (entry & 1);
  const running = shapes
    .map((shape, number) => ({
      key: shape.key,
      entries: entriesOfShape(columns, number)
        .flat()
        .map(indexOf)
        .toSorted((left, right) => left - right),
    }))
    .filter(({ entries }) => entries.length > 0)
    .sort((left, right) => (left.key < right.key ? -1 : 1));
  expect(shapes.map((shape) => shapeNumbers.get(shape))).toEqual(shapes.map((_shape, number) => number));
  expect([...slotOfIndex].map((slot) => indexOfSlot[slot])).toEqual([...snapshot.nodes.keys()]);
  expect(indexOfSlot.filter((index) => index !== -1)).toHaveLength(snapshot.nodes.length);
  expect(deadShapes).toBe(shapes.length - running.length);
  return { ...rest, running, columns: numbers };
}

const odd = makePod('c').labels({ app: 'c' }).build();
const KINDS: readonly PodObject[] = [
  makePod('a').requests({ cpuMillis: 100 }).build(),
  makePod('b')
    .requests({ cpuMillis: 250, extended: { 'x/gpu': 2 } })
    .build(),
  { ...odd, shape: { ...odd.shape, requests: { ...odd.shape.requests, exact: new Map([['cpu', -1n]]) } } },
  makePod('d').requests({ cpuMillis: 7 }).labels({ app: 'd' }).build(),
];
const PHASES = ['Pending', 'Running', 'Succeeded'] as const;

interface PodInput {
  readonly id: number;
  readonly kind: number;
  readonly node: number;
  readonly phase: number;
  readonly flags: number;
}

/** Node 6 is none of the cluster; 7 and above: not bound. */
function podOf({ id, kind, node, phase, flags }: PodInput): PodObject {
  const pod = KINDS[kind % KINDS.length] ?? odd;
  return {
    ...pod,
    name: `p${id}`,
    uid: `p${id}`,
    nodeName: node > 6 ? '' : `n${node}`,
    phase: PHASES[phase] ?? 'Pending',
    deleting: (flags & 1) === 1,
    gated: (flags & 2) === 2,
    priority: flags,
    createdMs: id % 3,
  };
}

const podInput = fc.record({
  id: fc.nat(12),
  kind: fc.nat(3),
  node: fc.nat(9),
  phase: fc.nat(2),
  flags: fc.nat(3),
});
type Step =
  | { readonly kind: 'pods'; readonly pods: readonly PodInput[]; readonly gone: readonly number[] }
  | { readonly kind: 'node' | 'claim' | 'addNode' | 'dropNode' | 'addClaim' | 'dropClaim'; readonly at: number }
  | { readonly kind: 'time'; readonly at: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('pods' as const),
      pods: fc.array(podInput, { maxLength: 4 }),
      gone: fc.array(fc.nat(12), { maxLength: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['node', 'claim', 'addNode', 'dropNode', 'addClaim', 'dropClaim'] as const)),
      at: fc.nat(5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), at: fc.nat(3) }) },
);

const firstNodes = [0, 1, 2, 3].map((index) => makeNode(`n${index}`).build());
const firstClaims = [
  makeClaim('n1').build(),
  makeClaim('n4').pending('Booting').build(),
  makeClaim('n5').removal().build(),
];

class World {
  objects: ClusterObjects = makeObjects({ nodes: firstNodes, claims: firstClaims });
  readonly #pods = new Map<string, PodObject>();

  do(what: Step): readonly PodChange[] {
    const { objects } = this;
    switch (what.kind) {
      case 'pods':
        return this.#changePods(what.pods, what.gone);
      case 'node':
        this.objects = { ...objects, nodes: replaced(arrayOf(objects.nodes), what.at, changedNode) };
        break;
      case 'claim':
        this.objects = { ...objects, claims: replaced(objects.claims, what.at, changedClaim) };
        break;
      case 'addNode':
        if (!arrayOf(objects.nodes).some((node) => node.name === `n${what.at}`)) {
          this.objects = { ...objects, nodes: [...objects.nodes, makeNode(`n${what.at}`).build()] };
        }
        break;
      case 'dropNode':
        this.objects = { ...objects, nodes: arrayOf(objects.nodes).filter((_, index) => index !== what.at) };
        break;
      case 'addClaim':
        this.objects = { ...objects, claims: [...objects.claims, claimFor(`n${what.at}`, objects.claims.length)] };
        break;
      case 'dropClaim':
        this.objects = { ...objects, claims: objects.claims.filter((_, index) => index !== what.at) };
        break;
      case 'time':
        this.objects = { ...objects, observedAtMs: objects.observedAtMs + what.at * 600_000 };
        break;
    }
    return [];
  }

  #changePods(inputs: readonly PodInput[], gone: readonly number[]): readonly PodChange[] {
    const before = new Map(this.#pods);
    for (const input of inputs) this.#pods.set(`p${input.id}`, podOf(input));
    for (const id of gone) this.#pods.delete(`p${id}`);
    this.objects = { ...this.objects, pods: [...this.#pods.values()] };
    const names = new Set([...before.keys(), ...this.#pods.keys()]);
    return [...names]
      .map((name) => ({ before: before.get(name), after: this.#pods.get(name) }))
      .filter((change) => change.before !== change.after);
  }
}

function replaced<T>(list: readonly T[], at: number, change: (one: T, at: number) => T): readonly T[] {
  return list.map((one, index) => (index === at ? change(one, at) : one));
}

function changedNode(node: NodeObject): NodeObject {
  const { allocatable, unschedulable } = node;
  return {
    ...node,
    unschedulable: !unschedulable,
    deleting: unschedulable,
    allocatable: { ...allocatable, cpuMillis: allocatable.cpuMillis + 1 },
  };
}

/** Some are of the node by their name, some by their status: then two claims may be of one node. */
function claimFor(node: string, number: number): NodeClaim {
  if (number % 2 === 0) return makeClaim(node).pending('Booting').build();
  const claim = makeClaim(`c${number}`).build();
  return { ...claim, status: { ...claim.status, phase: 'Booting', nodeName: node } };
}

/** Ready ones begin to leave, coming ones are ready. */
function changedClaim(claim: NodeClaim): NodeClaim {
  const phase = claim.status?.phase === 'Ready' ? 'Draining' : 'Ready';
  return { ...claim, status: { ...claim.status, phase } };
}

/** The Nodes as a list that knows what changed since the one before. */
function storedIn(store: KeyedObjects<NodeObject>, { objects }: World): ClusterObjects['nodes'] {
  const now = new Map(arrayOf(objects.nodes).map((node) => [node.name, node]));
  for (const { name } of store.list()) if (!now.has(name)) store.delete(name);
  for (const [name, node] of now) if (store.get(name) !== node) store.set(name, node);
  return store.list();
}

/** Where the next snapshot says that it has the nodes of this one, it has. */
function expectRenewal(last: ClusterSnapshot, { nodes, renewal }: ClusterSnapshot): void {
  if (renewal.since !== last.renewal.mark) return;
  const others = [...nodes.keys()].filter((index) => nodes[index] !== last.nodes[index]);
  expect(renewal.indexes.toSorted((left, right) => left - right)).toEqual(others);
}

describe('updateSnapshot', () => {
  test('is a fresh build, after any changes, and leaves earlier snapshots alone', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.boolean(), (steps, told) => {
        const world = new World();
        const store = new KeyedObjects<NodeObject>();
        const seen = (): ClusterObjects => (told ? { ...world.objects, nodes: storedIn(store, world) } : world.objects);
        let snapshot = buildSnapshot(seen(), 0);
        steps.forEach((what, version) => {
          const podChanges = world.do(what);
          const before = view(snapshot);
          const objects = seen();
          const next = updateSnapshot(snapshot, { objects, version, podChanges });
          expect(view(next)).toEqual(view(buildSnapshot(objects, version)));
          expect(view(snapshot)).toEqual(before);
          expectRenewal(snapshot, next);
          snapshot = next;
        });
      }),
      { numRuns: Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 150) },
    );
  });

  test('keeps what did not change as it is', () => {
    const pods = [podOf({ id: 1, kind: 0, node: 0, phase: 1, flags: 0 })];
    const objects = makeObjects({ nodes: firstNodes, pods });
    const snapshot = buildSnapshot(objects, 1);
    const after = podOf({ id: 2, kind: 0, node: 1, phase: 1, flags: 0 });
    const podChanges = [{ before: undefined, after }];
    const next = updateSnapshot(snapshot, { objects: { ...objects, pods: [...pods, after] }, version: 2, podChanges });
    expect(next.nodes.map((node, index) => node === snapshot.nodes[index])).toEqual([true, false, true, true]);
    expect(next.shapeNumbers).toBe(snapshot.shapeNumbers);
    expect(next.lineage).toBe(snapshot.lineage);
  });

  test('lets go of shapes that are gone once they are many', () => {
    const shapes = Array.from({ length: 4200 }, (_, index) =>
      makePod(`s${index}`).requests({ cpuMillis: index }).build(),
    );
    const running = shapes.map(
      (pod, index): PodObject => ({ ...pod, uid: pod.name, nodeName: `n${index % 4}`, phase: 'Running' }),
    );
    const objects = makeObjects({ nodes: firstNodes, pods: running });
    const full = buildSnapshot(objects, 1);
    const left = running.slice(0, 50);
    const podChanges = running.slice(50).map((before) => ({ before, after: undefined }));
    const dead = updateSnapshot(full, { objects: { ...objects, pods: left }, version: 2, podChanges });
    expect(dead.columns.deadShapes).toBe(4150);
    const next = updateSnapshot(dead, { objects: { ...objects, pods: left }, version: 3, podChanges: [] });
    expect(next.shapeCount).toBe(50);
    expect(next.lineage).not.toBe(full.lineage);
    expect(view(next)).toEqual(view(buildSnapshot({ ...objects, pods: left }, 3)));
    expect(dead.shapeCount).toBe(4200);
  });

  test('two updates of one snapshot do not share their numbers', () => {
    const objects = makeObjects({ nodes: firstNodes });
    const snapshot = buildSnapshot(objects, 1);
    const withPod = (kind: number): ClusterSnapshot => {
      const after = podOf({ id: kind, kind, node: 0, phase: 1, flags: 0 });
      const next = { objects: { ...objects, pods: [after] }, version: 2, podChanges: [{ before: undefined, after }] };
      return updateSnapshot(snapshot, next);
    };
    const [left, right] = [withPod(0), withPod(1)];
    expect(left.lineage).not.toBe(right.lineage);
    expect(left.shapes[0]).not.toEqual(right.shapes[0]);
  });

  test('a change of a pod that was never there is a mistake', () => {
    const snapshot = buildSnapshot(makeObjects({ nodes: firstNodes }), 1);
    const before = podOf({ id: 1, kind: 0, node: 0, phase: 1, flags: 0 });
    expect(() =>
      updateSnapshot(snapshot, { objects: snapshot.objects, version: 2, podChanges: [{ before, after: undefined }] }),
    ).toThrow('must be one of the last snapshot');
  });
});
