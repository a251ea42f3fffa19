// Logging in: the bodies, one login at a time, renewal before expiry, no storm after a refusal, one project per session.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeystoneSession } from '../../../src/openstack/client/auth.ts';
import type { CloudAuth } from '../../../src/openstack/client/cloud-auth.ts';
import type { CloudConfig } from '../../../src/openstack/client/clouds.ts';
import { HttpChannel, type HttpOptions } from '../../../src/openstack/client/http.ts';
import { KeystoneLogin } from '../../../src/openstack/client/keystone-login.ts';
import { KeystoneLogins } from '../../../src/openstack/client/keystone-logins.ts';
import { ManualClock, PROJECT_ID, ScriptedCloud } from './scripted-cloud.ts';

const LOGIN = '/v3/auth/tokens';

let cloud: ScriptedCloud;
let channel: HttpChannel;
let clock: ManualClock;

beforeEach(async () => {
  cloud = await ScriptedCloud.start();
  channel = new HttpChannel();
  clock = new ManualClock();
});

afterEach(async () => {
  await channel.close();
  await cloud.close();
});

function login(change: Partial<CloudConfig> = {}): KeystoneLogin {
  return new KeystoneLogin({ ...cloud.config, ...change }, { channel: () => channel, clock });
}

function session(auth: CloudAuth = cloud.config.auth): KeystoneSession {
  return new KeystoneSession(login({ auth }));
}

const PROJECT = { name: 'p', domain: { name: 'D' } };

test.for<[name: string, auth: CloudAuth, body: unknown]>([
  [
    'password',
    { kind: 'password', user: { id: 'u' }, password: 's', project: PROJECT },
    {
      identity: { methods: ['password'], password: { user: { id: 'u', password: 's' } } },
      scope: { project: PROJECT },
    },
  ],
  [
    'application credential: no scope, it is bound to its project',
    { kind: 'applicationCredential', id: 'i', secret: 's' },
    { identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } } },
  ],
  [
    'application credential by name',
    { kind: 'namedApplicationCredential', name: 'n', user: { name: 'u', domain: { id: 'd' } }, secret: 's' },
    {
      identity: {
        methods: ['application_credential'],
        application_credential: { name: 'n', user: { name: 'u', domain: { id: 'd' } }, secret: 's' },
      },
    },
  ],
  [
    'token',
    { kind: 'token', token: 't', project: { id: 'p' } },
    { identity: { methods: ['token'], token: { id: 't' } }, scope: { project: { id: 'p' } } },
  ],
])('the login of a %s', async ([, auth, body]) => {
  const token = await session(auth).token();
  expect(token.projectId).toBe(PROJECT_ID);
  expect(cloud.seen.map((request) => request.body)).toEqual([{ auth: body }]);
});

test.for(['/v3', '/', '', '/v2.0', '/identity/v3'])('auth_url that ends in "%s" leads to v3', async (end) => {
  cloud.handler = (request) => (request.path.endsWith(LOGIN) ? cloud.tokenAnswer() : undefined);
  const authUrl = `${cloud.url}${end}`.replace(/\/+$/, '');
  await login({ authUrl }).token();
  expect(cloud.seen[0]?.path).toBe(end === '/identity/v3' ? '/identity/v3/auth/tokens' : LOGIN);
});

test('many calls at once make one login', async () => {
  const keystone = session();
  const tokens = await Promise.all(Array.from({ length: 20 }, () => keystone.token()));
  expect(new Set(tokens.map((token) => token.value)).size).toBe(1);
  expect(cloud.count('POST', LOGIN)).toBe(1);
});

test('the token is renewed at 80 % of its life, whatever the clocks say', async () => {
  cloud.tokenLifeMs = 100_000;
  const keystone = session();
  const first = await keystone.token();
  clock.advance(79_999);
  expect(await keystone.token()).toBe(first);
  clock.advance(1);
  expect((await keystone.token()).value).not.toBe(first.value);
  expect(cloud.count('POST', LOGIN)).toBe(2);
});

test('while Keystone is away the old token serves to the end of its life', async () => {
  cloud.tokenLifeMs = 100_000;
  const keystone = session();
  const first = await keystone.token();
  cloud.handler = () => ({ status: 503 });
  clock.advance(90_000);
  expect(await keystone.token()).toBe(first);
  clock.advance(10_000);
  await expect(keystone.token()).rejects.toMatchObject({ kind: 'refused', status: 503, service: 'identity' });
});

