import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeClaim, NodeClaimStatus } from '../../../src/api/node-claim.ts';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import { reconcileClaim } from '../../../src/controllers/claim-reconciler.ts';
import type { ReconcileOutcome } from '../../../src/controllers/cluster-context.ts';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { makeClaim, makeCluster, makePod, NAMESPACE } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const NAME = 'web-node-abcdef';
let world: FakeWorld;

beforeEach(() => {
  world = new FakeWorld();
});

function stored(): NodeClaim | undefined {
  return world.management.stores.nodeClaims.get(`${NAMESPACE}/${NAME}`);
}

function status(): NodeClaimStatus {
  return stored()?.status ?? {};
}

async function reconcile(context = world.context()): Promise<ReconcileOutcome> {
  const claim = stored();
  if (claim === undefined) throw new Error('the claim is gone');
  return reconcileClaim(context, claim);
}

/** Until nothing but time would move it, for `ms` of simulated time. */
async function live(ms: number, context = world.context()): Promise<void> {
  for (let elapsedMs = 0; elapsedMs < ms && stored() !== undefined; elapsedMs += 1000) {
    await reconcile(context);
    await world.clock.advanceAndSettle(1000);
  }
}

async function becomeReady(): Promise<void> {
  await world.management.createClaim(makeClaim(NAME));
  await reconcile();
  world.bootKubelets();
  await reconcile();
  expect(status().phase).toBe('Ready');
}

/** The cloud, with one method that rejects. */
function cloudThatSays(method: string, code: PortErrorCode) {
  return world.context({
    wrap: {
      cloud: (cloud) =>
        interruptPort(cloud, 'cloud', ({ name, when }) =>
          name === `cloud.${method}` && when === 'before' ? new PortError(code, `the cloud says ${code}`) : undefined,
        ),
    },
  });
}

