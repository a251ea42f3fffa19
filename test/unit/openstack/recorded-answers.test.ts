// Every typed call against what a real OpenStack answered (recorded/, made by test/conformance/record-answers.ts): it reads
// the answer, and where a field that it needs is gone or of another type it says which.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HttpChannel } from '../../../src/openstack/client/http.ts';
import { KeystoneLogin } from '../../../src/openstack/client/keystone-login.ts';
import { openStack, type OpenStack } from '../../../src/openstack/client/open-stack.ts';
import type { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';
import { ManualClock, REAL_CLOCK, ScriptedCloud, type Answer } from './scripted-cloud.ts';

interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

type Service = 'keystone' | 'nova' | 'neutron' | 'glance';

function recordingsOf(service: Service): Readonly<Record<string, Recorded>> {
  const text = readFileSync(new URL(`recorded/${service}.json`, import.meta.url), 'utf8');
  return JSON.parse(text) as Readonly<Record<string, Recorded>>;
}

const RECORDINGS = {
  keystone: recordingsOf('keystone'),
  nova: recordingsOf('nova'),
  neutron: recordingsOf('neutron'),
  glance: recordingsOf('glance'),
};

function recording(service: Service, name: string): Recorded {
  const found = RECORDINGS[service][name];
  if (found === undefined) throw new Error(`nothing is recorded as ${service} '${name}'`);
  return found;
}

let cloud: ScriptedCloud;
let session: OpenStack;

beforeAll(async () => {
  cloud = await ScriptedCloud.start();
  const budget = { run: <T>(request: () => Promise<T>) => request() };
  session = await openStack(cloud.config, { clock: REAL_CLOCK, budgetOf: () => budget });
});

afterAll(async () => {
  await session.close();
  await cloud.close();
});

/** What was recorded is the answer to everything but logins, the version document and the tags extension; a list ends after it. */
function answering({ status, body, headers }: Recorded): void {
  const { 'openstack-api-version': _, ...rest } = headers; // the version that was asked for is named by the double
  const answer: Answer = { status, headers: rest, ...(body === null ? {} : { body }) };
  cloud.handler = ({ path, query }) => {
    if (path === '/v3/auth/tokens' || path === '/compute/v2.1/' || path.includes('/extensions/')) return undefined;
    return query.has('marker') ? { status: 200, body: emptied(body) } : answer;
  };
}

function emptied(body: unknown): unknown {
  const lists = Object.entries(body as object).filter(
    ([key, value]) => Array.isArray(value) && !key.endsWith('_links'),
  );
  return Object.fromEntries(lists.map(([key]) => [key, []]));
}

interface Call {
  readonly service: Service;
  readonly answer: string;
  readonly call: () => Promise<unknown>;
  /** Paths in the body of what must be there. */
  readonly fields: readonly string[];
  readonly want: unknown;
}

const ID = '00000000-0000-4000-8000-000000000042';
const NEW_SERVER = { name: 'a', flavorRef: 'f', imageRef: 'i', networks: [], metadata: {} };
const NEW_PORT = { name: 'n', description: '', network_id: 'net', tags: ['recorded'] };
const NEW_FLOATING_IP = { floating_network_id: 'ext', port_id: 'p', description: 'd' };
const under = (path: string, ...names: readonly string[]): readonly string[] => names.map((name) => `${path}/${name}`);
const PORT = ['id', 'name', 'project_id', 'device_id', 'fixed_ips', 'fixed_ips/0/ip_address'];
const FLOATING_IP = ['id', 'project_id', 'floating_ip_address', 'floating_network_id', 'port_id', 'status'];
const SERVER = ['id', 'status', 'created', 'tenant_id'];

const CALLS: readonly Call[] = [
  {
    service: 'nova',
    answer: 'servers in BUILD',
    call: () => session.nova.listServers(),
    fields: ['servers', ...under('servers/0', ...SERVER)],
    want: [
      expect.objectContaining({ status: 'BUILD', addresses: [], fault: undefined, metadata: new Map([['pool', 'a']]) }),
    ],
  },
  {
    service: 'nova',
    answer: 'servers ACTIVE and ERROR',
    call: () => session.nova.listServers(),
    fields: under('servers/0', ...SERVER, 'flavor/original_name'),
    want: [
      // a server that got no host is in a cell of its own, whose faults Nova does not list: only GET of the one shows it
      expect.objectContaining({ status: 'ERROR', flavorName: 'too-large', fault: undefined }),
      expect.objectContaining({
        status: 'ACTIVE',
        flavorName: 'b2-120',
        zone: 'nova',
        addresses: [expect.stringMatching(/^10\.0\./)],
      }),
    ],
  },
  {
    service: 'nova',
    answer: 'server in ERROR',
    call: () => session.nova.getServer(ID),
    fields: under('server', ...SERVER, 'flavor/original_name', 'fault/code', 'fault/message'),
    want: expect.objectContaining({
      status: 'ERROR',
      fault: { code: 500, message: expect.stringMatching(/^No valid host was found/) },
    }),
  },
  {
    service: 'nova',
    answer: 'servers changed since',
    call: () => session.nova.listServers({ changesSinceMs: 0 }),
    fields: under('servers/0', ...SERVER),
    // Nova forgets the metadata of what it deleted: whose it was, only the id says
    want: [
      expect.objectContaining({ status: 'DELETED', metadata: new Map() }),
      expect.objectContaining({ status: 'DELETED', metadata: new Map() }),
    ],
  },
  {
    service: 'nova',
    answer: 'page of servers',
    call: () => session.nova.listServerNames(),
    fields: ['servers', 'servers/0/id', 'servers_links/0/rel', 'servers_links/0/href'],
    want: ['recorded-error'],
  },
  {
    service: 'nova',
    answer: 'server',
    call: () => session.nova.getServer(ID),
    fields: ['server', ...under('server', ...SERVER)],
    want: expect.objectContaining({ id: ID, status: 'ACTIVE' }),
  },
  {
    service: 'nova',
    answer: 'new server',
    call: () => session.nova.createServer(NEW_SERVER),
    fields: ['server', 'server/id'],
    want: ID,
  },
  {
    service: 'nova',
    answer: 'flavors',
    call: () => session.nova.listFlavors(),
    fields: ['flavors', ...under('flavors/0', 'id', 'name', 'vcpus', 'ram', 'disk')],
    want: expect.arrayContaining([expect.objectContaining({ name: 'b2-120', vcpus: 32, ram: 120_000, disk: 400 })]),
  },
  {
    service: 'nova',
    answer: 'limits',
    call: () => session.nova.readLimits(),
    fields: under(
      'limits/absolute',
      'maxTotalInstances',
      'totalInstancesUsed',
      'maxTotalCores',
      'totalCoresUsed',
      'maxTotalRAMSize',
      'totalRAMUsed',
    ),
    want: expect.objectContaining({ maxTotalInstances: 2000, maxTotalCores: 20_000 }),
  },
  {
    service: 'nova',
    answer: 'zones',
    call: () => session.nova.listZones(),
    fields: ['availabilityZoneInfo', ...under('availabilityZoneInfo/0', 'zoneName', 'zoneState/available')],
    want: [{ name: 'nova', available: true }],
  },
  {
    service: 'nova',
    answer: 'server groups',
    call: () => session.nova.listServerGroups(),
    fields: ['server_groups', ...under('server_groups/0', 'id', 'name', 'policy', 'members')],
    want: [expect.objectContaining({ name: 'recorded', policy: 'anti-affinity', members: [] })],
  },
  {
    service: 'nova',
    answer: 'new server group',
    call: () => session.nova.createServerGroup({ name: 'recorded', policy: 'anti-affinity' }),
    fields: ['server_group', 'server_group/id'],
    want: expect.any(String),
  },
  {
    service: 'neutron',
    answer: 'networks',
    call: () => session.neutron.listNetworks({}),
    fields: ['networks', 'networks/0/id', 'networks/0/name'],
    want: [expect.objectContaining({ name: 'nodepool-net' }), expect.objectContaining({ name: 'Ext-Net' })],
  },
  {
    service: 'neutron',
    answer: 'subnets',
    call: () => session.neutron.listSubnets({}),
    fields: ['subnets', 'subnets/0/id', 'subnets/0/name'],
    want: expect.arrayContaining([expect.objectContaining({ name: 'nodepool-subnet' })]),
  },
  {
    service: 'neutron',
    answer: 'security groups',
    call: () => session.neutron.listSecurityGroups({}),
    fields: ['security_groups', 'security_groups/0/id', 'security_groups/0/name'],
    want: expect.arrayContaining([
      expect.objectContaining({ name: 'nodepool' }),
      expect.objectContaining({ name: 'default' }),
    ]),
  },
  {
    service: 'neutron',
    answer: 'first page of ports',
    call: () => session.neutron.listPorts({}),
    fields: ['ports', 'ports_links/0/rel', 'ports_links/0/href', ...under('ports/0', ...PORT)],
    want: [expect.objectContaining({ name: 'recorded', tags: ['recorded'], device_id: '' })],
  },
  {
    service: 'neutron',
    answer: 'port',
    call: () => session.neutron.getPort('p'),
    fields: ['port', ...under('port', ...PORT)],
    want: expect.objectContaining({ tags: ['recorded'] }),
  },
  {
    service: 'neutron',
    answer: 'floating IPs',
    call: () => session.neutron.listFloatingIps({}),
    fields: ['floatingips', ...under('floatingips/0', ...FLOATING_IP)],
    want: [expect.objectContaining({ status: 'DOWN', description: 'recorded' })],
  },
  {
    service: 'neutron',
    answer: 'floating IP',
    call: () => session.neutron.getFloatingIp('f'),
    fields: ['floatingip', ...under('floatingip', ...FLOATING_IP)],
    want: expect.objectContaining({ fixed_ip_address: expect.stringMatching(/^10\.0\./) }),
  },
  {
    service: 'neutron',
    answer: 'new floating IP',
    call: () => session.neutron.createFloatingIp(NEW_FLOATING_IP),
    fields: ['floatingip', ...under('floatingip', ...FLOATING_IP)],
    want: expect.objectContaining({ description: 'recorded' }),
  },
  {
    service: 'glance',
    answer: 'images',
    call: () => session.glance.findImages('Debian 12'),
    fields: ['images', 'images/0/id', 'images/0/status'],
    want: [expect.objectContaining({ name: 'Debian 12', status: 'active' })],
  },
  {
    service: 'glance',
    answer: 'image',
    call: () => session.glance.getImage('i'),
    fields: ['id', 'status'],
    want: expect.objectContaining({ name: 'Debian 12', status: 'active' }),
  },
];

describe.for(CALLS)('$service $answer', ({ service, answer, call, fields, want }) => {
  test('is read', async () => {
    answering(recording(service, answer));
    expect(await call()).toEqual(want);
  });

  test.for(fields.flatMap((field) => [`without ${field}`, `of another type: ${field}`]))('%s', async (change) => {
    const path = change.split(' ').at(-1)?.split('/') ?? [];
    const real = recording(service, answer);
    answering({ ...real, body: changed(real.body, path, change.startsWith('without') ? undefined : { not: 'this' }) });
    const error = await call().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'malformed', message: expect.stringContaining(nameOf(path)) });
  });
});

