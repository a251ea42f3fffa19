// Whom the client takes for Keystone, by what a clouds.yaml says of certificates.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCloudConfig } from '../../../src/openstack/client/clouds.ts';
import { openStack } from '../../../src/openstack/client/open-stack.ts';
import { selfSigned } from './self-signed.ts';
import { PROJECT_ID, REAL_CLOCK } from './scripted-cloud.ts';

const keystone = selfSigned('keystone');
const client = selfSigned('client');
const stranger = selfSigned('stranger');

let server: Server;
let logins: (string | undefined)[];

beforeAll(async () => {
  logins = [];
  server = createServer(
    { ...pem(keystone), ca: client.certPem, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as { authorized?: boolean };
      logins.push(socket.authorized === true ? 'known client' : 'unknown client');
      const endpoints = [{ url: 'https://compute.example/v2.1', interface: 'public', region: 'R' }];
      response.writeHead(201, { 'x-subject-token': 'token' });
      response.end(
        JSON.stringify({
          token: {
            issued_at: '2026-01-01T00:00:00Z',
            expires_at: '2026-01-01T01:00:00Z',
            project: { id: PROJECT_ID, name: 'p' },
            catalog: [{ type: 'compute', endpoints }],
          },
        }),
      );
    },
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function pem({ certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }) {
  return { cert: certPem, key: keyPem };
}

/** Opens a session with these settings beside `auth`; who the server saw. */
async function seen(settings: Readonly<Record<string, string>>): Promise<string | undefined> {
  const { port } = server.address() as AddressInfo;
  const auth = { auth_url: `https://127.0.0.1:${port}/v3`, user_id: 'u', password: 'canary', project_id: 'p' };
  const config = readCloudConfig({ cloudsYaml: JSON.stringify({ clouds: { c: { auth, ...settings } } }) });
  const session = await openStack(config, { clock: REAL_CLOCK });
  await session.close();
  return logins.at(-1);
}

const CA = { cacert: keystone.certPem };

test('the CA that is given is believed', async () => {
  expect(await seen(CA)).toBe('unknown client');
});

test.for<[name: string, settings: Readonly<Record<string, string>>]>([
  ['no CA', {}],
  ["somebody else's CA", { cacert: stranger.certPem }],
])('%s: no password is sent', async ([, settings]) => {
  const before = logins.length;
  await expect(seen(settings)).rejects.toMatchObject({ kind: 'unreachable', service: 'identity' });
  expect(logins.length).toBe(before);
});

test.for<[name: string, settings: Readonly<Record<string, string>>]>([
  ['verify: false', { verify: 'false' }],
  ['insecure, with a CA that does not fit', { insecure: 'true', cacert: stranger.certPem }],
])('%s: anybody is believed', async ([, settings]) => {
  expect(await seen(settings)).toBe('unknown client');
});

test.for<[name: string, settings: Readonly<Record<string, string>>, who: string]>([
  ['cert and key', { cert: client.certPem, key: client.keyPem }, 'known client'],
  ['both in cert', { cert: client.certPem + client.keyPem }, 'known client'],
  ["a stranger's", { cert: stranger.certPem, key: stranger.keyPem }, 'unknown client'],
])('a client certificate: %s', async ([, settings, who]) => {
  expect(await seen({ ...CA, ...settings })).toBe(who);
});

test('a certificate and the key of another are refused before anything is sent', async () => {
  const before = logins.length;
  const wrong = seen({ ...CA, cert: client.certPem, key: stranger.keyPem });
  await expect(wrong).rejects.toMatchObject({ kind: 'config' });
  expect(logins.length).toBe(before);
});