describe('a create', () => {
  it('gives the server its name, its marks, its port and a token that is known to the cluster', async () => {
    await world.management.createClaim(makeClaim(NAME, { spec: { serverGroup: 'sluice-web', zone: 'az-2' } }));
    await reconcile();
    const [post] = world.cloud.posts;
    expect(post).toMatchObject({
      name: NAME,
      flavorId: 'flavor-b2-7',
      imageId: 'image-1',
      zone: 'az-2',
      portId: status().portId,
      serverGroupId: world.cloud.serverGroups.get('sluice-web'),
    });
    expect(Object.fromEntries(post?.metadata ?? [])).toEqual({
      [SERVER_METADATA.cluster]: 'cluster-uid-1',
      [SERVER_METADATA.pool]: 'pool-uid-1',
      [SERVER_METADATA.claim]: stored()?.metadata.uid,
    });
    expect([...world.workload.tokens.keys()]).toEqual([status().bootstrapTokenId]);
    expect(status()).toMatchObject({ phase: 'Booting', epoch: 1 });
  });

  it('may be preceded by a look that is shared with others, a lost answer is looked for live', async () => {
    const findServers = vi.spyOn(world.cloud, 'findServers');
    await world.management.createClaim(makeClaim(NAME));
    await reconcile(cloudThatSays('createServer', 'outcomeUnknown'));
    const [before, ...after] = findServers.mock.calls.map(([, , freshness]: readonly unknown[]) => freshness);
    expect(before).toEqual({ ageMaxMs: 5000 });
    expect(after.length).toBeGreaterThan(0);
    expect(new Set(after)).toEqual(new Set([undefined]));
  });

  it('lets the token live only a little longer than the node may take to join', async () => {
    await world.management.createClaim(makeClaim(NAME));
    await reconcile();
    const [token] = world.workload.tokens.values();
    expect(Date.parse(token?.expiresAt ?? '') - world.clock.nowMs()).toBe((900 + 600) * 1000);
  });

  it('takes the token away and tells the pool when the node has joined', async () => {
    await becomeReady();
    expect(world.workload.tokens.size).toBe(0);
    expect(status().bootstrapTokenId).toBeUndefined();
    expect(world.workload.events.map((event) => event.reason)).toEqual(['ServerCreated', 'NodeJoined', 'NodeReady']);
    expect(world.telemetry.total('sluice_claim_transitions_total', { phase: 'Ready' })).toBe(1);
    expect(world.faults.cleared).toEqual([{ pool: 'web', flavor: 'b2-7', zone: 'nova' }]);
    expect(world.faults.joins).toEqual([{ pool: 'web', flavor: 'b2-7', zone: 'nova' }]);
  });

  it('never tells a secret to logs, events or statuses', async () => {
    await becomeReady();
    const [token] = world.workload.tokensEverCreated;
    const told = JSON.stringify([
      world.telemetry.entries,
      world.workload.events,
      world.management.stores.nodeClaims.list(),
    ]);
    expect(token?.secret).toHaveLength(16);
    expect(told).not.toContain(token?.secret);
  });

  it("draws another token id when the first one is somebody else's, and leaves theirs", async () => {
    const theirs = {
      id: '000001',
      secret: '0123456789abcdef',
      expiresAt: '2027-01-01T00:00:00Z',
      description: 'theirs',
    };
    world.workload.tokens.set(theirs.id, theirs);
    await becomeReady();
    expect([...world.workload.tokens.values()]).toEqual([theirs]);
  });

  it('uses the endpoint and CA that nodes see, when the operator gives them', async () => {
    world.cluster = makeCluster({
      bootstrap: { apiEndpoint: 'https://nodes.example:443', userDataTemplate: '{{apiEndpoint}}' },
    });
    await world.management.createClaim(makeClaim(NAME));
    await reconcile();
    expect(world.cloud.posts[0]?.userData).toBe('https://nodes.example:443');
  });

  it('fails with the name of a wrong placeholder, before anything is asked of Nova', async () => {
    world.cluster = makeCluster({ bootstrap: { userDataTemplate: '{{nonsense}}' } });
    await world.management.createClaim(makeClaim(NAME));
    await reconcile();
    expect(status().failure).toMatchObject({ code: 'invalidSpec', message: expect.stringContaining('{{nonsense}}') });
    expect(world.cloud.posts).toEqual([]);
    expect(world.workload.tokensEverCreated).toEqual([]);
    expect(world.faults.recorded.map((fault) => fault.error.code)).toEqual(['invalidSpec']);
  });
});

