// Nova, Neutron and Glance through the service client: what is repeated and what is not, microversion, absence, pages.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openStack, type OpenStack } from '../../../src/openstack/client/open-stack.ts';
import { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';
import { PROJECT_ID, REAL_CLOCK, ScriptedCloud, type Answer, type SeenRequest } from './scripted-cloud.ts';

const SERVERS = `/compute/v2.1/${PROJECT_ID}/servers`;
const LOGIN = '/v3/auth/tokens';
const NEW_SERVER = { name: 'a', flavorRef: 'f', imageRef: 'i', networks: [{ port: 'p' }], metadata: {} };
const UNAUTHORIZED: Answer = { status: 401, body: { error: { code: 401, message: 'Authenticate.' } } };

let cloud: ScriptedCloud;
let session: OpenStack;

beforeEach(async () => {
  cloud = await ScriptedCloud.start();
  session = await openStack(cloud.config, { clock: REAL_CLOCK, http: { readTimeoutMs: 800, writeTimeoutMs: 800 } });
});

afterEach(async () => {
  await session.close();
  await cloud.close();
});

function answering(method: string, path: string, ...answers: readonly Answer[]): void {
  let next = 0;
  cloud.handler = (request) => {
    if (request.method !== method || request.path !== path) return undefined;
    const answer = answers[Math.min(next, answers.length - 1)];
    next += 1;
    return answer;
  };
}

function server(change: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id: 'id-1',
    name: 'a',
    status: 'ACTIVE',
    created: '2026-11-20T09:53:03Z',
    tenant_id: PROJECT_ID,
    metadata: { key: 'value' },
    addresses: { net: [{ addr: '10.0.0.1' }] },
    flavor: { original_name: 'b2-7', vcpus: 2 },
    'OS-EXT-AZ:availability_zone': 'nova',
    'OS-EXT-STS:task_state': null,
    ...change,
  };
}

describe('reads', () => {
  test.for<[name: string, first: Answer]>([
    ['500', { status: 500, body: { computeFault: { code: 500, message: 'x' } } }],
    ['503 of a proxy', { status: 503, body: '<html>' }],
    ['a lost answer', { breaks: 'beforeHeaders' }],
    ['half an answer', { breaks: 'inBody' }],
    ['no answer', { breaks: 'hang' }],
  ])('are tried again after %s', async ([, first]) => {
    answering('GET', `${SERVERS}/id-1`, first, { status: 200, body: { server: server() } });
    expect((await session.nova.getServer('id-1'))?.flavorName).toBe('b2-7');
    expect(cloud.count('GET', `${SERVERS}/id-1`)).toBe(2);
  });

  test('give up after three tries', async () => {
    answering('GET', SERVERS, { status: 502 });
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ status: 502 });
    expect(cloud.count('GET', SERVERS)).toBe(3);
  });

  test.for([
    ['the request is refused', { status: 400, body: { badRequest: { code: 400, message: 'no' } } }],
    ['told to wait', { status: 429, headers: { 'retry-after': '1' } }],
    ['told how long it is away', { status: 503, headers: { 'retry-after': '60' } }],
    ['the answer is not what it should be', { status: 200, body: { servers: 'none' } }],
  ] as const)('are not tried again when %s', async ([, answer]) => {
    answering('GET', SERVERS, answer);
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ status: answer.status });
    expect(cloud.count('GET', SERVERS)).toBe(1);
  });

  test('log in anew once on 401', async () => {
    answering('GET', SERVERS, UNAUTHORIZED, { status: 200, body: { servers: [] } });
    expect(await session.nova.listServerNames()).toEqual([]);
    expect(cloud.count('POST', LOGIN)).toBe(2);
    const tokens = cloud.seen.filter(({ path }) => path === SERVERS).map(({ headers }) => headers.get('x-auth-token'));
    expect(tokens).toEqual(['token-1', 'token-2']);
  });

  test('give up at the second 401', async () => {
    answering('GET', SERVERS, UNAUTHORIZED);
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ status: 401, service: 'compute' });
    expect(cloud.count('GET', SERVERS)).toBe(2);
  });
});

