// Where no connection is made to: what a tenant may write as an endpoint must not reach what the tenant cannot reach itself.
import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressPolicy, isLoopback } from '../../../src/openstack/client/address-policy.ts';
import type { CloudConfig } from '../../../src/openstack/client/clouds.ts';
import { HttpChannel } from '../../../src/openstack/client/http.ts';
import { openStack } from '../../../src/openstack/client/open-stack.ts';
import { REAL_CLOCK, ScriptedCloud, type Answer } from './scripted-cloud.ts';

const METADATA = [
  'http://169.254.169.254/',
  'http://169.254.0.1/',
  'http://2852039166/', // the same address as one number
  'http://0xa9fea9fe/',
  'http://169.254.43518/',
  'http://[fe80::1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[64:ff9b::169.254.169.254]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://[fd00:ec2::254]/',
  'http://100.100.100.200/',
  'http://0.0.0.0/',
  'http://[::]/',
];

describe('an address in a URL', () => {
  test.for(METADATA)('%s is never used', (url) => {
    expect(new AddressPolicy({ loopback: true }).refusal(new URL(url).hostname)).toContain('link-local or metadata');
  });

  test.for(['http://127.0.0.1/', 'http://127.9.9.9/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/'])(
    '%s is used only where loopback is',
    (url) => {
      const { hostname } = new URL(url);
      expect(new AddressPolicy({ loopback: true }).refusal(hostname)).toBeUndefined();
      expect(new AddressPolicy({ loopback: false }).refusal(hostname)).toContain('this machine');
    },
  );

  test.for(['http://10.0.0.1/', 'http://192.168.1.1/', 'http://203.0.113.9/', 'http://[2001:db8::1]/', 'http://name/'])(
    '%s is used: clouds stand in private networks too',
    (url) => {
      expect(new AddressPolicy({ loopback: false }).refusal(new URL(url).hostname)).toBeUndefined();
    },
  );

  test('what is allowed by name is used', () => {
    const policy = new AddressPolicy({ loopback: false, allowed: ['169.254.10.0/24'] });
    expect(policy.refusal('169.254.10.7')).toBeUndefined();
    expect(policy.refusal('169.254.11.7')).toBeDefined();
  });
});

describe('a name', () => {
  const look = (addresses: readonly string[], all: boolean) =>
    new Promise<unknown>((done) => {
      const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      const policy = new AddressPolicy({ loopback: false }, (_name, _options, answer) => answer(null, found));
      policy.lookup('cloud.example', { all }, (error, address) => done(error?.message ?? address));
    });

  test.for([
    ['169.254.169.254'],
    ['203.0.113.9', 'fe80::1'], // one among several is enough
    ['127.0.0.1'],
    [],
  ])('that leads to %o is refused', async (addresses) => {
    if (addresses.length > 0) expect(await look(addresses, true)).toContain('cloud.example leads to an address');
    else expect(await look(addresses, false)).toContain('no address');
  });

  test('that leads elsewhere is connected to at the address that was judged', async () => {
    expect(await look(['203.0.113.9'], false)).toBe('203.0.113.9');
    expect(await look(['203.0.113.9'], true)).toEqual([{ address: '203.0.113.9', family: 4 }]);
  });
});

test.for([
  ['http://127.0.0.1:5000/v3', true],
  ['http://localhost/v3', true],
  ['http://[::1]/v3', true],
  ['https://auth.cloud.example/v3', false],
] as const)('isLoopback %s', ([url, want]) => {
  expect(isLoopback(url)).toBe(want);
});

describe('the client', () => {
  let cloud: ScriptedCloud;
  let other: ScriptedCloud;

  beforeEach(async () => {
    cloud = await ScriptedCloud.start();
    other = await ScriptedCloud.start();
  });

  afterEach(async () => {
    await cloud.close();
    await other.close();
  });

  test('a name that resolves to a forbidden address is refused once it has resolved', async () => {
    const channel = new HttpChannel({ addresses: { loopback: false } });
    const { port } = new URL(cloud.url);
    const request = { service: 'identity', method: 'GET', url: new URL(`http://localhost:${port}/`) } as const;
    await expect(channel.send(request)).rejects.toMatchObject({ kind: 'config', status: 0 });
    expect(cloud.seen).toEqual([]);
    await channel.close();
  });

  test('auth_url at a metadata address: nothing is sent', async () => {
    const config: CloudConfig = { ...cloud.config, authUrl: 'http://169.254.169.254/v3' };
    await expect(openStack(config, { clock: REAL_CLOCK })).rejects.toMatchObject({ kind: 'config' });
  });

  test("a catalog of somebody's Keystone that names a metadata address is not followed", async () => {
    cloud.handler = ({ path }) => (path === '/v3/auth/tokens' ? withNova('http://169.254.169.254/latest') : undefined);
    const session = await openStack(cloud.config, { clock: REAL_CLOCK });
    await expect(session.nova.listServers()).rejects.toMatchObject({ kind: 'config', service: 'compute' });
    await session.close();
  });

  test('a redirect to another host is not followed, and the token does not go there', async () => {
    cloud.handler = ({ path }) =>
      path.endsWith('/servers') ? { status: 307, headers: { location: `${other.url}/servers` } } : undefined;
    const session = await openStack(cloud.config, { clock: REAL_CLOCK });
    const server = { name: 'a', flavorRef: 'f', imageRef: 'i', networks: [], metadata: {} };
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ kind: 'refused', status: 307 });
    await expect(session.nova.createServer(server)).rejects.toMatchObject({ kind: 'refused', status: 307 });
    expect(other.seen).toEqual([]);
    await session.close();
  });

  test('where loopback is not allowed, no endpoint is on it', async () => {
    const refused = openStack(cloud.config, { clock: REAL_CLOCK, http: { addresses: { loopback: false } } });
    await expect(refused).rejects.toMatchObject({ kind: 'config', message: expect.stringContaining('this machine') });
    expect(cloud.seen).toEqual([]);
  });

  function withNova(url: string): Answer {
    const answer = cloud.tokenAnswer();
    const text = JSON.stringify(answer).replaceAll(`${cloud.url}/compute/v2.1/${cloud.projectId}`, url);
    return JSON.parse(text) as Answer;
  }
});
