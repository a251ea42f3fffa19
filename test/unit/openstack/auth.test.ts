// Logging in: the bodies, one login at a time, renewal before expiry, no storm after a refusal, one project per session.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeystoneSession } from '../../../src/openstack/client/auth.ts';
import type { CloudAuth } from '../../../src/openstack/client/clouds.ts';
import { HttpChannel } from '../../../src/openstack/client/http.ts';
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

function session(auth?: CloudAuth): KeystoneSession {
  return new KeystoneSession(auth === undefined ? cloud.config : { ...cloud.config, auth }, { channel, clock });
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
  await new KeystoneSession({ ...cloud.config, authUrl }, { channel, clock }).token();
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

test('a refused login stands for 30 s: no storm of logins', async () => {
  cloud.handler = () => ({ status: 401, body: { error: { code: 401, title: 'Unauthorized', message: 'Go away.' } } });
  const keystone = session();
  for (let call = 0; call < 5; call += 1) {
    await expect(keystone.token()).rejects.toMatchObject({ kind: 'refused', status: 401 });
  }
  expect(cloud.count('POST', LOGIN)).toBe(1);
  cloud.handler = () => undefined;
  clock.advance(29_999);
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
