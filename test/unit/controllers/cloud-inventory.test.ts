import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeClaim, NodeClaimStatus } from '../../../src/api/node-claim.ts';
import { SERVER_METADATA, serverGroupName } from '../../../src/api/names.ts';
import { CloudInventory, ORPHAN_GRACE_MS } from '../../../src/controllers/cloud-inventory.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import type { ServerView } from '../../../src/controllers/ports.ts';
import {
  CLUSTER_UID,
  makeClaim,
  makeCluster,
  makeNode,
  makePool,
  NAMESPACE,
  POOL_UID,
} from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

let world: FakeWorld;
let inventory: CloudInventory;

beforeEach(() => {
  world = new FakeWorld();
  inventory = new CloudInventory(world.context());
});

const marks = (claimUid: string, cluster = CLUSTER_UID) =>
  new Map([
    [SERVER_METADATA.cluster, cluster],
    [SERVER_METADATA.pool, POOL_UID],
    [SERVER_METADATA.claim, claimUid],
  ]);

function addServer(claimUid: string, parts: Partial<ServerView> = {}): ServerView {
  return world.cloud.addServer({
    name: `server-of-${claimUid}`,
    status: 'ERROR',
    metadata: marks(claimUid),
    ...parts,
  });
}

function addPort(claimUid: string, deviceId = '') {
  return world.cloud.addPort({ name: `sluice-${claimUid}`, deviceId, tags: [`sluice.dev/cluster=${CLUSTER_UID}`] });
}

async function addClaim(name: string, status: NodeClaimStatus): Promise<NodeClaim> {
  const claim = await world.management.createClaim(makeClaim(name));
  return world.management.updateClaimStatus(claim, status);
}

async function sweepTwice(): Promise<void> {
  await inventory.sweep();
  world.clock.advance(ORPHAN_GRACE_MS);
  await inventory.sweep();
}

const names = () => world.cloud.serversLeft.map((server) => server.name);