describe('writes go out once', () => {
  test.for<[name: string, answer: Answer, kind: string]>([
    ['500', { status: 500 }, 'refused'],
    ['503', { status: 503 }, 'refused'],
    ['429', { status: 429 }, 'refused'],
    ['401', UNAUTHORIZED, 'refused'],
    ['307', { status: 307, headers: { location: '/elsewhere' } }, 'refused'],
    ['a reset', { breaks: 'beforeHeaders' }, 'lost'],
    ['a reset in the headers', { breaks: 'inHeaders' }, 'lost'],
    ['a reset in the body', { breaks: 'inBody' }, 'lost'],
    ['silence', { breaks: 'hang' }, 'lost'],
    ['an answer without an id', { status: 202, body: { server: {} } }, 'malformed'],
  ])('whatever comes back: %s', async ([, answer, kind]) => {
    answering('POST', SERVERS, answer);
    await expect(session.nova.createServer(NEW_SERVER)).rejects.toMatchObject({ kind, method: 'POST' });
    await new Promise((done) => {
      setTimeout(done, 100); // room for a repetition to show
    });
    expect(cloud.count('POST', SERVERS)).toBe(1);
  });

  test('after a 401 the next one has a new token', async () => {
    answering('POST', SERVERS, UNAUTHORIZED, { status: 202, body: { server: { id: 'id-9' } } });
    await expect(session.nova.createServer(NEW_SERVER)).rejects.toMatchObject({ status: 401 });
    expect(await session.nova.createServer(NEW_SERVER, { group: 'g' })).toBe('id-9');
    const posts = cloud.seen.filter(({ method, path }) => method === 'POST' && path === SERVERS);
    expect(posts.map(({ headers }) => headers.get('x-auth-token'))).toEqual(['token-1', 'token-2']);
    expect(posts[1]?.body).toEqual({ server: NEW_SERVER, 'os:scheduler_hints': { group: 'g' } });
  });
});

describe('the microversion', () => {
  test('is asked for once and sent with every request', async () => {
    answering('GET', SERVERS, { status: 200, body: { servers: [] } });
    await session.nova.listServerNames();
    await session.nova.listServerNames();
    expect(cloud.count('GET', '/compute/v2.1/')).toBe(1);
    const sent = cloud.seen.filter(({ path }) => path === SERVERS).map(versionOf);
    expect(sent).toEqual(['compute 2.90', 'compute 2.90']);
  });

  test('where the version is not described, the list of all versions is asked for', async () => {
    const found = (path: string): Answer | undefined => {
      if (path === '/compute/v2.1/') return { status: 404, body: '<html>' };
      // its links lead elsewhere, as behind a proxy: they are not followed
      const links = [{ rel: 'self', href: 'http://169.254.169.254/v2.1/' }];
      const versions = [
        { id: 'v2.0', version: '', min_version: '', links },
        { id: 'v2.1', version: '2.79', min_version: '2.1', links },
      ];
      if (path === '/compute/') return { status: 300, body: { versions } };
      return path === SERVERS ? { status: 200, body: { servers: [] } } : undefined;
    };
    cloud.handler = ({ path }) => found(path);
    expect(await session.nova.listServerNames()).toEqual([]);
    expect(cloud.seen.at(-1)?.headers.get('openstack-api-version')).toBe('compute 2.79');
  });

  test('a list without microversions is no reason to speak 2.1', async () => {
    cloud.handler = ({ path }) => {
      if (path === '/compute/v2.1/') return { status: 404 };
      const versions = [{ id: 'v2.0', version: '', min_version: '' }];
      return path === '/compute/' ? { status: 200, body: { versions } } : undefined;
    };
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ service: 'compute', status: 0 });
    expect(cloud.count('GET', SERVERS)).toBe(0);
  });

  test('an answer that names no version is refused: it may be of 2.1', async () => {
    const headers = { 'openstack-api-version': '' };
    answering('GET', SERVERS, { status: 200, headers, body: { servers: [] } });
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('too old a cloud is refused before anything is created', async () => {
    cloud.microversions = { min: '2.1', max: '2.60' };
    await expect(session.nova.createServer(NEW_SERVER)).rejects.toMatchObject({ kind: 'config' });
    expect(cloud.count('POST', SERVERS)).toBe(0);
  });

  test('an answer in another version is refused', async () => {
    answering('GET', SERVERS, {
      status: 200,
      headers: { 'openstack-api-version': 'compute 2.1' },
      body: { servers: [] },
    });
    await expect(session.nova.listServerNames()).rejects.toMatchObject({ kind: 'malformed' });
  });
});

