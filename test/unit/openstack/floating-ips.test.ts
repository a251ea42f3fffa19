// Floating IPs on a scripted Neutron: what a real one cannot be made to do. The rest is in test/conformance.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock, Cloud, Telemetry } from '../../../src/controllers/ports.ts';
import { openCloud } from '../../../src/openstack/cloud-port.ts';
import { PROJECT_ID, REAL_CLOCK, ScriptedCloud, type Answer } from './scripted-cloud.ts';

const FLOATING_IPS = '/network/v2.0/floatingips';
const EXTENSIONS = '/network/v2.0/extensions';
const owner = { clusterUid: 'cluster-1', claimUid: 'claim-1' };
const clock: Clock = { ...REAL_CLOCK, nowMs: () => 0 };
const telemetry: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
  forget: () => undefined,
  decision: () => undefined,
  log: () => undefined,
};

let scripted: ScriptedCloud;
let cloud: Cloud;

beforeEach(async () => {
  scripted = await ScriptedCloud.start();
  const source = { cloudsYaml: scripted.cloudsYaml, cloud: undefined, region: undefined };
  cloud = await openCloud(source, { clock, telemetry, labels: {} });
});

afterEach(async () => {
  await cloud.close();
  await scripted.close();
});

const extensions = (...aliases: readonly string[]): Answer => ({
  status: 200,
  body: { extensions: aliases.map((alias) => ({ alias, name: alias })) },
});

function shown(id: string, parts: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id,
    project_id: PROJECT_ID,
    floating_ip_address: '198.18.0.1',
    floating_network_id: 'ext-1',
    port_id: 'port-1',
    fixed_ip_address: '10.0.0.4',
    status: 'DOWN',
    description: 'sluice.dev cluster=cluster-1 claim=claim-1',
    created_at: '2026-01-01T00:00:00Z',
    ...parts,
  };
}

/** Neutron with routers that lists these. */
function listing(...floatingips: readonly Readonly<Record<string, unknown>>[]): void {
  scripted.handler = ({ method, path }) => {
    if (path === EXTENSIONS) return extensions('router');
    return method === 'GET' && path === FLOATING_IPS ? { status: 200, body: { floatingips } } : undefined;
  };
}

describe('looking', () => {
  test('asks for the whole mark, within the project', async () => {
    listing();
    await cloud.findFloatingIps(owner);
    const query = scripted.seen.at(-1)?.query;
    expect(query?.get('description')).toBe('sluice.dev cluster=cluster-1 claim=claim-1');
    expect(query?.get('project_id')).toBe(PROJECT_ID);
  });

  test('takes nothing for its own that does not carry the mark, whatever Neutron filtered by', async () => {
    listing(
      shown('a', { description: 'sluice.dev cluster=cluster-1 claim=claim-10' }),
      shown('b', { description: '' }),
      shown('c', { description: 'of a person: sluice.dev cluster=cluster-1 claim=claim-1' }),
      shown('d', { description: undefined }),
      shown('e', { created_at: '2026-01-01T00:00:02Z' }),
      shown('f', { port_id: null, created_at: '2026-01-01T00:00:01Z' }),
    );
    const found = await cloud.findFloatingIps(owner);
    expect(found.map(({ id, portId }) => [id, portId])).toEqual([
      ['f', ''],
      ['e', 'port-1'],
    ]);
    expect((await cloud.listFloatingIps('cluster-1')).map(({ id }) => id)).toEqual(['a', 'e', 'f']);
    expect(await cloud.listFloatingIps('cluster')).toEqual([]);
  });

  test('where Neutron has no routers there are none, which is asked once', async () => {
    scripted.handler = ({ path }) => (path === EXTENSIONS ? extensions('security-group') : undefined);
    expect(await cloud.findFloatingIps(owner)).toEqual([]);
    expect(await cloud.listFloatingIps('cluster-1')).toEqual([]);
    expect(scripted.count('GET', EXTENSIONS)).toBe(1);
    expect(scripted.count('GET', FLOATING_IPS)).toBe(0);
  });

  test.for<[name: string, answer: Answer]>([
    ['a 404 of somebody', { status: 404, body: 'no such page' }],
    ['a list of something else', { status: 200, body: {} }],
  ])('%s is no word on whether there are any', async ([, answer]) => {
    scripted.handler = ({ path }) => (path === EXTENSIONS ? answer : undefined);
    await expect(cloud.findFloatingIps(owner)).rejects.toMatchObject({ name: 'PortError' });
    // and is not remembered as one
    listing(shown('a'));
    expect(await cloud.findFloatingIps(owner)).toHaveLength(1);
  });
});

describe('making', () => {
  const request = { ...owner, floatingNetworkId: 'ext-1', portId: 'port-1' };
  const refused = (status: number, type: string): Answer => ({
    status,
    body: { NeutronError: { type, message: type, detail: '' } },
  });

  test('is one POST that carries the mark', async () => {
    scripted.handler = ({ path }) =>
      path === FLOATING_IPS ? { status: 201, body: { floatingip: shown('a') } } : undefined;
    expect(await cloud.createFloatingIp(request)).toMatchObject({ id: 'a', ...owner, portId: 'port-1' });
    expect(scripted.seen.at(-1)?.body).toEqual({
      floatingip: {
        floating_network_id: 'ext-1',
        port_id: 'port-1',
        description: 'sluice.dev cluster=cluster-1 claim=claim-1',
      },
    });
  });

  test.for<[name: string, answer: Answer, code: string, concerns?: 'pool']>([
    ['a reset', { breaks: 'beforeHeaders' }, 'outcomeUnknown'],
    ['half an answer', { breaks: 'inBody' }, 'outcomeUnknown'],
    ['503', { status: 503 }, 'outcomeUnknown'],
    ['429', { status: 429 }, 'throttled'],
    ['a full quota', refused(409, 'OverQuota'), 'quota', 'pool'],
    ['a network without a free address', refused(409, 'IpAddressGenerationFailure'), 'quota', 'pool'],
    ['a port that has one', refused(409, 'FloatingIPPortAlreadyAssociated'), 'conflict'],
    ['no router there', refused(404, 'ExternalGatewayForFloatingIPNotFound'), 'invalidSpec'],
    ['a network that is not external', refused(400, 'BadRequest'), 'invalidSpec'],
  ])('%s: sent once, and told truly', async ([, answer, code, concerns]) => {
    scripted.handler = ({ path }) => (path === FLOATING_IPS ? answer : undefined);
    await expect(cloud.createFloatingIp(request)).rejects.toMatchObject({ code, concerns });
    expect(scripted.count('POST', FLOATING_IPS)).toBe(1);
  });
});

test('a lost answer to DELETE may be repeated; one that is gone is gone', async () => {
  const path = `${FLOATING_IPS}/a`;
  let answer: Answer = { breaks: 'beforeHeaders' };
  scripted.handler = (seen) => (seen.path === path ? answer : undefined);
  await expect(cloud.deleteFloatingIp('a')).rejects.toMatchObject({ code: 'unavailable' });
  answer = { status: 404, body: { NeutronError: { type: 'FloatingIPNotFound', message: 'gone', detail: '' } } };
  await cloud.deleteFloatingIp('a');
  expect(scripted.count('DELETE', path)).toBe(2);
});