describe('a server that no claim knows', () => {
  it('goes when it was seen twice, a grace apart', async () => {
    addServer('nobody');
    await inventory.sweep();
    world.clock.advance(ORPHAN_GRACE_MS - 1);
    await inventory.sweep();
    expect(names()).toEqual(['server-of-nobody']);
    world.clock.advance(1);
    await inventory.sweep();
    expect(names()).toEqual([]);
    expect(world.telemetry.total('sluice_orphans_total', { kind: 'server' })).toBe(1);
  });

  it('is new again when it was not seen in between', async () => {
    const server = addServer('nobody');
    await inventory.sweep();
    world.cloud.loseServer(server.id);
    await inventory.sweep();
    addServer('nobody', { id: server.id });
    world.clock.advance(ORPHAN_GRACE_MS);
    await inventory.sweep();
    expect(names()).toEqual(['server-of-nobody']);
  });

  it('goes although its claim stands, when that has another server', async () => {
    const claim = await addClaim('web-node-000001', {});
    const right = addServer(claim.metadata.uid);
    await world.management.updateClaimStatus(claim, { serverId: right.id });
    const twin = addServer(claim.metadata.uid);
    await sweepTwice();
    expect(world.cloud.deletedServers).toEqual([twin.id]);
  });

  const kept: readonly { readonly name: string; readonly arrange: () => void | Promise<void> }[] = [
    {
      name: 'its claim is in the middle of its create',
      arrange: async () => {
        const claim = await addClaim('web-node-000001', { phase: 'Unknown' });
        addServer(claim.metadata.uid);
      },
    },
    {
      name: 'it is of another cluster',
      arrange: () => void addServer('nobody', { metadata: marks('nobody', 'other') }),
    },
    {
      name: 'it carries only some of our marks',
      arrange: () => void addServer('nobody', { metadata: new Map([[SERVER_METADATA.cluster, CLUSTER_UID]]) }),
    },
    { name: 'it carries no marks at all', arrange: () => void addServer('nobody', { metadata: new Map() }) },
    { name: 'it lies in another project', arrange: () => void addServer('nobody', { projectId: 'project-2' }) },
    {
      name: 'the cluster is frozen',
      arrange: () => {
        addServer('nobody');
        world.frozen = 'too much vanished';
      },
    },
    {
      name: 'this replica does not lead',
      arrange: () => {
        addServer('nobody');
        world.lease.set({ held: false });
      },
    },
    {
      name: 'the cluster is deleted and its nodes are to be kept',
      arrange: () => {
        addServer('nobody');
        const cluster = makeCluster({ onDelete: 'KeepNodes' });
        world.cluster = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
      },
    },
    {
      name: 'the watch shows claims that the list does not',
      arrange: () => {
        addServer('nobody');
        world.management.listClaims = async () => [];
        world.management.stores.nodeClaims.put(makeClaim('web-node-000001'));
      },
    },
    {
      name: 'there are no claims and no WorkloadCluster either',
      arrange: () => {
        addServer('nobody');
        world.management.stores.workloadClusters.replaceAll([]);
      },
    },
    {
      name: 'most servers are without claims: the claims are gone, not the nodes',
      arrange: () => {
        for (let index = 0; index < 4; index++) addServer(`nobody-${index}`);
      },
    },
  ];
  it.each(kept)('stays when $name', async ({ arrange }) => {
    await arrange();
    const before = names();
    await sweepTwice();
    expect(names()).toEqual(before);
    expect(world.cloud.deletedServers).toEqual([]);
  });

  it('stays when its claim turns up between the two looks', async () => {
    const claim = await addClaim('web-node-000001', { serverId: 'another' });
    const server = addServer(claim.metadata.uid);
    let lists = 0;
    const late = new CloudInventory(
      world.context({
        wrap: {
          management: (plane) =>
            interruptPort(plane, 'management', ({ name, when }) => {
              if (name !== 'management.listClaims' || when !== 'after') return undefined;
              lists += 1;
              // the claim's own reconcile writes the id down just after the second sweep has listed the claims
              const current = world.management.stores.nodeClaims.list()[0];
              if (lists === 2 && current !== undefined) {
                void world.management.updateClaimStatus(current, { serverId: server.id });
              }
              return undefined;
            }),
        },
      }),
    );
    await late.sweep();
    world.clock.advance(ORPHAN_GRACE_MS);
    await late.sweep();
    expect(lists).toBe(3);
    expect(world.cloud.deletedServers).toEqual([]);
  });

  it('says why nothing is cleaned up', async () => {
    for (let index = 0; index < 4; index++) addServer(`nobody-${index}`);
    await sweepTwice();
    expect(world.management.events.map((event) => event.reason)).toEqual(['OrphansKept']);
    expect(world.management.events[0]?.note).toContain('4 of 4 servers have no claim');
  });

  it('goes with few others at a time', async () => {
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => addClaim(`web-node-${index.toString().padStart(6, '0')}`, {})),
    );
    for (const claim of claims) {
      const server = addServer(claim.metadata.uid);
      await world.management.updateClaimStatus(claim, { serverId: server.id });
    }
    for (let index = 0; index < 8; index++) addServer(`nobody-${index}`);
    await sweepTwice();
    expect(world.cloud.deletedServers).toHaveLength(5);
    await inventory.sweep();
    expect(world.cloud.deletedServers).toHaveLength(8);
    expect(names()).toHaveLength(12);
  });
});