describe('a refused create', () => {
  const rows: readonly { readonly code: PortErrorCode; readonly want: string }[] = [
    { code: 'quota', want: 'quota' },
    { code: 'capacity', want: 'capacity' },
    { code: 'invalidSpec', want: 'invalidSpec' },
    { code: 'credentials', want: 'credentials' },
    { code: 'forbidden', want: 'credentials' },
    { code: 'throttled', want: 'unavailable' },
  ];
  it.each(rows)('with $code fails the claim at once with $want', async ({ code, want }) => {
    await world.management.createClaim(makeClaim(NAME));
    expect(await reconcile(cloudThatSays('createServer', code))).toEqual({ kind: 'settled' });
    expect(status()).toMatchObject({ phase: 'Failed', failure: { code: want, message: `the cloud says ${code}` } });
    expect(world.faults.recorded.map((fault) => fault.error.code)).toEqual([code]);
    expect(world.telemetry.total('sluice_claim_failures_total', { code: want })).toBe(1);
  });

  const doubtful: readonly PortErrorCode[] = ['outcomeUnknown', 'unavailable', 'conflict'];
  it.each(doubtful)('with %s is looked into, not repeated', async (code) => {
    await world.management.createClaim(makeClaim(NAME));
    const context = cloudThatSays('createServer', code);
    expect(await reconcile(context)).toMatchObject({ kind: 'wait', afterMs: 5000 });
    expect(status().phase).toBe('Unknown');
    await live(119_000, context);
    expect(status().failure).toBeUndefined();
    await live(5000, context);
    expect(status()).toMatchObject({ phase: 'Failed', failure: { code: 'outcomeUnknown' } });
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('of a port by quota fails the claim; by throttling it is tried again', async () => {
    await world.management.createClaim(makeClaim(NAME));
    await expect(reconcile(cloudThatSays('createPort', 'throttled'))).rejects.toMatchObject({ code: 'throttled' });
    expect(status().failure).toBeUndefined();
    await reconcile(cloudThatSays('createPort', 'quota'));
    expect(status().failure?.code).toBe('quota');
  });
});

describe('what a claim must not do', () => {
  it('touch the cloud with credentials of another project', async () => {
    world.cloud.projectId = 'project-2';
    await world.management.createClaim(makeClaim(NAME));
    await expect(reconcile()).rejects.toMatchObject({ code: 'credentials' });
    expect(world.cloud.portsLeft).toEqual([]);
    expect(world.faults.recorded[0]?.error.code).toBe('credentials');
  });

  it('write with credentials that were swapped after it had looked', async () => {
    await world.management.createClaim(makeClaim(NAME));
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name, when }) => {
            if (name === 'cloud.findPorts' && when === 'after') world.cloud.projectId = 'project-2';
            return undefined;
          }),
      },
    });
    await expect(reconcile(context)).rejects.toMatchObject({ code: 'credentials' });
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('change the cloud before the epoch of its Lease stands on it', async () => {
    const epochs = new Map<string, number | undefined>();
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name, when }) => {
            if (when === 'before' && /(create|delete)/.test(name)) epochs.set(name, status().epoch);
            return undefined;
          }),
      },
    });
    await world.management.createClaim(makeClaim(NAME));
    await reconcile(context);
    world.lease.set({ epoch: 4 });
    await world.management.deleteClaim(stored() as NodeClaim);
    await reconcile(context);
    world.lease.set({ epoch: 9 });
    await reconcile(context);
    expect([...epochs]).toEqual([
      ['cloud.createPort', 1],
      ['cloud.createServer', 1],
      ['cloud.deleteServer', 4],
      ['cloud.deletePort', 9],
    ]);
  });

  it('read a 404 of another project as gone', async () => {
    await becomeReady();
    await world.management.updateClaimStatus(stored() as NodeClaim, {
      ...status(),
      serverGoneAt: new Date(world.clock.nowMs()).toISOString(),
    });
    world.cloud.loseServer(status().serverId ?? '');
    world.cloud.projectId = 'project-2';
    world.clock.advance(3_600_000);
    await expect(reconcile()).rejects.toMatchObject({ code: 'credentials' });
    expect(status().failure).toBeUndefined();
  });

  it('anything without the Lease', async () => {
    await world.management.createClaim(makeClaim(NAME));
    world.lease.set({ held: false });
    const before = stored();
    expect(await reconcile()).toMatchObject({ kind: 'wait', why: 'not leading' });
    expect(stored()).toBe(before);
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('anything when another leader has written under a later epoch', async () => {
    const claim = await world.management.createClaim(makeClaim(NAME));
    await world.management.updateClaimStatus(claim, { epoch: 2 });
    expect(await reconcile()).toMatchObject({ kind: 'wait', why: 'not leading' });
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('POST when the Lease was lost while it wrote the attempt down', async () => {
    await world.management.createClaim(makeClaim(NAME));
    const context = world.context({
      wrap: {
        management: (plane) =>
          interruptPort(plane, 'management', ({ name, when }) => {
            if (name === 'management.updateClaimStatus' && when === 'after' && status().phase === 'Creating') {
              world.lease.set({ held: false });
            }
            return undefined;
          }),
      },
    });
    await reconcile(context);
    expect(status().createAttemptedAt).toBeDefined();
    expect(world.cloud.posts).toEqual([]);
  });

  it('carry on a claim of another cluster', async () => {
    await world.management.createClaim(makeClaim(NAME, { spec: { clusterUid: 'someone-else' } }));
    expect(await reconcile()).toEqual({ kind: 'settled' });
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('act on a claim that was made anew under the same name', async () => {
    const old = await world.management.createClaim(makeClaim(NAME, { metadata: { finalizers: [] } }));
    await world.management.deleteClaim(old);
    await world.management.createClaim(makeClaim(NAME));
    expect(await reconcileClaim(world.context(), old)).toEqual({ kind: 'settled' });
    expect(world.cloud.portsLeft).toEqual([]);
  });

  it('delete a server whose metadata somebody changed', async () => {
    await becomeReady();
    const { serverId = '' } = status();
    const server = await world.cloud.getServer(serverId);
    world.cloud.addServer({ ...server, name: NAME, id: serverId, metadata: new Map() });
    await world.management.deleteClaim(stored() as NodeClaim);
    expect(await reconcile()).toMatchObject({ kind: 'wait', why: expect.stringContaining('delete it by hand') });
    expect(world.cloud.deletedServers).toEqual([]);
    expect(status().conditions).toMatchObject([{ type: 'Removable', status: 'False', reason: 'NotOurs' }]);
    expect(world.workload.events.at(-1)?.reason).toBe('NodeNotRemovable');
  });

  it('remove anything while frozen', async () => {
    await becomeReady();
    world.frozen = 'the API does not answer';
    await world.management.deleteClaim(stored() as NodeClaim);
    await live(60_000);
    expect(status().phase).toBe('Ready');
    expect(world.workload.stores.nodes.get(NAME)?.unschedulable).toBe(false);
  });
});

describe('a planner that writes beside it', () => {
  it('costs neither the server id nor the timers', async () => {
    await world.management.createClaim(makeClaim(NAME));
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name, when }) => {
            if (name === 'cloud.createServer' && when === 'after') {
              const claim = stored() as NodeClaim;
              void world.management.updateClaimStatus(claim, {
                ...claim.status,
                unneededSince: '2026-01-01T00:00:00Z',
              });
            }
            return undefined;
          }),
      },
    });
    await reconcile(context);
    expect(status()).toMatchObject({ phase: 'Booting', unneededSince: '2026-01-01T00:00:00Z' });
    expect(world.cloud.posts).toHaveLength(1);
  });
});

