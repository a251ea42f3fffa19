// The port `Cloud` on a scripted cloud: what a real one cannot be made to do. The rest is in test/conformance.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import type { Clock, Cloud, CreateServerRequest, Telemetry } from '../../../src/controllers/ports.ts';
import { openCloud } from '../../../src/openstack/cloud-port.ts';
import { PROJECT_ID, REAL_CLOCK, ScriptedCloud, type Answer } from './scripted-cloud.ts';

const COMPUTE = `/compute/v2.1/${PROJECT_ID}`;
const SERVERS = `${COMPUTE}/servers`;
const GROUPS = `${COMPUTE}/os-server-groups`;
const PORTS = '/network/v2.0/ports';
const UNAUTHORIZED: Answer = { status: 401, body: { error: { code: 401, message: 'Authenticate.' } } };

const clock: Clock = { ...REAL_CLOCK, nowMs: () => 0 };

const REQUEST: CreateServerRequest = {
  name: 'pool-node-abcdef',
  flavorId: 'f',
  imageId: 'i',
  portId: 'port-1',
  zone: 'nova',
  keyPair: undefined,
  serverGroupId: undefined,
  userData: '#cloud-config canary-token ü',
  metadata: new Map([[SERVER_METADATA.claim, 'claim-1']]),
};

let scripted: ScriptedCloud;
let cloud: Cloud;
let logged: unknown[];

beforeEach(async () => {
  scripted = await ScriptedCloud.start();
  logged = [];
  cloud = await open();
});

afterEach(async () => {
  await cloud.close();
  await scripted.close();
});

function open(
  change: { readonly cloudsYaml?: string; readonly cloud?: string; readonly region?: string } = {},
): Promise<Cloud> {
  const telemetry: Telemetry = {
    count: () => undefined,
    gauge: () => undefined,
    observe: () => undefined,
    forget: () => undefined,
    decision: () => undefined,
    log: (level, message, fields) => void logged.push([level, message, fields]),
  };
  const source = { cloudsYaml: scripted.cloudsYaml, cloud: undefined, region: undefined, ...change };
  return openCloud(source, { clock, telemetry, labels: { cluster: 'ns/c' } });
}

/** The login that stands already is for the scripted cloud's own. */
function otherPassword(): string {
  return scripted.cloudsYaml.replace('canary-password', 'another');
}

