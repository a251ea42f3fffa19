// Faults that stand against one pool only, and what a pool asks of the cloud that is not there; faults of flavors and of the
// project are in scale-up.test.ts.
import { expect, it } from 'vitest';
import type { Backoff } from '../../../src/cluster/cluster-objects.ts';
import { makeCluster, makeObjects, makePool, makePods, NOW_MS, planFor, stepsOf } from './planner-world.ts';

const fault = (fields: Partial<Backoff>): Backoff => ({
  kind: 'capacity',
  pool: 'web',
  flavor: 'b2-4',
  zone: 'zone-a',
  message: 'no host',
  untilMs: NOW_MS + 60_000,
  ...fields,
});

it.each<[name: string, backoff: Backoff, wantPools: readonly string[]]>([
  ['no host for a flavor in a zone: the other pool has the same flavor', fault({}), []],
  ['no host that has none of the pool yet', fault({ poolOnly: true }), ['spare']],
  ['a quota that only this pool asks for', fault({ kind: 'quota', flavor: '', zone: '', poolOnly: true }), ['spare']],
  ['a quota of the project', fault({ kind: 'quota', pool: '', flavor: '', zone: '' }), []],
])('%s', (_, backoff, wantPools) => {
  const nodePools = [makePool('web', { priority: 1 }), makePool('spare')];
  const plan = planFor(makeObjects({ nodePools, pods: makePods(1), backoffs: [backoff] }));
  expect(stepsOf(plan, 'createClaim').map(({ pool }) => pool)).toEqual(wantPools);
});

it.each([
  ['the WorkloadCluster names none', undefined, 'the operator can set its spec.openstack.externalNetwork'],
  ['what it names is not resolved yet', 'public', 'is not resolved yet'],
])('floating IPs without an external network, as %s', (_, externalNetwork, words) => {
  const { openstack } = makeCluster().spec;
  const cluster = makeCluster({
    openstack: { ...openstack, ...(externalNetwork === undefined ? {} : { externalNetwork }) },
  });
  const nodePools = [makePool('web', { attachFloatingIPs: { enabled: true } })];
  const plan = planFor(makeObjects({ cluster, nodePools, pods: makePods(1) }));
  expect(stepsOf(plan, 'createClaim')).toEqual([]);
  expect(plan.blocked.map(({ reason }) => reason)).toContain('InvalidSpec');
  expect(JSON.stringify(plan.blocked)).toContain(words);
});

it.each<[name: string, availabilityZones: readonly string[], wantZones: readonly string[]]>([
  ['unknown: nothing is made', ['zone-x'], []],
  ['known and unknown: nodes go to the known one', ['zone-x', 'zone-a'], ['zone-a']],
])('availability zones of a pool, %s, and the unknown one is named', (_, availabilityZones, wantZones) => {
  const nodePools = [makePool('web', { availabilityZones: [...availabilityZones] })];
  const plan = planFor(makeObjects({ nodePools, pods: makePods(1) }));
  expect(stepsOf(plan, 'createClaim').map(({ spec }) => spec.zone)).toEqual(wantZones);
  expect(plan.blocked.map(({ pool, reason }) => [pool, reason])).toEqual([['web', 'InvalidSpec']]);
  const { message = '' } = plan.blocked[0] ?? {};
  expect(message).toContain("vailability zone 'zone-x' takes no servers; the project's zones are zone-a");
});