test('a refused login stands for a minute: no storm of logins', async () => {
  cloud.handler = () => ({ status: 401, body: { error: { code: 401, title: 'Unauthorized', message: 'Go away.' } } });
  const keystone = session();
  for (let call = 0; call < 5; call += 1) {
    await expect(keystone.token()).rejects.toMatchObject({ kind: 'refused', status: 401 });
  }
  expect(cloud.count('POST', LOGIN)).toBe(1);
  cloud.handler = () => undefined;
  clock.advance(59_999);
  await expect(keystone.token()).rejects.toMatchObject({ status: 401 });
  clock.advance(1);
  expect((await keystone.token()).projectId).toBe(PROJECT_ID);
});

test('a refused renewal is not hidden behind the old token', async () => {
  cloud.tokenLifeMs = 100_000;
  const keystone = session();
  await keystone.token();
  cloud.handler = () => ({ status: 401, body: { error: { code: 401, message: 'Go away.' } } });
  clock.advance(80_000);
  await expect(keystone.token()).rejects.toMatchObject({ status: 401 });
});

test('a forgotten token is replaced, a newer one is not forgotten with it', async () => {
  const keystone = session();
  const first = await keystone.token();
  keystone.forget(first);
  const second = await keystone.token();
  expect(second.value).not.toBe(first.value);
  keystone.forget(first);
  expect(await keystone.token()).toBe(second);
});

test('one session, one project: a renewal for another one is refused', async () => {
  const keystone = session();
  keystone.forget(await keystone.token());
  cloud.projectId = 'another';
  await expect(keystone.token()).rejects.toMatchObject({ kind: 'config', message: expect.stringContaining('another') });
});

test.for<[name: string, change: (body: { token: Record<string, unknown> }) => void, kind: string]>([
  ['no project in it', ({ token }) => delete token.project, 'config'],
  ['no life', ({ token }) => (token.expires_at = token.issued_at), 'malformed'],
  ['no dates', ({ token }) => delete token.expires_at, 'malformed'],
])('a token with %s is refused', async ([, change, kind]) => {
  cloud.handler = () => {
    const answer = cloud.tokenAnswer();
    if (!('breaks' in answer)) change(answer.body as { token: Record<string, unknown> });
    return answer;
  };
  await expect(session().token()).rejects.toMatchObject({ kind, service: 'identity' });
});

test('Keystone says when to come again: nobody comes before', async () => {
  cloud.handler = () => ({ status: 429, headers: { 'retry-after': '20' } });
  const keystone = session();
  await expect(keystone.token()).rejects.toMatchObject({ status: 429, retryAfterMs: 20_000 });
  cloud.handler = () => undefined;
  clock.advance(19_999);
  await expect(keystone.token()).rejects.toMatchObject({ status: 429 });
  expect(cloud.count('POST', LOGIN)).toBe(1);
  clock.advance(1);
  expect((await keystone.token()).projectId).toBe(PROJECT_ID);
});

test('a service that refuses every token, asked for an hour: ten logins, then one in six seconds', async () => {
  const keystone = session();
  for (let second = 0; second < 3600; second += 1) {
    const token = await keystone.token().catch(() => undefined);
    if (token !== undefined) keystone.forget(token);
    clock.advance(1000);
  }
  expect(cloud.count('POST', LOGIN)).toBe(609);
  await expect(keystone.token()).rejects.toMatchObject({ kind: 'unreachable', service: 'identity' });
});

test('a Keystone that fails at once is not asked in a circle either', async () => {
  cloud.handler = () => ({ status: 500 });
  const keystone = session();
  for (let call = 0; call < 100; call += 1) await keystone.token().catch(() => undefined);
  expect(cloud.count('POST', LOGIN)).toBe(10);
});

test('who stops waiting does not stop the login for others', async () => {
  const keystone = session();
  const stop = new AbortController();
  const both = [keystone.token({ signal: stop.signal }), keystone.token()];
  stop.abort();
  const [first, second] = await Promise.allSettled(both);
  expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'cancelled' } });
  expect(second).toMatchObject({ status: 'fulfilled' });
  expect(cloud.count('POST', LOGIN)).toBe(1);
});