test('a new port is read; where Neutron knew no tags in a POST, they are put afterwards', async () => {
  const { status, body } = recording('neutron', 'new port');
  cloud.handler = ({ path, method }) => {
    if (path.includes('/extensions/')) return { status: 404, body: recording('neutron', 'extension').body };
    return method === 'PUT' ? { status: 200, body: recording('neutron', 'tags').body } : { status, body };
  };
  expect(await session.neutron.createPort(NEW_PORT)).toMatchObject({ name: 'recorded', tags: ['recorded'] });
});

describe('a refusal', () => {
  test.for<[service: Service, answer: string, fault: string, words: string]>([
    ['nova', 'bad flavor', 'badRequest', 'Flavor nope could not be found.'],
    ['nova', 'echoed value', 'badRequest', 'field/attribute name. (value withheld)'],
    ['nova', 'no token', 'error', 'requires authentication'],
    ['nova', 'quota', 'forbidden', 'Quota exceeded for instances'],
    ['nova', 'no policy', 'forbidden', "Policy doesn't allow"],
    ['nova', 'no server', 'itemNotFound', 'could not be found'],
    ['nova', 'microversion too high', 'computeFault', 'Version 2.999 is not supported'],
    ['nova', 'ambiguous network', 'conflictingRequest', 'Multiple possible networks found'],
    ['nova', 'body too large', 'message', 'Request is too large.'],
    ['nova', 'bad marker', 'badRequest', 'marker [nope] not found'],
    ['neutron', 'bad field', 'HTTPBadRequest', 'Unrecognized attribute'],
    ['neutron', 'no token', 'error', 'requires authentication'],
    ['neutron', 'bad network', 'NetworkNotFound', 'could not be found'],
    ['neutron', 'quota', 'OverQuota', 'Quota exceeded for resources'],
    ['neutron', 'second floating IP of a port', 'FloatingIPPortAlreadyAssociated', 'already has a floating IP'],
    ['glance', 'bad query', 'message', 'limit param must be positive'],
    ['glance', 'no token', 'message', 'could not verify'],
    ['keystone', 'wrong password', 'error', 'requires authentication'],
    ['keystone', 'no body', 'error', 'Expecting to find auth'],
  ])('of %s: %s', async ([service, answer, fault, words]) => {
    const real = recording(service, answer);
    answering(real);
    const write = session.nova.createServer(NEW_SERVER); // any call: the form is the service's, not the call's
    const error = (await write.catch((reason: unknown) => reason)) as OpenStackError;
    expect(error).toMatchObject({ kind: 'refused', status: real.status, fault: { type: fault } });
    expect(error.fault?.message).toContain(words);
    expect(error.fault?.message).not.toContain('<br');
    expect(error.requestId).toBe(real.headers['x-openstack-request-id']);
  });

  test("of absence is the service's own word", async () => {
    answering(recording('nova', 'no server'));
    expect(await session.nova.getServer(ID)).toBeUndefined();
    answering(recording('nova', 'no key pair'));
    expect(await session.nova.keyPairExists('absent')).toBe(false);
    answering(recording('neutron', 'no port'));
    expect(await session.neutron.getPort('p')).toBeUndefined();
    answering(recording('neutron', 'no floating IP'));
    expect(await session.neutron.getFloatingIp('f')).toBeUndefined();
    answering(recording('glance', 'no image'));
    expect(await session.glance.getImage('i')).toBeUndefined();
  });
});

