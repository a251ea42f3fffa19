// Records answers of a real OpenStack for test/unit/openstack/recorded/: one file per service, without anything of the cloud
// or the machine that they came from. It creates one server of each kind, a port, a floating IP, and removes them again.
//   OS_CLIENT_CONFIG_FILE=…/clouds.yaml node test/conformance/record-answers.ts <cloud> <admin cloud> <folder>
// The admin cloud lowers the project's quotas for a moment, to have them exceeded. It speaks HTTP by itself: what the client
// would make of an answer must not matter here.
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Session {
  readonly token: string;
  readonly projectId: string;
  readonly endpoints: ReadonlyMap<string, string>;
}

type Service = 'keystone' | 'nova' | 'neutron' | 'glance';

const MICROVERSION = 'compute 2.90';
const HEADERS_KEPT = [
  'content-type',
  'location',
  'openstack-api-version',
  'retry-after',
  'vary',
  'www-authenticate',
  'x-compute-request-id',
  'x-openstack-request-id',
  'x-subject-token',
];
const POLL_MS = 300;
const POLLS_MAX = 200;

const recorded = new Map<Service, Map<string, Recorded>>();
const [cloudName = '', adminName = '', folder = 'test/unit/openstack/recorded'] = process.argv.slice(2);
const clouds: unknown = parse(await readFile(process.env['OS_CLIENT_CONFIG_FILE'] ?? 'clouds.yaml', 'utf8'));