describe('a removal', () => {
  beforeEach(async () => {
    await becomeReady();
    world.workload.stores.pods.put(makePod('web-1', { nodeName: NAME }));
    world.workload.podGraceMs = 2000;
    world.cloud.deleteMs = 2000;
  });

  it('goes in order: cordon, evict, server, port, Node, claim', async () => {
    await world.management.deleteClaim(stored() as NodeClaim);
    const seen: string[] = [];
    const context = world.context({
      wrap: {
        workload: (plane) => interruptPort(plane, 'workload', see),
        cloud: (cloud) => interruptPort(cloud, 'cloud', see),
        management: (plane) => interruptPort(plane, 'management', see),
      },
    });
    function see({ name, when }: { readonly name: string; readonly when: string }): undefined {
      const method = name.split('.')[1] ?? '';
      if (when === 'after' && /^(cordon|evict|delete|set)/.test(method)) seen.push(method);
    }
    await live(60_000, context);
    expect(seen).toEqual(['cordonNode', 'evictPod', 'deleteServer', 'deletePort', 'deleteNode', 'setClaimFinalizer']);
    expect(stored()).toBeUndefined();
  });

  it('asks ever less often for a server that Nova does not manage to delete', async () => {
    let asked = 0;
    // Accepted, and then the server is in ERROR again.
    world.cloud.deleteServer = async () => void (asked += 1);
    await world.management.deleteClaim(stored() as NodeClaim);
    for (let elapsedMs = 0; elapsedMs < 600_000; ) {
      const outcome = await reconcile();
      const waitMs = outcome.kind === 'wait' ? outcome.afterMs : 1000;
      elapsedMs += waitMs;
      await world.clock.advanceAndSettle(waitMs);
    }
    expect(stored()).toBeDefined();
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(60);
  });

  it('keeps a budget until the drain timeout and then, by force, deletes the pod', async () => {
    world.workload.onEvict = () => ({ kind: 'blocked', message: 'budget web-pdb', retryAfterMs: undefined });
    await world.management.deleteClaim(stored() as NodeClaim);
    await live(599_000);
    expect(world.cloud.deletedServers).toEqual([]);
    expect(world.workload.forcedDeletes).toEqual([]);
    expect(status().conditions).toMatchObject([
      { reason: 'PodsBlocked', message: 'Pods cannot be evicted yet: default/web-1: budget web-pdb' },
    ]);
    await live(30_000);
    expect(world.workload.forcedDeletes).toEqual(['web-1']);
    expect(stored()).toBeUndefined();
  });

  it('says a blocked drain in every round, in the same words, so that the recorder counts it', async () => {
    world.workload.onEvict = () => ({ kind: 'blocked', message: 'budget web-pdb', retryAfterMs: 1000 });
    await world.management.deleteClaim(stored() as NodeClaim);
    await live(60_000);
    const said = world.workload.events.filter((event) => event.reason === 'DrainBlocked');
    expect(said.length).toBeGreaterThan(1);
    expect(new Set(said.map((event) => event.note)).size).toBe(1);
  });

  it('waits for attached volumes before the server goes', async () => {
    world.workload.volumeAttachments.set(NAME, ['csi-1']);
    await world.management.deleteClaim(stored() as NodeClaim);
    await live(60_000);
    expect(world.cloud.deletedServers).toEqual([]);
    world.workload.volumeAttachments.delete(NAME);
    await live(10_000);
    expect(world.cloud.deletedServers).toHaveLength(1);
  });

  it('is repeated by the queue when the API server does not answer', async () => {
    await world.management.deleteClaim(stored() as NodeClaim);
    const context = world.context({
      wrap: {
        workload: (plane) =>
          interruptPort(plane, 'workload', ({ name }) =>
            name === 'workload.listPodsOnNode' ? new PortError('unavailable', 'no answer') : undefined,
          ),
      },
    });
    await expect(reconcile(context)).rejects.toMatchObject({ code: 'unavailable' });
    expect(world.cloud.deletedServers).toEqual([]);
  });
});