test('a service may have an interface, a region, a name and a microversion of its own', async () => {
  const services = new Map([
    ['compute', { interface: 'internal', region: 'SBG5', name: 'nova2', microversion: '2.79' } as const],
  ]);
  const endpoints = [
    { url: `${cloud.url}/other/v2.1`, interface: 'internal', region: 'SBG5' },
    { url: `${cloud.url}/wrong/v2.1`, interface: 'public', region: 'GRA11' },
  ];
  cloud.handler = ({ path }) => {
    if (path === '/other/v2.1/') {
      return { status: 200, body: { version: { id: 'v2.1', version: '2.93', min_version: '2.1' } } };
    }
    if (path === '/other/v2.1/servers') return { status: 200, body: { servers: [] } };
    const answer = cloud.tokenAnswer();
    const body = 'body' in answer ? (answer.body as { token: { catalog: unknown[] } }) : undefined;
    body?.token.catalog.unshift({ type: 'compute', name: 'nova2', endpoints });
    return path === LOGIN ? answer : undefined;
  };
  const own = await openStack({ ...cloud.config, services }, { clock: REAL_CLOCK });
  expect(await own.nova.listServerNames()).toEqual([]);
  expect(cloud.seen.at(-1)?.headers.get('openstack-api-version')).toBe('compute 2.79');
  await own.close();
});

describe("the caller's signal", () => {
  test('ends a read, and the tries after it', async () => {
    const stop = new AbortController();
    cloud.handler = ({ path }) => {
      if (path !== SERVERS) return undefined;
      stop.abort();
      return { status: 503 };
    };
    const reading = session.nova.listServerNames({ signal: stop.signal });
    await expect(reading).rejects.toMatchObject({ name: 'OpenStackError' });
    expect(cloud.count('GET', SERVERS)).toBe(1);
  });

  test('takes what waits for its turn out of the queue', async () => {
    const waiting: AbortSignal[] = [];
    const budget = {
      run: <T>(_request: () => Promise<T>, ticket: { readonly signal?: AbortSignal | undefined }) =>
        new Promise<T>((_, reject) => {
          if (ticket.signal !== undefined) waiting.push(ticket.signal);
          ticket.signal?.addEventListener('abort', () => reject(new OpenStackError('unreachable', 'not sent')));
        }),
    };
    const queued = await openStack(cloud.config, { clock: REAL_CLOCK, budgetOf: () => budget });
    const stop = new AbortController();
    const writing = queued.nova.createServer(NEW_SERVER, { signal: stop.signal });
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    stop.abort();
    await expect(writing).rejects.toMatchObject({ kind: 'cancelled', service: 'compute' });
    expect(cloud.count('POST', SERVERS)).toBe(0);
    await queued.close();
  });

  test('of one call does not end what another waits for', async () => {
    const stop = new AbortController();
    answering('GET', SERVERS, { status: 200, body: { servers: [] } });
    const both = [session.nova.listServerNames({ signal: stop.signal }), session.nova.listServerNames()];
    stop.abort();
    const [first, second] = await Promise.allSettled(both);
    expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'cancelled' } });
    expect(second).toMatchObject({ status: 'fulfilled' });
  });
});