describe('logins that are shared', () => {
  let logins: KeystoneLogins;
  let ends: (() => Promise<void>)[];

  beforeEach(() => {
    logins = new KeystoneLogins();
    ends = [];
  });

  afterEach(async () => {
    for (const end of ends) await end();
  });

  function open(change: Partial<CloudConfig> = {}, http: HttpOptions = {}): KeystoneSession {
    const lease = logins.take({ ...cloud.config, ...change }, { clock, http });
    ends.push(() => lease.release());
    return new KeystoneSession(lease.login, http.onExchange);
  }

  test('twenty clusters with one credential log in once, and renew once', async () => {
    cloud.tokenLifeMs = 100_000;
    const sessions = Array.from({ length: 20 }, () => open());
    await Promise.all(sessions.map((one) => one.token()));
    expect(cloud.count('POST', LOGIN)).toBe(1);
    clock.advance(80_000);
    for (const one of sessions) await one.token();
    expect(cloud.count('POST', LOGIN)).toBe(2);
  });

  test('a login is told to the session that caused it, and to no other', async () => {
    const told: string[] = [];
    const first = open({}, { onExchange: ({ path }) => told.push(`first ${path}`) });
    const second = open({}, { onExchange: ({ path }) => told.push(`second ${path}`) });
    await second.token();
    await first.token();
    expect(told).toEqual([`second ${LOGIN}`]);
  });

  test.for<[name: string, config: Partial<CloudConfig>, http: HttpOptions]>([
    ['another password', { auth: { ...password(), password: 'new' } }, {}],
    ['another project', { auth: { ...password(), project: { id: 'q' } } }, {}],
    ['another address', {}, {}],
    ['certificates unchecked', {}, { verify: false }],
    ['other addresses', {}, { addresses: { loopback: true, allowed: ['10.0.0.0/8'] } }],
  ])('%s is another login', async ([name, config, http]) => {
    await open().token();
    const authUrl = name === 'another address' ? `${cloud.url}/identity` : cloud.url;
    cloud.handler = ({ path }) => (path.endsWith(LOGIN) ? cloud.tokenAnswer() : undefined);
    await open({ authUrl, ...config }, http).token();
    expect(cloud.seen.filter(({ path }) => path.endsWith(LOGIN))).toHaveLength(2);
  });

  test('a refusal outlives the sessions that met it; a changed password is tried at once', async () => {
    cloud.handler = () => ({ status: 401, body: { error: { code: 401, message: 'Go away.' } } });
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await expect(open().token()).rejects.toMatchObject({ status: 401 });
      for (const end of ends.splice(0)) await end();
      clock.advance(9_000);
    }
    expect(cloud.count('POST', LOGIN)).toBe(1);
    cloud.handler = () => undefined;
    await open({ auth: { ...password(), password: 'new' } }).token();
    expect(cloud.count('POST', LOGIN)).toBe(2);
    clock.advance(6_000);
    await open().token();
    expect(cloud.count('POST', LOGIN)).toBe(3);
  });

  test('each session keeps to its own project, whatever the shared login leads to', async () => {
    const before = open();
    before.forget(await before.token());
    cloud.projectId = 'another';
    const after = open();
    expect((await after.token()).projectId).toBe('another');
    await expect(before.token()).rejects.toMatchObject({ kind: 'config' });
    expect(cloud.count('POST', LOGIN)).toBe(2);
  });

  test('one session that ends does not end it for the others', async () => {
    cloud.tokenLifeMs = 100_000;
    const [first, second] = [open(), open()];
    await first.token();
    await ends.shift()?.();
    clock.advance(90_000);
    expect((await second.token()).value).toBe('token-2');
  });
});

function password() {
  return { kind: 'password', user: { id: 'u' }, password: 'p', project: { id: 'p' } } as const;
}

test('no error of a login holds the password', async () => {
  cloud.handler = ({ body }) => ({
    status: 400,
    body: { error: { code: 400, message: JSON.stringify(body).slice(0, 20) } },
  });
  const error = await session()
    .token()
    .catch((reason: unknown) => reason);
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('canary');
});
