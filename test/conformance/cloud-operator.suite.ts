// Part of cloud.suite.ts: what an operator does to a project while it is in use. Tokens are revoked, quotas are lowered and
// raised again; the port says what it is, and the next call goes through.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { newPort, serverRequest, type Bench } from './cloud-bench.ts';
import { eventually, rejection, type FreshSession } from './stage.ts';

export function describeRevokedTokens(bench: () => Bench): void {
  test('a revoked token: calls that come together log in anew once, and succeed', async (context) => {
    const { under, flavorId } = bench();
    await withFresh(bench, context, async (session) => {
      const { cloud } = session;
      await session.revoke();
      const [flavors, targets, quota] = await Promise.all([
        cloud.listFlavors(),
        cloud.resolveTargets(under.cluster),
        cloud.readQuota(),
      ]);
      expect(flavors.map(({ id }) => id)).toContain(flavorId);
      expect(targets).toEqual(bench().targets);
      expect(quota).toBeDefined();
      expect(session.logins()).toBe(2);
    });
  });

  test.for<[what: string, call: (cloud: FreshSession['cloud'], id: string) => Promise<void>]>([
    ['server', (cloud, id) => cloud.deleteServer(id)],
    ['port', (cloud, id) => cloud.deletePort(id)],
  ])('a revoked token: a DELETE of a %s goes through with a new one', async ([, call], context) => {
    await withFresh(bench, context, async (session) => {
      const { cloud } = session;
      await session.revoke();
      await call(cloud, randomUUID());
      expect(session.logins()).toBe(2);
    });
  });

  test('a revoked token: a create makes nothing and says so, the next one makes one', async (context) => {
    await withFresh(bench, context, async (session) => {
      const { cloud } = session;
      const claimUid = randomUUID();
      const port = await newPort(bench(), claimUid);
      const request = serverRequest(bench(), { claimUid, portId: port.id });
      await session.revoke();
      expect((await rejection(cloud.createServer(request))).code).toBe('unavailable');
      expect(await cloud.findServers(claimUid, request.name)).toEqual([]);
      const id = await cloud.createServer(request);
      expect((await cloud.findServers(claimUid, request.name)).map((server) => server.id)).toEqual([id]);
      expect(session.logins()).toBe(2);
      await cloud.deleteServer(id);
    });
  });
}

export function describeQuota(bench: () => Bench): void {
  test.for<[what: 'servers' | 'cores' | 'memoryMiB']>([['servers'], ['cores'], ['memoryMiB']])(
    'no quota of %s: a server is quota and makes nothing; raised again, the next one goes through',
    async ([what], context) => {
      const { cloud, under } = bench();
      const { projectQuota } = under;
      context.skip(projectQuota === undefined, 'the quota cannot be set here');
      const claimUid = randomUUID();
      const port = await newPort(bench(), claimUid);
      const request = serverRequest(bench(), { claimUid, portId: port.id });
      await projectQuota?.during({ [what]: 0 }, async () => {
        expect((await cloud.readQuota())[`${what}Left`]).toBe(0);
        const error = await rejection(cloud.createServer(request));
        expect(error).toMatchObject({ code: 'quota', concerns: undefined });
        expect(await cloud.findServers(claimUid, request.name)).toEqual([]);
      });
      expect((await cloud.readQuota())[`${what}Left`]).not.toBe(0);
      const id = await cloud.createServer(request);
      await cloud.deleteServer(id);
      await eventually('the server is gone', async () => (await cloud.getServer(id)) === undefined || undefined);
      await cloud.deletePort(port.id);
    },
  );

  test('no quota of ports: a port is quota and makes nothing; raised again, the next one goes through', async (context) => {
    const { cloud, under } = bench();
    const { projectQuota } = under;
    context.skip(projectQuota === undefined, 'the quota cannot be set here');
    const claimUid = randomUUID();
    await projectQuota?.during({ ports: 0 }, async () => {
      expect([0, undefined]).toContain((await cloud.readQuota()).portsLeft);
      expect(await rejection(newPort(bench(), claimUid))).toMatchObject({ code: 'quota', concerns: undefined });
      expect(await cloud.findPorts(claimUid)).toEqual([]);
    });
    expect((await cloud.readQuota()).portsLeft).not.toBe(0);
    const port = await newPort(bench(), claimUid);
    expect((await cloud.findPorts(claimUid)).map(({ id }) => id)).toEqual([port.id]);
    await cloud.deletePort(port.id);
  });
}

async function withFresh(
  bench: () => Bench,
  context: { skip(condition: boolean, why: string): void },
  use: (session: FreshSession) => Promise<void>,
): Promise<void> {
  const session = await bench().under.openFresh?.();
  context.skip(session === undefined, 'the cloud under test has no Keystone');
  if (session === undefined) return;
  try {
    expect(session.logins()).toBe(1);
    await use(session);
  } finally {
    await session.close();
  }
}