describe('absence', () => {
  test("is Nova's own 404; a proxy's is an error", async () => {
    answering('GET', `${SERVERS}/id-1`, { status: 404, body: { itemNotFound: { code: 404, message: 'gone' } } });
    expect(await session.nova.getServer('id-1')).toBeUndefined();
    answering('GET', `${SERVERS}/id-1`, { status: 404, body: '<html>' });
    await expect(session.nova.getServer('id-1')).rejects.toMatchObject({ status: 404 });
    answering('DELETE', `${SERVERS}/id-1`, { status: 404, body: { itemNotFound: { code: 404, message: 'gone' } } });
    await session.nova.deleteServer('id-1');
    answering('DELETE', `${SERVERS}/id-1`, { status: 404, body: '<html>' });
    await expect(session.nova.deleteServer('id-1')).rejects.toMatchObject({ status: 404 });
  });

  test('a server in a cell that is down spoils the list, as nobody knows whose it is', async () => {
    const down = { id: 'id-2', status: 'UNKNOWN', created: '2026-11-20T09:53:03Z', tenant_id: PROJECT_ID, links: [] };
    answering('GET', `${SERVERS}/detail`, { status: 200, body: { servers: [server(), down] } });
    await expect(session.nova.listServers()).rejects.toThrow('id-2');
    answering('GET', `${SERVERS}/id-2`, { status: 200, body: { server: down } });
    await expect(session.nova.getServer('id-2')).rejects.toThrow('id-2');
  });

  test('an id cannot leave its path', async () => {
    await session.nova.getServer('../flavors?x');
    expect(cloud.seen.at(-1)?.path).toBe(`${SERVERS}/..%2Fflavors%3Fx`);
  });
});

test('all pages of servers are read, with the filter', async () => {
  const page = (id: string, next?: string) => ({
    status: 200,
    body: {
      servers: [server({ id })],
      ...(next === undefined ? {} : { servers_links: [{ rel: 'next', href: next }] }),
    },
  });
  answering(
    'GET',
    `${SERVERS}/detail`,
    page('1', `http://elsewhere.invalid/x?limit=250&name=%5Ea%24&marker=1`),
    page('2'),
  );
  const servers = await session.nova.listServers({ nameLike: '^a$' });
  expect(servers.map(({ id }) => id)).toEqual(['1', '2']);
  const queries = cloud.seen.filter(({ path }) => path === `${SERVERS}/detail`).map(({ query }) => query.toString());
  expect(queries).toEqual(['limit=250&name=%5Ea%24', 'limit=250&name=%5Ea%24&marker=1']);
});

test('changes since an instant are asked for by the second, and the deleted are told as such', async () => {
  answering('GET', `${SERVERS}/detail`, { status: 200, body: { servers: [server({ status: 'DELETED' })] } });
  const changed = await session.nova.listServers({ changesSinceMs: Date.UTC(2026, 10, 20, 9, 53, 3, 999) });
  expect(changed.map(({ status }) => status)).toEqual(['DELETED']);
  expect(cloud.seen.at(-1)?.query.get('changes-since')).toBe('2026-11-20T09:53:03Z');
});