describe('Keystone', () => {
  async function login(answer: Recorded): Promise<unknown> {
    const channel = new HttpChannel();
    cloud.handler = () => ({ status: answer.status, headers: answer.headers, body: answer.body });
    const one = new KeystoneLogin(cloud.config, { channel: () => channel, clock: new ManualClock() });
    try {
      return await one.token();
    } finally {
      await channel.close();
    }
  }

  test.for(['password', 'token', 'application credential'])(
    '%s: a token with its project and catalog',
    async (name) => {
      const token = await login(recording('keystone', name));
      expect(token).toMatchObject({ value: 'scrubbed', projectName: 'nodepool' });
      const { catalog } = token as { catalog: readonly { readonly type: string }[] };
      expect(catalog.map(({ type }) => type).toSorted()).toEqual([
        'compute',
        'identity',
        'image',
        'network',
        'placement',
      ]);
    },
  );

  test('an unscoped token and a refusal', async () => {
    await expect(login(recording('keystone', 'unscoped'))).rejects.toMatchObject({ kind: 'config' });
    await expect(login(recording('keystone', 'wrong password'))).rejects.toMatchObject({ status: 401 });
  });

  const FIELDS = ['expires_at', 'issued_at', 'project/id', 'project/name'].map((field) => `token/${field}`);
  const ENDPOINT = ['token/catalog/0/type', 'token/catalog/0/endpoints/0/url', 'token/catalog/0/endpoints/0/interface'];
  test.for([...FIELDS, ...ENDPOINT])('without %s', async (field) => {
    const real = recording('keystone', 'password');
    const path = field.split('/');
    await expect(login({ ...real, body: changed(real.body, path, undefined) })).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(nameOf(path)),
    });
  });
});

test('nothing recorded names the machine or a secret of where it was recorded', () => {
  const text = JSON.stringify(RECORDINGS);
  expect(text).not.toMatch(/127\.0\.0\.1|localhost|gAAAA/);
  const secrets = [...text.matchAll(/"(?:x-subject-token|adminPass|secret|password)":("[^"]*")/g)].map(([, it]) => it);
  expect(new Set(secrets)).toEqual(new Set(['"scrubbed"']));
});

/** A copy of `body` in which what is at `path` is `value`, or is not there. */
function changed(body: unknown, path: readonly string[], value: unknown): unknown {
  const [key = '', ...rest] = path;
  const copy: unknown = Array.isArray(body) ? [...(body as readonly unknown[])] : { ...(body as object) };
  const fields = copy as Record<string, unknown>;
  if (rest.length > 0) fields[key] = changed(fields[key], rest, value);
  else if (value === undefined) delete fields[key];
  else fields[key] = value;
  return copy;
}

function nameOf(path: readonly string[]): string {
  return path.at(-1) ?? '';
}