function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function send(
  method: string,
  url: string,
  options: { readonly token?: string; readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Recorded> {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      ...(options.token === undefined ? {} : { 'x-auth-token': options.token }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const whole = await response.text();
  const kept = HEADERS_KEPT.map((name) => [name, response.headers.get(name)] as const).filter(
    (entry): entry is readonly [string, string] => entry[1] !== null,
  );
  let body: unknown = whole === '' ? null : whole;
  try {
    body = JSON.parse(whole) as unknown;
  } catch {
    body = whole === '' ? null : whole; // not JSON: kept as the text that it is
  }
  const { pathname, search } = new URL(url);
  return {
    request: `${method} ${pathname}${search}`,
    status: response.status,
    headers: Object.fromEntries(kept),
    body,
  };
}

async function record(service: Service, name: string, answer: Promise<Recorded>): Promise<Recorded> {
  const known = recorded.get(service) ?? new Map<string, Recorded>();
  recorded.set(service, known);
  const got = await answer;
  known.set(name, got);
  process.stdout.write(`${service} ${name}: ${got.request} ${got.status}\n`);
  return got;
}

function setting(cloud: string, key: string): string {
  return text(at(clouds, 'clouds', cloud, 'auth', key));
}

function passwordLogin(cloud: string, password = setting(cloud, 'password')): object {
  const domain = { name: 'Default' };
  const user = { name: setting(cloud, 'username'), domain, password };
  return {
    auth: {
      identity: { methods: ['password'], password: { user } },
      scope: { project: { name: setting(cloud, 'project_name'), domain } },
    },
  };
}

function sessionOf(answer: Recorded): Session {
  const endpoints = new Map<string, string>();
  for (const service of (at(answer.body, 'token', 'catalog') as readonly unknown[] | undefined) ?? []) {
    endpoints.set(text(at(service, 'type')), text(at(service, 'endpoints', 0, 'url')).replace(/\/$/, ''));
  }
  return {
    token: answer.headers['x-subject-token'] ?? '',
    projectId: text(at(answer.body, 'token', 'project', 'id')),
    endpoints,
  };
}

async function login(cloud: string): Promise<Session> {
  return sessionOf(await send('POST', `${identity}/auth/tokens`, { body: passwordLogin(cloud) }));
}

const identity = setting(cloudName, 'auth_url')
  .replace(/\/$/, '')
  .replace(/(\/v3)?$/, '/v3');

async function recordKeystone(): Promise<void> {
  const tokens = `${identity}/auth/tokens`;
  const signIn = (body: unknown) => send('POST', tokens, { body });
  await record('keystone', 'versions', send('GET', new URL('/', identity).href));
  await record('keystone', 'version', send('GET', `${identity}/`));
  const scoped = sessionOf(await record('keystone', 'password', signIn(passwordLogin(cloudName))));
  const byToken = { methods: ['token'], token: { id: scoped.token } };
  await record(
    'keystone',
    'token',
    signIn({ auth: { identity: byToken, scope: { project: { id: scoped.projectId } } } }),
  );
  await record('keystone', 'unscoped', signIn({ auth: { identity: byToken, scope: 'unscoped' } }));
  const applicationCloud = `${cloudName}-app`;
  const credential = {
    id: setting(applicationCloud, 'application_credential_id'),
    secret: setting(applicationCloud, 'application_credential_secret'),
  };
  const methods = ['application_credential'];
  await record(
    'keystone',
    'application credential',
    signIn({ auth: { identity: { methods, application_credential: credential } } }),
  );
  await record('keystone', 'wrong password', signIn(passwordLogin(cloudName, 'wrong')));
  await record('keystone', 'no body', signIn({}));
}

async function recordNova(user: Session, admin: Session): Promise<void> {
  const base = user.endpoints.get('compute') ?? '';
  const { token } = user;
  const headers = { 'openstack-api-version': MICROVERSION };
  const get = (path: string) => send('GET', `${base}${path}`, { token, headers });
  const post = (path: string, body: unknown) => send('POST', `${base}${path}`, { token, headers, body });
  const take = (name: string, answer: Promise<Recorded>) => record('nova', name, answer);
  const root = new URL('/', base).href;
  await take('versions', send('GET', root));
  await take('version', send('GET', `${root}v2.1/`));
  await take('limits', get('/limits'));
  await take('zones', get('/os-availability-zone'));
  const flavors = await take('flavors', get('/flavors/detail?limit=3'));
  await take('no key pair', get('/os-keypairs/absent'));
  const images = await send('GET', `${user.endpoints.get('image') ?? ''}/v2/images`, { token });
  const network = await send('GET', `${user.endpoints.get('network') ?? ''}/v2.0/networks?name=nodepool-net`, {
    token,
  });
  const own = text(at(network.body, 'networks', 0, 'id'));
  const flavorRef = text(at(flavors.body, 'flavors', 0, 'id'));
  const common = {
    imageRef: text(at(images.body, 'images', 0, 'id')),
    networks: [{ uuid: own }],
    metadata: { pool: 'a' },
  };
  const server = { ...common, name: 'recorded-active', flavorRef };
  const startedAt = new Date(Date.now() - 1000).toISOString().replace(/\.\d+Z/, 'Z');

  const group = await take(
    'new server group',
    post('/os-server-groups', { server_group: { name: 'recorded', policy: 'anti-affinity' } }),
  );
  await take('server groups', get('/os-server-groups'));
  const created = await take('new server', post('/servers', { server }));
  await take('servers in BUILD', get('/servers/detail'));
  const id = text(at(created.body, 'server', 'id'));
  await until(async () => at((await get(`/servers/${id}`)).body, 'server', 'status') === 'ACTIVE');
  const failed = await post('/servers', {
    server: { ...common, name: 'recorded-error', flavorRef: 'flavor-too-large' },
  });
  const failedId = text(at(failed.body, 'server', 'id'));
  // the fault comes some time after the status
  await until(async () => at((await get(`/servers/${failedId}`)).body, 'server', 'fault') !== undefined);
  await take('server in ERROR', get(`/servers/${failedId}`));
  await take('servers ACTIVE and ERROR', get('/servers/detail'));
  await take('page of servers', get('/servers?limit=1'));
  await take('server', get(`/servers/${id}`));

  await take('bad flavor', post('/servers', { server: { ...server, flavorRef: 'nope' } }));
  await take('echoed value', post('/servers', { server: { ...server, name: 'n'.repeat(256) } }));
  await take('body too large', post('/servers', { server: { ...server, user_data: 'A'.repeat(150_000) } }));
  await take('ambiguous network', post('/servers', { server: { ...server, networks: 'auto' } }));
  await take(
    'quota',
    exceeded(user, admin, () => post('/servers', { server })),
  );
  await take('no policy', get('/os-services'));
  await take('no token', send('GET', `${base}/limits`, { token: 'no-token' }));
  await take(
    'microversion too high',
    send('GET', `${base}/limits`, {
      token,
      headers: { 'openstack-api-version': 'compute 2.999' },
    }),
  );
  await take('no server', get('/servers/00000000-0000-4000-8000-000000000000'));
  await take('bad marker', get('/servers/detail?marker=nope'));

  const remove = (path: string) => send('DELETE', `${base}${path}`, { token, headers });
  await take('deleted', remove(`/servers/${id}`));
  await remove(`/servers/${failedId}`);
  await until(async () => (await get(`/servers/${id}`)).status === 404);
  await take('servers changed since', get(`/servers/detail?changes-since=${encodeURIComponent(startedAt)}`));
  await take('deleted server group', remove(`/os-server-groups/${text(at(group.body, 'server_group', 'id'))}`));
}

async function exceeded(user: Session, admin: Session, provoke: () => Promise<Recorded>): Promise<Recorded> {
  const url = `${admin.endpoints.get('compute') ?? ''}/os-quota-sets/${user.projectId}`;
  const set = (instances: number) =>
    send('PUT', url, { token: admin.token, body: { quota_set: { instances, force: true } } });
  const before = Number(at((await send('GET', url, { token: admin.token })).body, 'quota_set', 'instances'));
  await set(1);
  try {
    return await provoke();
  } finally {
    await set(before);
  }
}

async function recordNeutron(user: Session, admin: Session): Promise<void> {
  const root = user.endpoints.get('network') ?? '';
  const base = `${root}/v2.0`;
  const { token } = user;
  const get = (path: string) => send('GET', `${base}${path}`, { token });
  const post = (path: string, body: unknown) => send('POST', `${base}${path}`, { token, body });
  const remove = (path: string) => send('DELETE', `${base}${path}`, { token });
  const take = (name: string, answer: Promise<Recorded>) => record('neutron', name, answer);
  await take('versions', send('GET', `${root}/`));
  await take('version', get('/'));
  await take('extension', get('/extensions/tag-ports-during-bulk-creation'));
  await take('no extension', get('/extensions/absent'));
  const networks = (await take('networks', get('/networks'))).body;
  await take('subnets', get('/subnets'));
  await take('security groups', get('/security-groups?fields=id&fields=name'));
  const idOf = (name: string) =>
    text(
      (
        (at(networks, 'networks') as readonly unknown[]).find((network) => at(network, 'name') === name) as {
          id?: unknown;
        }
      ).id,
    );
  const own = idOf('nodepool-net');
  const external = idOf('Ext-Net');
  const newPort = { name: 'recorded', network_id: own, description: 'recorded', tags: ['recorded'] };
  const port = text(at((await take('new port', post('/ports', { port: newPort }))).body, 'port', 'id'));
  const second = text(at((await post('/ports', { port: newPort })).body, 'port', 'id'));
  for (const id of [port, second]) {
    const tags = send('PUT', `${base}/ports/${id}/tags`, { token, body: { tags: ['recorded'] } });
    await take('tags', tags);
  }
  await take('port', get(`/ports/${port}`));
  await take('first page of ports', get('/ports?tags=recorded&limit=1'));
  await take('ports', get('/ports?tags=recorded'));
  await remove(`/ports/${second}`);

  const routed = { name: 'recorded', external_gateway_info: { network_id: external } };
  const router = text(at((await post('/routers', { router: routed })).body, 'router', 'id'));
  const subnet = text(
    at(
      networks,
      'networks',
      (at(networks, 'networks') as readonly unknown[]).findIndex((network) => at(network, 'id') === own),
      'subnets',
      0,
    ),
  );
  const connect = (verb: string) =>
    send('PUT', `${base}/routers/${router}/${verb}_router_interface`, { token, body: { subnet_id: subnet } });
  await connect('add');
  const floatingip = { floating_network_id: external, port_id: port, description: 'recorded' };
  const address = text(
    at((await take('new floating IP', post('/floatingips', { floatingip }))).body, 'floatingip', 'id'),
  );
  await take('second floating IP of a port', post('/floatingips', { floatingip }));
  await take('floating IP', get(`/floatingips/${address}`));
  await take('floating IPs', get('/floatingips?description=recorded&limit=1'));
  await take('deleted floating IP', remove(`/floatingips/${address}`));
  await take('no floating IP', get(`/floatingips/${address}`));
  await connect('remove');
  await remove(`/routers/${router}`);

  const url = `${base}/quotas/${user.projectId}`;
  await send('PUT', url, { token: admin.token, body: { quota: { port: 1 } } });
  await take('quota', post('/ports', { port: newPort }));
  await send('DELETE', url, { token: admin.token });
  await take('deleted port', remove(`/ports/${port}`));
  await take('no port', get(`/ports/${port}`));
  await take(
    'bad network',
    post('/ports', { port: { ...newPort, network_id: '00000000-0000-4000-8000-000000000000' } }),
  );
  await take('bad field', post('/ports', { port: { ...newPort, nope: 1 } }));
  await take('no token', send('GET', `${base}/networks`, { token: 'no-token' }));
}

async function recordGlance(user: Session): Promise<void> {
  const root = user.endpoints.get('image') ?? '';
  const get = (path: string, token = user.token) => send('GET', `${root}${path}`, { token });
  const take = (name: string, answer: Promise<Recorded>) => record('glance', name, answer);
  await take('versions', get('/'));
  await take('version path', get('/v2/'));
  const images = await take('images', get('/v2/images?name=Debian%2012&limit=1'));
  await take('image', get(`/v2/images/${text(at(images.body, 'images', 0, 'id'))}`));
  await take('no image', get('/v2/images/00000000-0000-4000-8000-000000000000'));
  await take('bad query', get('/v2/images?limit=-1'));
  await take('no token', get('/v2/images', 'no-token'));
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (await isTrue()) return;
    await delay(POLL_MS);
  }
  throw new Error('the cloud did not get there in time');
}

/** Ids, tokens, secrets, addresses and names of where this ran become made-up ones, the same for the same everywhere. */
function scrubbed(json: string): string {
  const ids = new Map<string, string>();
  const madeUp = (found: string): string => {
    const number = ids.get(found) ?? String(ids.size + 1);
    ids.set(found, number);
    const digits = number.padStart(12, '0');
    return found.includes('-') ? `00000000-0000-4000-8000-${digits}` : digits.padStart(found.length, '0');
  };
  return json
    .replaceAll(/"(x-subject-token|adminPass|secret|password)": "[^"]*"/g, '"$1": "scrubbed"')
    .replaceAll(/("audit_ids": \[)[^\]]*\]/g, '$1"scrubbed"]')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32,128}\b/g, madeUp)
    .replaceAll(/http:\/\/(127\.0\.0\.1|localhost):\d*(\d{4})/g, 'http://cloud.example:$2')
    .replaceAll(new RegExp(`(?<![\\w-])${hostname()}(?![\\w-])`, 'g'), 'host'); // not inside of words: a host may be called vm
}

const user = await login(cloudName);
const admin = await login(adminName);
await recordKeystone();
await recordNova(user, admin);
await recordNeutron(user, admin);
await recordGlance(user);
const whole = JSON.stringify(
  Object.fromEntries([...recorded].map(([service, answers]) => [service, Object.fromEntries(answers)])),
  undefined,
  1,
);
for (const [service, answers] of Object.entries(JSON.parse(scrubbed(whole)) as Record<string, unknown>)) {
  await writeFile(`${folder}/${service}.json`, `${JSON.stringify(answers, undefined, 1)}\n`);
}
