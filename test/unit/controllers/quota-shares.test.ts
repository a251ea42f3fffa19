// Clusters of one project in one process: what each may plan with, and that the last of a quota is spent once.
import { expect, test } from 'vitest';
import type { NodeClaim, NodeClaimStatus } from '../../../src/api/node-claim.ts';
import type { Quota } from '../../../src/cluster/cluster-objects.ts';
import { CloudFacts } from '../../../src/controllers/cloud-facts.ts';
import { QuotaShares } from '../../../src/controllers/quota-shares.ts';
import { ProjectHolds } from '../../../src/openstack/quota-holds.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FAKE_FLAVORS, FakeCloud } from '../../fakes/fake-cloud.ts';
import { makeClaim, makeClaimSpec } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';

const QUOTA: Quota = { serversLeft: 10, coresLeft: 4, memoryMiBLeft: 20_000 };
const claim = (status: NodeClaimStatus, uid = 'a'): NodeClaim =>
  makeClaim(`web-node-${uid}`, { status, metadata: { uid } });

/** One cluster: reads, then plans so many nodes of b2-7 (2 cores, 7000 MiB). */
class Tenant {
  readonly shares: QuotaShares;
  claims: NodeClaim[] = [];
  quota = QUOTA;
  spec = makeClaimSpec();

  constructor(project: ProjectHolds) {
    this.shares = new QuotaShares(project.open());
  }

  read(quota = QUOTA, uncounted: readonly NodeClaim[] = []): Quota {
    this.quota = this.shares.share(quota, { claims: this.claims, uncounted, flavors: FAKE_FLAVORS });
    return this.quota;
  }

  hold(nodes: number): string | undefined {
    const steps = Array.from({ length: nodes }, () => ({ kind: 'createClaim' as const, spec: this.spec }));
    return this.shares.hold(steps, { claims: this.claims, flavors: FAKE_FLAVORS, quota: this.quota });
  }
}

function twoTenants(): readonly [Tenant, Tenant] {
  const project = new ProjectHolds(new FakeClock());
  return [new Tenant(project), new Tenant(project)];
}

test('two plans of the same moment do not both spend the same 4 cores', () => {
  const [one, two] = twoTenants();
  expect(one.read().coresLeft).toBe(4);
  expect(two.read().coresLeft).toBe(4);
  expect(one.hold(2)).toBeUndefined();
  expect(two.hold(1)).toMatch(/another cluster of the project/);
  expect(two.read()).toEqual({ serversLeft: 8, coresLeft: 0, memoryMiBLeft: 6000 });
});

test('a node on three networks holds three ports', () => {
  const [one, two] = twoTenants();
  const quota = { serversLeft: 10, coresLeft: undefined, memoryMiBLeft: undefined, portsLeft: 7 };
  for (const tenant of [one, two]) {
    tenant.spec = makeClaimSpec({ additionalNetworks: [{ networkId: 'storage' }, { networkId: 'backup' }] });
    tenant.read(quota);
  }
  expect(one.hold(2)).toBeUndefined();
  expect(two.hold(1)).toMatch(/another cluster of the project/);
  expect(two.read(quota)).toMatchObject({ serversLeft: 8, portsLeft: 1 });
  one.claims = [makeClaim('web-node-a', { spec: one.spec, metadata: { uid: 'a' }, status: { phase: 'Pending' } })];
  one.read(quota);
  expect(two.read(quota)).toMatchObject({ serversLeft: 9, portsLeft: 4 });
});

test('both go on when there is room for both', () => {
  const [one, two] = twoTenants();
  one.read();
  two.read();
  expect(one.hold(1)).toBeUndefined();
  expect(two.hold(1)).toBeUndefined();
});

test('what is held goes over to the claims, to the server that is not yet counted, and is let go', () => {
  const [one, two] = twoTenants();
  one.read();
  one.hold(1);
  one.claims = [claim({ phase: 'Pending' })];
  one.read();
  expect(two.read().coresLeft).toBe(2);
  one.claims = [claim({ phase: 'Creating', createAttemptedAt: '2026-01-01T00:00:00Z' })];
  one.read();
  expect(two.read().coresLeft).toBe(2);
  one.claims = [claim({ phase: 'Building', serverId: 's' })];
  expect(one.read(QUOTA, one.claims).coresLeft).toBe(2);
  expect(two.read().coresLeft).toBe(2);
  // A later reading counts it: nothing is held beyond the reading any more.
  const counting = { ...QUOTA, serversLeft: 9, coresLeft: 2 };
  one.read(counting);
  expect(two.read(counting).coresLeft).toBe(2);
});

test('a create that failed gives its part back', () => {
  const [one, two] = twoTenants();
  one.read();
  one.hold(2);
  one.claims = [claim({ phase: 'Failed', failure: { code: 'capacity', message: '', at: '2026-01-01T00:00:00Z' } })];
  one.read();
  expect(two.read().coresLeft).toBe(4);
});

test('a cluster that is let go gives everything back', () => {
  const project = new ProjectHolds(new FakeClock());
  const leaving = project.open();
  const two = new Tenant(project);
  leaving.set({ servers: 3, ports: 3, cores: 4, memoryMiB: 1 });
  expect(two.read().coresLeft).toBe(0);
  leaving.close();
  expect(two.read().coresLeft).toBe(4);
});

test('without limits there is nothing to share', () => {
  const [one, two] = twoTenants();
  const unlimited = { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined };
  one.read(unlimited);
  expect(two.read(unlimited)).toEqual(unlimited);
  expect(one.hold(500)).toBeUndefined();
  expect(two.hold(500)).toBeUndefined();
});

test("another cluster's delete is a reason to read the limits again", async () => {
  const world = new FakeWorld();
  const project = new ProjectHolds(world.clock);
  const cloud = new FakeCloud(world.clock, project);
  const facts = new CloudFacts({ ...world.context(), cloud });
  cloud.quota = { ...QUOTA, coresLeft: 0 };
  expect((await facts.read([])).quota.coresLeft).toBe(0);
  world.clock.advance(5000);
  cloud.quota = { ...QUOTA, coresLeft: 2 };
  expect((await facts.read([])).quota.coresLeft).toBe(0);
  project.open().moved();
  world.clock.advance(1000);
  expect((await facts.read([])).quota.coresLeft).toBe(2);
});