describe('openCloud', () => {
  test('a wrong password is credentials, asked once', async () => {
    scripted.handler = () => UNAUTHORIZED;
    const before = scripted.seen.length;
    const cloudsYaml = otherPassword();
    await expect(open({ cloudsYaml })).rejects.toMatchObject({ name: 'PortError', code: 'credentials' });
    await expect(open({ cloudsYaml })).rejects.toMatchObject({ name: 'PortError', code: 'credentials' });
    expect(scripted.seen.length - before).toBe(1);
  });

  test('clusters that share a credential share its login', async () => {
    const second = await open();
    expect(await second.currentProjectId()).toBe(await cloud.currentProjectId());
    expect(scripted.count('POST', '/v3/auth/tokens')).toBe(1);
    await second.close();
  });

  test.for<[name: string, source: Parameters<typeof open>[0], words: string]>([
    ['an unknown cloud', { cloud: 'other' }, "no cloud 'other'"],
    ['an unknown region', { region: 'BHS' }, "region 'BHS'"],
    ['no YAML', { cloudsYaml: ']' }, 'clouds.yaml'],
  ])('%s is credentials: the secret must change', async ([, source, words]) => {
    await expect(open(source)).rejects.toMatchObject({ code: 'credentials', message: expect.stringContaining(words) });
  });

  test('a cacert that is a path is refused: no file is opened for what a secret says', async () => {
    const cloudsYaml = scripted.cloudsYaml.replace('region_name', 'cacert: /etc/passwd\n    region_name');
    await expect(open({ cloudsYaml })).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringContaining('clouds.scripted.cacert'),
    });
  });

  test('Keystone away is unavailable', async () => {
    scripted.handler = () => ({ status: 503 });
    await expect(open({ cloudsYaml: otherPassword() })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('createServer', () => {
  function posting(answer: Answer): void {
    scripted.handler = ({ method, path }) => (method === 'POST' && path === SERVERS ? answer : undefined);
  }

  test('sends what was asked, the user data in base64 and by disk', async () => {
    posting({ status: 202, body: { server: { id: 'id-1' } } });
    expect(await cloud.createServer({ ...REQUEST, serverGroupId: 'g', keyPair: 'k' })).toBe('id-1');
    expect(scripted.seen.at(-1)?.body).toEqual({
      server: {
        name: 'pool-node-abcdef',
        flavorRef: 'f',
        imageRef: 'i',
        networks: [{ port: 'port-1' }],
        availability_zone: 'nova',
        key_name: 'k',
        user_data: Buffer.from(REQUEST.userData).toString('base64'),
        metadata: { [SERVER_METADATA.claim]: 'claim-1' },
        config_drive: true,
      },
      'os:scheduler_hints': { group: 'g' },
    });
  });

  test.for<[name: string, answer: Answer, code: string]>([
    ['a reset', { breaks: 'beforeHeaders' }, 'outcomeUnknown'],
    ['half an answer', { breaks: 'inBody' }, 'outcomeUnknown'],
    ['503', { status: 503 }, 'outcomeUnknown'],
    ['500', { status: 500, body: { computeFault: { code: 500, message: 'x' } } }, 'outcomeUnknown'],
    ['an answer without an id', { status: 202, body: {} }, 'outcomeUnknown'],
    ['quota', { status: 403, body: { forbidden: { code: 403, message: 'Quota exceeded for ram: x' } } }, 'quota'],
    ['port in use', { status: 409, body: { conflictingRequest: { code: 409, message: 'Port in use' } } }, 'conflict'],
    ['a bad flavor', { status: 400, body: { badRequest: { code: 400, message: 'no' } } }, 'invalidSpec'],
    ['too fast', { status: 429, headers: { 'retry-after': '3' } }, 'throttled'],
  ])('one POST, whatever comes back: %s', async ([, answer, code]) => {
    posting(answer);
    await expect(cloud.createServer(REQUEST)).rejects.toMatchObject({ name: 'PortError', code });
    expect(scripted.count('POST', SERVERS)).toBe(1);
  });

  test('a token that is refused while Keystone gives new ones is no wrong credential, and not tried again', async () => {
    posting(UNAUTHORIZED);
    await expect(cloud.createServer(REQUEST)).rejects.toMatchObject({ code: 'unavailable' });
    expect(scripted.count('POST', SERVERS)).toBe(1);
    expect(scripted.count('POST', '/v3/auth/tokens')).toBe(2);
  });

  test('a DELETE whose token was refused is sent once more, with a new one', async () => {
    const id = 'server-1';
    const tokens: (string | undefined)[] = [];
    scripted.handler = ({ method, path, headers }) => {
      if (method !== 'DELETE' || path !== `${SERVERS}/${id}`) return undefined;
      tokens.push(headers.get('x-auth-token'));
      return tokens.length === 1 ? UNAUTHORIZED : { status: 204 };
    };
    await cloud.deleteServer(id);
    expect(tokens).toEqual(['token-1', 'token-2']);
    scripted.handler = ({ method }) => (method === 'DELETE' ? UNAUTHORIZED : undefined);
    await expect(cloud.deleteServer(id)).rejects.toMatchObject({ code: 'credentials' });
    expect(scripted.count('DELETE', `${SERVERS}/${id}`)).toBe(4);
  });

  test('a token that is refused and not replaced is credentials', async () => {
    scripted.handler = ({ method }) => (method === 'POST' ? UNAUTHORIZED : undefined);
    await expect(cloud.createServer(REQUEST)).rejects.toMatchObject({ code: 'credentials' });
    expect(scripted.count('POST', SERVERS)).toBe(1);
  });

  test('a lost version document before the POST is not an unknown outcome: nothing was sent', async () => {
    scripted.handler = ({ path }) => (path === '/compute/v2.1/' ? { breaks: 'beforeHeaders' } : undefined);
    await expect(cloud.createServer(REQUEST)).rejects.toMatchObject({ code: 'unavailable' });
    expect(scripted.count('POST', SERVERS)).toBe(0);
  });

  test.for<[name: string, change: Partial<CreateServerRequest>]>([
    ['user data above 64 KiB in base64', { userData: 'x'.repeat(49_153) }],
    ['a metadata key with a slash', { metadata: new Map([['sluice.dev/claim', 'x']]) }],
    ['a metadata value of 256 characters', { metadata: new Map([['k', 'v'.repeat(256)]]) }],
    ['a name that is no node name', { name: 'Pool_1' }],
  ])('%s is refused before anything is sent', async ([, change]) => {
    const before = scripted.seen.length;
    await expect(cloud.createServer({ ...REQUEST, ...change })).rejects.toMatchObject({ code: 'invalidSpec' });
    expect(scripted.seen.length).toBe(before);
  });

  test('no log and no error holds a secret', async () => {
    posting({
      status: 400,
      body: { badRequest: { message: `Invalid input for field/attribute user_data. Value: canary-token` } },
    });
    const error = await cloud.createServer(REQUEST).catch((reason: unknown) => reason);
    const written = `${String(error)} ${JSON.stringify(error)} ${JSON.stringify(logged)}`;
    expect(logged).not.toEqual([]);
    for (const secret of ['canary', 'token-1', Buffer.from(REQUEST.userData).toString('base64')]) {
      expect(written).not.toContain(secret);
    }
  });
});

describe('lists', () => {
  test('a server list with a page missing is an error, not a short list', async () => {
    scripted.handler = ({ path, query }) => {
      if (path !== `${SERVERS}/detail`) return undefined;
      if (query.has('marker')) return { status: 400, body: { badRequest: { code: 400, message: 'marker not found' } } };
      return { status: 200, body: { servers: [], servers_links: [{ rel: 'next', href: '?marker=1' }] } };
    };
    await expect(cloud.listServers('c')).rejects.toMatchObject({ name: 'PortError' });
  });

  test('findServers asks for the name so that nothing in it is a pattern, and goes by metadata', async () => {
    const server = (id: string, claim: string) => ({
      id,
      name: 'a.b(c',
      status: 'ERROR',
      created: '2026-11-20T09:53:03Z',
      tenant_id: PROJECT_ID,
      metadata: { [SERVER_METADATA.claim]: claim },
      flavor: { original_name: 'b2-7' },
      fault: { code: 500, message: 'No valid host was found. ' },
    });
    scripted.handler = ({ path }) =>
      path === `${SERVERS}/detail`
        ? { status: 200, body: { servers: [server('1', 'mine'), server('2', 'another')] } }
        : undefined;
    const found = await cloud.findServers('mine', 'a.b(c');
    expect(found.map(({ id }) => id)).toEqual(['1']);
    expect(found[0]).toMatchObject({
      zone: '',
      taskState: '',
      addresses: [],
      createdMs: Date.UTC(2026, 10, 20, 9, 53, 3),
    });
    expect(found[0]?.fault).toEqual({ code: 500, message: 'No valid host was found.', meaning: 'capacity' });
    expect(scripted.seen.at(-1)?.query.get('name')).toBe('^a.b.c$');
  });

  test('ports are those of the project, with exactly the tag', async () => {
    const port = (id: string, tags: readonly string[]) => ({
      id,
      name: 'sluice-x',
      project_id: PROJECT_ID,
      device_id: '',
      fixed_ips: [],
      tags,
    });
    scripted.handler = ({ path }) =>
      path === PORTS
        ? { status: 200, body: { ports: [port('1', ['sluice.dev/cluster=c']), port('2', ['other'])] } }
        : undefined;
    expect((await cloud.listPorts('c')).map(({ id }) => id)).toEqual(['1']);
    expect(scripted.seen.at(-1)?.query.get('project_id')).toBe(PROJECT_ID);
    // All ports of the project in one page: whoever else asks for his is answered by it too.
    expect(scripted.seen.at(-1)?.query.get('tags')).toBeNull();
  });

  test.for([
    [{ max: -1, used: 7 }, undefined],
    [{ max: 10, used: 7 }, 3],
    [{ max: 5, used: 7 }, 0],
  ] as const)('quota %o leaves %s', async ([{ max, used }, want]) => {
    const absolute = {
      maxTotalInstances: max,
      totalInstancesUsed: used,
      maxTotalCores: max,
      totalCoresUsed: used,
      maxTotalRAMSize: max,
      totalRAMUsed: used,
    };
    scripted.handler = ({ path }) =>
      path === `${COMPUTE}/limits` ? { status: 200, body: { limits: { rate: [], absolute } } } : undefined;
    expect(await cloud.readQuota()).toEqual({ serversLeft: want, coresLeft: want, memoryMiBLeft: want });
  });
});

describe('server groups', () => {
  const group = (id: string, policy: string, members: readonly string[] = []) => ({ id, name: 'g', policy, members });

  test('of two with one name everybody takes the one in use; another policy is another thing', async () => {
    const groups = [
      group('a', 'affinity', ['1', '2']),
      group('b', 'anti-affinity'),
      group('c', 'anti-affinity', ['3']),
    ];
    scripted.handler = ({ path }) => (path === GROUPS ? { status: 200, body: { server_groups: groups } } : undefined);
    expect(await cloud.ensureServerGroup('g')).toBe('c');
  });

  test('claims that ask at once make one', async () => {
    scripted.handler = ({ method, path }) => {
      if (path !== GROUPS) return undefined;
      return {
        status: 200,
        body: method === 'POST' ? { server_group: group('n', 'anti-affinity') } : { server_groups: [] },
      };
    };
    expect(await Promise.all([cloud.ensureServerGroup('g'), cloud.ensureServerGroup('g')])).toEqual(['n', 'n']);
    expect(scripted.count('POST', GROUPS)).toBe(1);
  });
});

test('names of security groups are looked up once for many ports', async () => {
  const GROUP_LIST = '/network/v2.0/security-groups';
  scripted.handler = ({ method, path }) => {
    if (path === GROUP_LIST) return { status: 200, body: { security_groups: [{ id: 'sg-1', name: 'web' }] } };
    if (path.includes('/extensions/')) return { status: 200, body: {} };
    if (method !== 'POST' || path !== PORTS) return undefined;
    return {
      status: 201,
      body: { port: { id: 'p', name: 'n', project_id: PROJECT_ID, device_id: '', fixed_ips: [] } },
    };
  };
  const request = {
    clusterUid: 'c',
    claimUid: 'u',
    claimName: 'n',
    networkId: 'net',
    subnetId: 'sub',
    securityGroups: ['web'],
  };
  await cloud.createPort(request);
  await cloud.createPort(request);
  expect(scripted.count('GET', GROUP_LIST)).toBe(1);
  expect(scripted.seen.at(-1)?.body).toEqual({
    port: {
      name: 'sluice-u',
      description: 'sluice.dev cluster=c',
      network_id: 'net',
      fixed_ips: [{ subnet_id: 'sub' }],
      security_groups: ['sg-1'],
      tags: ['sluice.dev/cluster=c', 'sluice.dev/claim=u'],
    },
  });
});

test('a port whose tags were never set is found for its cluster, in a small project and in one of many pages', async () => {
  const row = (n: number, parts: Readonly<Record<string, unknown>> = {}) => ({
    id: `p${n}`,
    name: 'pet',
    project_id: PROJECT_ID,
    device_id: '',
    fixed_ips: [],
    tags: [],
    ...parts,
  });
  const ports: ReturnType<typeof row>[] = [];
  scripted.handler = ({ method, path, body, query }) => {
    if (path.includes('/extensions/')) return { status: 404, body: {} };
    if (path === PORTS && method === 'POST') {
      const { port } = body as { port: Readonly<Record<string, unknown>> };
      ports.push(row(0, { ...port, fixed_ips: [] }));
      return { status: 201, body: { port: ports[0] } };
    }
    if (path.endsWith('/tags')) return { breaks: 'beforeHeaders' };
    if (path !== PORTS) return undefined;
    const [tag, mark] = [query.get('tags'), query.get('description')];
    const fits = ({ tags, ...port }: (typeof ports)[number] & { readonly description?: unknown }) =>
      (tag === null || (tags as readonly string[]).includes(tag)) && (mark === null || port.description === mark);
    return { status: 200, body: { ports: ports.filter(fits) } };
  };
  const request = { clusterUid: 'c', claimUid: 'u', claimName: 'n', networkId: 'net', subnetId: 'sub' };
  await expect(cloud.createPort({ ...request, securityGroups: [] })).rejects.toMatchObject({ code: 'outcomeUnknown' });
  const found = async () => (await cloud.listPorts('c')).map(({ id, clusterUid }) => [id, clusterUid]);
  expect(await found()).toEqual([['p0', 'c']]);
  for (let n = 1; n <= 600; n++) ports.push(row(n));
  expect(await found()).toEqual([['p0', 'c']]);
  expect(await found()).toEqual([['p0', 'c']]);
  expect(scripted.seen.at(-1)?.query.get('limit')).toBe('500');
  expect(scripted.seen.slice(-2).map(({ query }) => query.get('tags') ?? query.get('description'))).toEqual([
    'sluice.dev/cluster=c',
    'sluice.dev cluster=c',
  ]);
  expect(await cloud.listPorts('other')).toEqual([]);
});