describe('floating IPs', () => {
  const FLOATING = '/network/v2.0/floatingips';
  const ADDRESS = {
    id: 'fip-1',
    project_id: PROJECT_ID,
    floating_ip_address: '198.18.0.9',
    floating_network_id: 'ext',
    port_id: 'port-1',
    fixed_ip_address: '10.0.0.5',
    status: 'DOWN',
    description: 'mine',
  };
  const GONE: Answer = {
    status: 404,
    body: { NeutronError: { type: 'FloatingIPNotFound', message: 'gone', detail: '' } },
  };

  test('are created with one POST that carries the mark', async () => {
    answering('POST', FLOATING, { status: 201, body: { floatingip: ADDRESS } });
    const wanted = { floating_network_id: 'ext', port_id: 'port-1', description: 'mine' };
    expect((await session.neutron.createFloatingIp(wanted)).floating_ip_address).toBe('198.18.0.9');
    expect(cloud.seen.filter(({ method, path }) => method === 'POST' && path === FLOATING)).toHaveLength(1);
    expect(cloud.seen.at(-1)?.body).toEqual({ floatingip: wanted });
  });

  test('are listed by filter, unattached ones too', async () => {
    const unattached = { ...ADDRESS, port_id: null, fixed_ip_address: null };
    answering('GET', FLOATING, { status: 200, body: { floatingips: [unattached] } });
    expect(await session.neutron.listFloatingIps({ description: 'mine' })).toEqual([unattached]);
    expect(cloud.seen.at(-1)?.query.get('description')).toBe('mine');
  });

  test("are absent by Neutron's word only", async () => {
    answering('GET', `${FLOATING}/fip-1`, { status: 200, body: { floatingip: ADDRESS } }, GONE, { status: 404 });
    expect((await session.neutron.getFloatingIp('fip-1'))?.port_id).toBe('port-1');
    expect(await session.neutron.getFloatingIp('fip-1')).toBeUndefined();
    await expect(session.neutron.getFloatingIp('fip-1')).rejects.toMatchObject({ status: 404 });
    answering('DELETE', `${FLOATING}/fip-1`, { status: 204 }, GONE, { status: 404 });
    await session.neutron.deleteFloatingIp('fip-1');
    await session.neutron.deleteFloatingIp('fip-1');
    await expect(session.neutron.deleteFloatingIp('fip-1')).rejects.toMatchObject({ status: 404 });
  });
});

describe('ports', () => {
  const PORTS = '/network/v2.0/ports';
  const EXTENSION = '/network/v2.0/extensions/tag-ports-during-bulk-creation';
  const PORT = { id: 'port-1', name: 'n', project_id: PROJECT_ID, device_id: '', fixed_ips: [] };
  const NEW_PORT = { name: 'n', description: '', network_id: 'net', tags: ['a=1', 'b=2'] };

  test('where Neutron takes tags with the port, one request makes it', async () => {
    cloud.handler = ({ path, method }) => {
      if (path === EXTENSION) return { status: 200, body: { extension: {} } };
      return method === 'POST' && path === PORTS
        ? { status: 201, body: { port: { ...PORT, tags: ['a=1', 'b=2'] } } }
        : undefined;
    };
    expect((await session.neutron.createPort(NEW_PORT)).tags).toEqual(['a=1', 'b=2']);
    await session.neutron.createPort(NEW_PORT);
    expect(cloud.count('GET', EXTENSION)).toBe(1);
    expect(cloud.seen.filter(({ path }) => path.startsWith(PORTS)).map(({ body }) => body)).toEqual([
      { port: NEW_PORT },
      { port: NEW_PORT },
    ]);
  });

  test('elsewhere the tags follow', async () => {
    cloud.handler = ({ path, method }) => {
      if (method === 'POST' && path === PORTS) return { status: 201, body: { port: PORT } };
      return path === `${PORTS}/port-1/tags` ? { status: 200, body: { tags: [] } } : undefined;
    };
    expect((await session.neutron.createPort(NEW_PORT)).tags).toEqual(['a=1', 'b=2']);
    const { tags, ...rest } = NEW_PORT;
    expect(cloud.seen.slice(-2).map(({ method, body }) => [method, body])).toEqual([
      ['POST', { port: rest }],
      ['PUT', { tags }],
    ]);
  });

  test('tags that were not set leave a create of unknown outcome, not a refusal', async () => {
    cloud.handler = ({ path, method }) => {
      if (method === 'POST' && path === PORTS) return { status: 201, body: { port: PORT } };
      return path.endsWith('/tags')
        ? { status: 403, body: { NeutronError: { type: 'Forbidden', message: 'no' } } }
        : undefined;
    };
    await expect(session.neutron.createPort(NEW_PORT)).rejects.toMatchObject({ kind: 'lost', method: 'PUT' });
  });
});

function versionOf(request: SeenRequest): string | undefined {
  return request.headers.get('openstack-api-version');
}
