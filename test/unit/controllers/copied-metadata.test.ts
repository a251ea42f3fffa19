// Threat 28, past the grace of orphans: whose server it is that carries our metadata.
import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import { CloudInventory, ORPHAN_GRACE_MS } from '../../../src/controllers/cloud-inventory.ts';
import { CLUSTER_UID, makeClaim, POOL_UID } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';

let world: FakeWorld;
let claim: NodeClaim;

beforeEach(async () => {
  world = new FakeWorld();
  const made = await world.management.createClaim(makeClaim('general-node-0a1b2c'));
  const server = world.cloud.addServer({ name: 'general-node-0a1b2c', metadata: marks(made.metadata.uid) });
  const port = addPort(made.metadata.uid, server.id);
  claim = await world.management.updateClaimStatus(made, { phase: 'Ready', serverId: server.id, portId: port.id });
});

function marks(claimUid: string): ReadonlyMap<string, string> {
  return new Map([
    [SERVER_METADATA.cluster, CLUSTER_UID],
    [SERVER_METADATA.pool, POOL_UID],
    [SERVER_METADATA.claim, claimUid],
  ]);
}

function addPort(claimUid: string, deviceId: string, addresses: readonly string[] = []) {
  const tags = [`sluice.dev/cluster=${CLUSTER_UID}`, `sluice.dev/claim=${claimUid}`];
  return world.cloud.addPort({ name: `sluice-${claimUid}`, deviceId, tags, addresses });
}

/** Names of the servers that go when they were seen twice, a grace apart. */
async function swept(): Promise<readonly string[]> {
  const before = world.cloud.serversLeft;
  const inventory = new CloudInventory(world.context());
  await inventory.sweep();
  world.clock.advance(ORPHAN_GRACE_MS);
  await inventory.sweep();
  const left = new Set(world.cloud.serversLeft.map(({ id }) => id));
  return before.filter(({ id }) => !left.has(id)).map(({ name }) => name);
}

describe('threat 28: our metadata on a server that a person made', () => {
  it.each(['ACTIVE', 'SHUTOFF', 'PAUSED', 'SHELVED_OFFLOADED', 'A_WORD_OF_TOMORROW'])(
    'stays in state %s, whether its claim stands or is gone',
    async (status) => {
      world.cloud.addServer({ name: 'copy-of-a-node', status, metadata: marks(claim.metadata.uid) });
      world.cloud.addServer({ name: 'copy-of-one-that-is-gone', status, metadata: marks('nobody') });
      expect(await swept()).toEqual([]);
    },
  );

  it('goes where the port of the claim proves that it was made for it', async () => {
    const twin = world.cloud.addServer({ name: 'lost', metadata: marks('nobody') });
    addPort('nobody', twin.id);
    expect(await swept()).toEqual(['lost']);
  });

  it('goes where it has the address of that port, whose device_id Nova has cleared', async () => {
    world.cloud.addServer({ name: 'lost', metadata: marks('nobody'), addresses: ['10.0.0.9'] });
    addPort('nobody', '', ['10.0.0.9']);
    expect(await swept()).toEqual(['lost']);
  });

  it('goes where it never ran: the later one of two creates on one port', async () => {
    world.cloud.addServer({ name: 'general-node-0a1b2c', status: 'ERROR', metadata: marks(claim.metadata.uid) });
    expect(await swept()).toEqual(['general-node-0a1b2c']);
  });
});
