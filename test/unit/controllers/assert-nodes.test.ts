import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeClaimStatus } from '../../../src/api/node-claim.ts';
import type { NodePoolSpec } from '../../../src/api/node-pool.ts';
import type { NodeObject } from '../../../src/cluster/cluster-objects.ts';
import { assertNodes } from '../../../src/controllers/assert-nodes.ts';
import type { ClusterContext } from '../../../src/controllers/cluster-context.ts';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { makeClaim, makeNode, makePool } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const NAME = 'web-node-abcdef';
const READY: NodeClaimStatus = {
  phase: 'Ready',
  serverId: '00000000-0000-4000-8000-000000000001',
  nodeName: NAME,
  nodeUid: `uid-of-${NAME}`,
  registeredAt: '2026-01-01T00:00:00Z',
  readyAt: '2026-01-01T00:00:00Z',
};
let world: FakeWorld;
let context: ClusterContext;

beforeEach(() => {
  world = new FakeWorld();
  context = world.context();
});

function setTemplate(spec: Partial<NodePoolSpec>): void {
  world.workload.stores.nodePools.put(makePool('web', spec));
}

function addNode(name = NAME, parts: Partial<NodeObject> = {}, status: NodeClaimStatus = READY): void {
  const uid = `claim-of-${name}`;
  world.management.stores.nodeClaims.put(makeClaim(name, { status, metadata: { uid } }));
  world.workload.putNode(makeNode(name, parts));
}

const node = (name = NAME) => world.workload.stores.nodes.get(name);