describe('a port that no claim knows', () => {
  it('goes when it is free, or its server is gone', async () => {
    addPort('nobody');
    addPort('nobody-2', 'server-that-is-gone');
    await sweepTwice();
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('stays while a server uses it', async () => {
    const pet = world.cloud.addServer({ name: 'pet' });
    addPort('nobody', pet.id);
    await sweepTwice();
    expect(world.cloud.portsLeft).toHaveLength(1);
  });

  it('goes without its tags, when it says otherwise whose it is', async () => {
    world.cloud.addPort({ name: 'sluice-nobody', clusterUid: CLUSTER_UID });
    world.cloud.addPort({ name: 'sluice-nobody', clusterUid: 'other' });
    world.cloud.addPort({ name: 'sluice-nobody' });
    await sweepTwice();
    expect(world.cloud.portsLeft.map(({ clusterUid }) => clusterUid)).toEqual(['other', '']);
  });

  it('stays when it turns out to be another cluster’s as soon as it is read by its id', async () => {
    const port = world.cloud.addPort({ name: 'sluice-nobody', clusterUid: 'other' });
    world.cloud.listPorts = async () => [{ ...port, clusterUid: CLUSTER_UID }];
    await sweepTwice();
    expect(world.cloud.portsLeft).toHaveLength(1);
  });

  it('goes when its claim has another one, and stays while that has none yet', async () => {
    const claim = await addClaim('web-node-000001', {});
    const port = addPort(claim.metadata.uid);
    const second = addPort(claim.metadata.uid);
    await sweepTwice();
    expect(world.cloud.portsLeft).toHaveLength(2);
    await world.management.updateClaimStatus(claim, { portId: port.id });
    await sweepTwice();
    expect(world.cloud.deletedPorts).toEqual([second.id]);
  });
});

describe('a port on a further network', () => {
  it('stays when its claim has written it down, and goes when that has another one', async () => {
    const claim = await addClaim('web-node-000001', {});
    const [first, second, third] = [0, 1, 1].map((networkIndex) =>
      world.cloud.addPort({
        name: `sluice-${claim.metadata.uid}+${networkIndex}`,
        networkIndex,
        tags: [`sluice.dev/cluster=${CLUSTER_UID}`],
      }),
    );
    const ids = { portId: first?.id ?? '', additionalPortIds: [second?.id ?? ''] };
    await world.management.updateClaimStatus(claim, ids);
    await sweepTwice();
    expect(world.cloud.deletedPorts).toEqual([third?.id]);
  });
});

describe('a floating IP that no claim knows', () => {
  const addFloatingIp = (claimUid: string, portId = '') =>
    world.cloud.addFloatingIp({ clusterUid: CLUSTER_UID, claimUid, portId });

  it('goes when it was seen twice, a grace apart', async () => {
    addFloatingIp('nobody');
    await inventory.sweep();
    world.clock.advance(ORPHAN_GRACE_MS - 1);
    await inventory.sweep();
    expect(world.cloud.floatingIpsLeft).toHaveLength(1);
    world.clock.advance(1);
    await inventory.sweep();
    expect(world.cloud.floatingIpsLeft).toEqual([]);
    expect(world.telemetry.total('sluice_orphans_total', { kind: 'floatingIp' })).toBe(1);
  });

  it.each<[name: string, arrange: () => void]>([
    ['another cluster', () => world.cloud.addFloatingIp({ clusterUid: 'other', claimUid: 'nobody', portId: '' })],
    [
      'another project',
      () => world.cloud.addFloatingIp({ clusterUid: CLUSTER_UID, claimUid: 'nobody', portId: '', projectId: 'other' }),
    ],
    [
      'a server that stands',
      () => addFloatingIp('nobody', addPort('pet', world.cloud.addServer({ name: 'pet' }).id).id),
    ],
  ])('stays when it is that of %s', async (_, arrange) => {
    arrange();
    await sweepTwice();
    expect(world.cloud.deletedFloatingIps).toEqual([]);
  });

  it('stays while its claim has written none down, and goes when that has another one', async () => {
    const claim = await addClaim('web-node-000001', {});
    const first = addFloatingIp(claim.metadata.uid);
    const second = addFloatingIp(claim.metadata.uid);
    await sweepTwice();
    expect(world.cloud.floatingIpsLeft).toHaveLength(2);
    await world.management.updateClaimStatus(claim, { floatingIpId: first.id });
    await sweepTwice();
    expect(world.cloud.deletedFloatingIps).toEqual([second.id]);
  });
});

describe('a server group', () => {
  const groupOf = (poolUid: string, clusterUid = CLUSTER_UID) => serverGroupName({ clusterUid, poolUid });

  it('goes when its pool has neither an object nor a node; those of pools, of nodes and of others stay', async () => {
    world.workload.stores.nodePools.put(makePool('web'));
    const ofNode = groupOf('pool-that-is-gone');
    await world.management.createClaim(makeClaim('old-node-000001', { spec: { serverGroup: ofNode } }));
    const kept = [groupOf(POOL_UID), ofNode, groupOf('pool-x', 'another-cluster'), 'a-group-of-somebody'];
    for (const name of [...kept, groupOf('pool-x')]) await world.cloud.ensureServerGroup(name);
    await sweepTwice();
    expect([...world.cloud.serverGroups.keys()]).toEqual(kept);
  });

  it('stays while the pools are not known', async () => {
    await world.cloud.ensureServerGroup(groupOf('pool-x'));
    world.workload.stores.nodePools.synced = false;
    await sweepTwice();
    expect(world.cloud.serverGroups.size).toBe(1);
  });
});

it('an incomplete listing concludes nothing', async () => {
  addServer('nobody');
  const failing = new CloudInventory(
    world.context({
      wrap: {
        management: (plane) =>
          interruptPort(plane, 'management', ({ name }) =>
            name === 'management.listClaims' ? new PortError('unavailable', 'no answer') : undefined,
          ),
      },
    }),
  );
  await expect(failing.sweep()).rejects.toMatchObject({ code: 'unavailable' });
  world.clock.advance(ORPHAN_GRACE_MS);
  await expect(failing.sweep()).rejects.toMatchObject({ code: 'unavailable' });
  expect(world.cloud.deletedServers).toEqual([]);
});

it('credentials of another project are an error, not an empty project', async () => {
  await addClaim('web-node-000001', ready('gone-1'));
  world.cloud.projectId = 'project-2';
  await expect(inventory.sweep()).rejects.toMatchObject({ code: 'credentials' });
  expect(claimsNoted()).toEqual([]);
});

const ready = (serverId: string): NodeClaimStatus => ({
  phase: 'Ready',
  serverId,
  createAttemptedAt: '2025-12-31T00:00:00Z',
  readyAt: '2025-12-31T00:00:00Z',
});
const claimsNoted = () =>
  world.management.stores.nodeClaims
    .list()
    .filter((claim) => claim.status?.serverGoneAt !== undefined)
    .map((claim) => claim.metadata.name);

describe('a Ready claim whose server is missing', () => {
  it('is noted for its reconciler, whatever its Node says', async () => {
    await addClaim('web-node-000001', ready('gone-1'));
    world.workload.putNode(makeNode('web-node-000001', { ready: 'True' }));
    await inventory.sweep();
    expect(claimsNoted()).toEqual(['web-node-000001']);
  });

  it('is not noted when it may be younger than the listing', async () => {
    const now = new Date(world.clock.nowMs()).toISOString();
    await addClaim('web-node-000001', { ...ready('gone-1'), createAttemptedAt: now });
    await inventory.sweep();
    expect(claimsNoted()).toEqual([]);
  });

  it('is noted only with a dead node, when many are missing at once', async () => {
    for (const index of [1, 2, 3, 4]) {
      const name = `web-node-00000${index}`;
      await addClaim(name, ready(`gone-${index}`));
      world.workload.putNode(makeNode(name, { ready: index === 4 ? 'Unknown' : 'True' }));
    }
    await inventory.sweep();
    expect(claimsNoted()).toEqual(['web-node-000004']);
  });

  it('is left alone on its way out', async () => {
    const claim = await addClaim('web-node-000001', ready('gone-1'));
    await world.management.deleteClaim(claim);
    await inventory.sweep();
    expect(claimsNoted()).toEqual([]);
    expect(await world.management.getClaim(NAMESPACE, 'web-node-000001')).toBeDefined();
  });
});

describe('a dry run (spec.orphans: Report)', () => {
  beforeEach(() => {
    world.cluster = makeCluster({ orphans: 'Report' });
  });

  it('deletes nothing, counts what it sees, and names each thing once', async () => {
    const server = addServer('nobody');
    const port = addPort('nobody');
    await sweepTwice();
    world.clock.advance(60_000);
    await inventory.sweep();
    expect(world.cloud.deletedServers).toEqual([]);
    expect(world.cloud.deletedPorts).toEqual([]);
    const told = world.telemetry.entries.filter(({ kind, name }) => kind === 'log' && name.startsWith('would delete'));
    expect(told.map(({ value }) => value)).toMatchObject([
      { kind: 'server', id: server.id },
      { kind: 'port', id: port.id },
    ]);
    expect(world.management.events.map(({ reason }) => reason)).toContain('OrphansKept');
    expect(world.telemetry.total('sluice_orphans_total', {})).toBe(0);
  });

  it('goes over to deleting as soon as the field does', async () => {
    addServer('nobody');
    await sweepTwice();
    world.cluster = makeCluster();
    await inventory.sweep();
    expect(names()).toEqual([]);
  });
});

it('shows what is without a claim now, before its grace is over, and that it is gone', async () => {
  const server = addServer('nobody');
  addPort('nobody');
  await inventory.sweep();
  expect(world.telemetry.last('sluice_orphans', { kind: 'server' })).toBe(1);
  expect(world.telemetry.last('sluice_orphans', { kind: 'port' })).toBe(1);
  world.cloud.loseServer(server.id);
  await inventory.sweep();
  expect(world.telemetry.last('sluice_orphans', { kind: 'server' })).toBe(0);
});