it('a server that a person removed fails its claim after two looks', async () => {
  await becomeReady();
  world.cloud.loseServer(status().serverId ?? '');
  world.workload.stores.nodes.remove(NAME);
  await reconcile();
  expect(status().failure).toBeUndefined();
  world.clock.advance(15_000);
  await reconcile();
  expect(status()).toMatchObject({ phase: 'Failed', failure: { code: 'ServerRemovedByUser' } });
});

it('a server in ERROR fails its claim with what the adapter makes of it', async () => {
  world.cloud.fault = { code: 500, message: 'No valid host was found.', meaning: 'capacity' };
  await world.management.createClaim(makeClaim(NAME));
  await reconcile();
  expect(status().failure).toMatchObject({ code: 'capacity', message: expect.stringContaining('No valid host') });
  expect(world.faults.recorded.map((fault) => fault.error.code)).toEqual(['capacity']);
});

it.each([
  ['strictly apart: its hosts may only have one of the pool each', {}, 'pool'],
  ['apart where there is room: there is no host at all', { serverGroupPolicy: 'soft-anti-affinity' }, undefined],
] as const)('no host for a server that is to be %s', async (_, policy, concerns) => {
  world.cloud.fault = { code: 500, message: 'No valid host was found.', meaning: 'capacity' };
  await world.management.createClaim(makeClaim(NAME, { spec: { serverGroup: 'group', ...policy } }));
  await reconcile();
  expect(world.faults.recorded.map(({ error }) => [error.code, error.concerns])).toEqual([['capacity', concerns]]);
});
