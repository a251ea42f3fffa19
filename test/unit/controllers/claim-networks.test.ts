// A node with further networks and a floating IP: what is made and taken away in which order, and that nothing of it is
// left, whichever call of its life is the last one of a process or loses its answer.
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import { assertNodes } from '../../../src/controllers/assert-nodes.ts';
import { reconcileClaim } from '../../../src/controllers/claim-reconciler.ts';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { makeClaim, makePool } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort, type PortCall } from '../../fakes/interrupt-port.ts';
import { liveOneLife, problemsOf, ProcessDied } from './claim-life.ts';

const spec = {
  additionalNetworks: [{ networkId: 'network-2' }, { networkId: 'network-3', subnetId: 'subnet-3' }],
  floatingNetworkId: 'ext-1',
};
/** Calls of such a life that plain lives do not have are disturbed; claim-restart.test.ts disturbs the rest. */
const ofNetworks = /^cloud\..*(Port|FloatingIp)/;
/** Fewer of them, and the tests no longer test what they say. */
const NETWORK_CALLS_MIN = 30;

const madeAndTaken = /^cloud\.(create|delete)/;

describe('a node with further networks and a floating IP', () => {
  it('gets its ports in order, then its address, then its server; and loses them after the server', async () => {
    const life = await liveOneLife({ spec });
    expect(problemsOf(life)).toEqual([]);
    const changes = life.calls.filter(({ name, when }) => when === 'after' && madeAndTaken.test(name));
    expect(changes.map(({ name }) => name.slice('cloud.'.length))).toEqual([
      'createPort',
      'createPort',
      'createPort',
      'createFloatingIp',
      'createServer',
      'deleteServer',
      'deleteFloatingIp',
      'deletePort',
      'deletePort',
      'deletePort',
    ]);
    const [post] = life.world.cloud.posts;
    expect(new Set([post?.portId, ...(post?.additionalPortIds ?? [])]).size).toBe(3);
  });

  it('names its address on the claim and on the Node', async () => {
    const world = new FakeWorld();
    const context = world.context();
    world.workload.stores.nodePools.put(makePool('web'));
    await world.management.createClaim(makeClaim('web-node-000001', { spec }));
    const claim = () => world.management.stores.nodeClaims.list()[0] ?? makeClaim();
    for (let round = 0; round < 20 && claim().status?.phase !== 'Ready'; round++) {
      await reconcileClaim(context, claim());
      await world.clock.advanceAndSettle(5000);
      world.bootKubelets();
    }
    const address = world.cloud.floatingIpsLeft[0]?.address;
    expect(claim().status).toMatchObject({ phase: 'Ready', floatingIp: address });
    expect(claim().status?.additionalPortIds).toHaveLength(2);
    await assertNodes(context);
    expect(world.workload.assertions.at(-1)?.annotations.get(ANNOTATIONS.floatingIp)).toBe(address);
  });

  const disturbances: readonly { readonly name: string; readonly error: (call: PortCall) => Error | undefined }[] = [
    { name: 'the process dies', error: () => new ProcessDied('SIGKILL') },
    ...(['outcomeUnknown', 'unavailable'] satisfies PortErrorCode[]).map((code) => ({
      name: `the answer is lost (${code})`,
      error: ({ when }: PortCall) => (when === 'after' ? new PortError(code, 'the connection was closed') : undefined),
    })),
    ...(['quota', 'conflict', 'invalidSpec'] satisfies PortErrorCode[]).map((code) => ({
      name: `it is refused (${code})`,
      error: ({ when }: PortCall) => (when === 'before' ? new PortError(code, 'the cloud says no') : undefined),
    })),
  ];
  it.each(disturbances)('leaves nothing behind when $name at any call for its network', async ({ error }) => {
    const { calls } = await liveOneLife({ spec });
    const disturbed = [...calls.entries()].filter(([, { name }]) => ofNetworks.test(name));
    expect(disturbed.length).toBeGreaterThan(NETWORK_CALLS_MIN);
    const findings: string[] = [];
    for (const [index, call] of disturbed) {
      const fault = error(call);
      if (fault === undefined) continue;
      const life = await liveOneLife({ spec, decide: (_, n) => (n === index + 1 ? fault : undefined) });
      for (const problem of problemsOf(life)) findings.push(`${index + 1} ${call.when} ${call.name}: ${problem}`);
    }
    expect(findings).toEqual([]);
  });

  it('leaves nothing behind when its claim is deleted while any call for its network is under way', async () => {
    const { calls } = await liveOneLife({ spec });
    const findings: string[] = [];
    for (const [index, call] of calls.entries()) {
      if (!ofNetworks.test(call.name)) continue;
      const life = await liveOneLife({ spec, deleteAtCall: index + 1 });
      for (const problem of problemsOf(life)) findings.push(`${index + 1} ${call.when} ${call.name}: ${problem}`);
    }
    expect(findings).toEqual([]);
  });
});

describe('a server group', () => {
  const refuse = (error: PortError) => (world: FakeWorld) =>
    world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name }) => (name === 'cloud.ensureServerGroup' ? error : undefined)),
      },
    });
  const status = (world: FakeWorld) => world.management.stores.nodeClaims.list()[0]?.status;
  const group = { serverGroup: 'sluice-c-p', serverGroupPolicy: 'soft-anti-affinity' as const };

  it('that the project has no room for fails the claim before its POST, and is told of the pool', async () => {
    const world = new FakeWorld();
    const full = new PortError('quota', 'Quota exceeded, too many server groups.', { concerns: 'pool' });
    await world.management.createClaim(makeClaim('web-node-000001', { spec: group }));
    await reconcileClaim(refuse(full)(world), makeClaim('web-node-000001'));
    expect(status(world)).toMatchObject({ phase: 'Failed', failure: { code: 'quota', message: full.message } });
    expect(world.faults.recorded).toMatchObject([{ error: { concerns: 'pool' }, pool: 'web' }]);
    expect(world.cloud.posts).toEqual([]);
  });

  it('that Nova does not answer about is tried again', async () => {
    const world = new FakeWorld();
    const away = new PortError('unavailable', 'no answer');
    await world.management.createClaim(makeClaim('web-node-000001', { spec: group }));
    await expect(reconcileClaim(refuse(away)(world), makeClaim('web-node-000001'))).rejects.toBe(away);
    expect(status(world)?.failure).toBeUndefined();
    expect(status(world)?.createAttemptedAt).toBeUndefined();
  });
});

describe('a floating IP that the project has no room for', () => {
  it('fails its claim, before a server costs anything, and holds up its own pool only', async () => {
    const world = new FakeWorld();
    const full = new PortError('quota', "Quota exceeded for resources: ['floatingip'].", { concerns: 'pool' });
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name }) => (name === 'cloud.createFloatingIp' ? full : undefined)),
      },
    });
    const claim = await world.management.createClaim(makeClaim('web-node-000001', { spec }));
    await reconcileClaim(context, claim);
    expect(world.management.stores.nodeClaims.list()[0]?.status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'quota', message: full.message },
    });
    expect(world.cloud.posts).toEqual([]);
    expect(world.faults.recorded).toMatchObject([{ error: { code: 'quota', concerns: 'pool' }, pool: 'web' }]);
  });
});