describe('assertNodes', () => {
  it('puts the template and the labels of the pool on its node, then writes nothing more', async () => {
    setTemplate({
      template: {
        metadata: { labels: { team: 'blue' }, annotations: { note: 'hi' }, finalizers: ['example.com/hold'] },
        spec: { taints: [{ key: 'dedicated', effect: 'NoSchedule' }], unschedulable: false },
      },
    });
    addNode();
    await assertNodes(context);
    expect(Object.fromEntries(node()?.labels ?? [])).toMatchObject({
      team: 'blue',
      nodepool: 'web',
      'sluice.dev/nodepool': 'web',
    });
    expect(node()?.annotations.get('note')).toBe('hi');
    expect(node()?.finalizers).toEqual(['example.com/hold']);
    expect(node()?.taints).toEqual([{ key: 'dedicated', value: '', effect: 'NoSchedule' }]);
    await assertNodes(context);
    expect(world.workload.assertions).toHaveLength(1);
  });

  it('puts back what somebody took off', async () => {
    setTemplate({ template: { metadata: { labels: { team: 'blue' } }, spec: {} } });
    addNode();
    await assertNodes(context);
    world.workload.putNode({ ...makeNode(NAME), labels: new Map([['nodepool', 'web']]) });
    await assertNodes(context);
    expect(node()?.labels.get('team')).toBe('blue');
    expect(node()?.labels.get('sluice.dev/nodepool')).toBe('web');
  });

  it('serves the nodes of a pool that was lost with its definition and applied again', async () => {
    addNode();
    const { metadata, spec } = makePool('web', { template: { metadata: { labels: { team: 'blue' } } } });
    world.workload.stores.nodePools.put({ metadata: { ...metadata, uid: 'uid-of-its-second-life' }, spec });
    await assertNodes(context);
    expect(node()?.labels.get('team')).toBe('blue');
  });

  it('writes again when the template changes, also when it only loses something', async () => {
    setTemplate({ template: { metadata: { labels: { team: 'blue' } }, spec: {} } });
    addNode();
    await assertNodes(context);
    setTemplate({});
    await assertNodes(context);
    expect(world.workload.assertions.map((assertion) => assertion.labels.has('team'))).toEqual([true, false]);
  });

  it('a user label cannot move a node to another pool', async () => {
    setTemplate({ template: { metadata: { labels: { nodepool: 'gpu', 'sluice.dev/nodepool': 'gpu' } }, spec: {} } });
    addNode();
    await assertNodes(context);
    expect(node()?.labels.get('sluice.dev/nodepool')).toBe('web');
    expect(node()?.labels.get('nodepool')).toBe('web');
  });

  it('closes the nodes of a template that says so and opens them again when it no longer does', async () => {
    setTemplate({ template: { metadata: {}, spec: { unschedulable: true } } });
    addNode();
    await assertNodes(context);
    expect(node()?.unschedulable).toBe(true);
    world.workload.putNode({ ...(node() as NodeObject), unschedulable: false });
    await assertNodes(context);
    expect(node()?.unschedulable).toBe(true);
    setTemplate({ template: { metadata: {}, spec: { unschedulable: false } } });
    await assertNodes(world.context());
    expect(node()?.unschedulable).toBe(false);
  });

  it('leaves a node closed that a person closed', async () => {
    setTemplate({ template: { metadata: {}, spec: { unschedulable: false } } });
    addNode(NAME, { unschedulable: true });
    await assertNodes(context);
    expect(node()?.unschedulable).toBe(true);
  });

  const untouched: readonly { readonly name: string; readonly arrange: () => void }[] = [
    { name: 'a node without a claim', arrange: () => world.workload.putNode(makeNode('stranger')) },
    {
      name: 'a node on its way out',
      arrange: () =>
        addNode(NAME, {}, { ...READY, removal: { reason: 'ScaleDown', message: '', at: '2026-01-01T00:00:00Z' } }),
    },
    { name: 'a Node object that is being deleted', arrange: () => addNode(NAME, { deleting: true }) },
    {
      name: 'a Node that names another server',
      arrange: () => addNode(NAME, { providerId: 'openstack:///00000000-0000-4000-8000-000000000009' }),
    },
    {
      name: 'a node of a pool that is going',
      arrange: () => {
        const pool = makePool('web');
        world.workload.stores.nodePools.put({
          ...pool,
          metadata: { ...pool.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
        });
        addNode();
      },
    },
    {
      name: 'any node while frozen',
      arrange: () => {
        addNode();
        world.frozen = 'the API does not answer';
      },
    },
    {
      name: 'any node without the Lease',
      arrange: () => {
        addNode();
        world.lease.set({ held: false });
      },
    },
  ];
  it.each(untouched)('leaves alone $name', async ({ arrange }) => {
    setTemplate({});
    arrange();
    await assertNodes(context);
    expect(world.workload.assertions).toEqual([]);
  });

  it.each(['conflict', 'notFound', 'invalidSpec', 'forbidden'] as const)(
    'goes on with the other nodes when one is refused with %s',
    async (code) => {
      setTemplate({});
      addNode('web-node-000001');
      addNode('web-node-000002');
      const outcome = await assertNodes(refusingFirst(code));
      expect(outcome).toMatchObject({ kind: 'wait', why: '1 nodes could not be written' });
      expect(world.workload.assertions.map((assertion) => assertion.name)).toEqual(['web-node-000002']);
    },
  );

  it('gives way to the queue when the API server does not answer', async () => {
    setTemplate({});
    addNode();
    await expect(assertNodes(refusingFirst('unavailable'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('writes a bounded number of nodes in one round', async () => {
    setTemplate({});
    for (let index = 0; index < 60; index++) addNode(`web-node-${index.toString().padStart(6, '0')}`);
    expect(await assertNodes(context)).toMatchObject({ kind: 'wait', afterMs: 1000 });
    expect(world.workload.assertions).toHaveLength(50);
    await assertNodes(context);
    expect(world.workload.assertions).toHaveLength(60);
  });
});

function refusingFirst(code: PortErrorCode): ClusterContext {
  let calls = 0;
  return world.context({
    wrap: {
      workload: (plane) =>
        interruptPort(plane, 'workload', ({ name, when }) => {
          if (name !== 'workload.assertNode' || when !== 'before') return undefined;
          calls += 1;
          return calls === 1 ? new PortError(code, code) : undefined;
        }),
    },
  });
}
