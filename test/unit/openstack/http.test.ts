// One exchange: what can have reached the service is told apart from what cannot; limits hold; nothing is sent twice.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpChannel, type HttpExchange, type HttpOptions } from '../../../src/openstack/client/http.ts';
import { readFault } from '../../../src/openstack/client/openstack-error.ts';
import { ScriptedCloud } from './scripted-cloud.ts';

let cloud: ScriptedCloud;
let exchanges: HttpExchange[];
let channel: HttpChannel;

beforeEach(async () => {
  cloud = await ScriptedCloud.start();
  exchanges = [];
  channel = new HttpChannel({
    readTimeoutMs: 400,
    writeTimeoutMs: 400,
    bodyBytesMax: 10_000,
    onExchange: (exchange) => exchanges.push(exchange),
  });
});

afterEach(async () => {
  await channel.close();
  await cloud.close();
});

function send(method: 'GET' | 'POST' | 'DELETE', url = `${cloud.url}/a?secret=canary`) {
  return channel.send({
    service: 'compute',
    method,
    url: new URL(url),
    headers: { 'x-auth-token': 'canary-token' },
    ...(method === 'POST' ? { body: { user_data: 'canary' } } : {}),
  });
}

describe.for(['GET', 'POST', 'DELETE'] as const)('%s', (method) => {
  test.for(['beforeHeaders', 'inHeaders', 'inBody', 'hang'] as const)(
    'an answer lost %s is "lost", and the request went out once',
    async (breaks) => {
      cloud.handler = () => ({ breaks });
      await expect(send(method)).rejects.toMatchObject({ kind: 'lost', method, status: 0 });
      expect(cloud.count(method, '/a')).toBe(1);
    },
  );

  test('nobody listens: "unreachable"', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((closed) => {
      server.close(() => closed());
    });
    await expect(send(method, `http://127.0.0.1:${port}/a`)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('a redirect is not followed', async () => {
    cloud.handler = ({ path }) => (path === '/a' ? { status: 307, headers: { location: '/b' } } : { status: 200 });
    await expect(send(method)).rejects.toMatchObject({ kind: 'refused', status: 307 });
    expect(cloud.count(method, '/b')).toBe(0);
  });
});

test('a name that does not resolve is "unreachable"', async () => {
  await expect(send('POST', 'http://nowhere.invalid/a')).rejects.toMatchObject({ kind: 'unreachable' });
});

test('a body above the cap is cut off', async () => {
  cloud.handler = () => ({ status: 200, body: 'x'.repeat(10_001) });
  await expect(send('GET')).rejects.toMatchObject({ kind: 'lost', message: expect.stringContaining('10000 bytes') });
});

test('an answer that is not JSON is malformed', async () => {
  cloud.handler = () => ({ status: 200, body: '<html>' });
  await expect(send('GET')).rejects.toMatchObject({ kind: 'malformed', status: 200 });
});

test('an error page of a proxy has no fault', async () => {
  cloud.handler = () => ({ status: 404, body: '<html>not here</html>' });
  await expect(send('GET')).rejects.toMatchObject({ kind: 'refused', status: 404, fault: undefined });
});

test('the error keeps fault, request id and Retry-After, and none of our secrets', async () => {
  cloud.handler = () => ({
    status: 429,
    headers: { 'x-openstack-request-id': 'req-1', 'retry-after': '7' },
    body: { overLimit: { code: 429, message: 'Too many requests.' } },
  });
  const error = await send('POST').catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    kind: 'refused',
    status: 429,
    requestId: 'req-1',
    retryAfterMs: 7000,
    fault: { type: 'overLimit', message: 'Too many requests.' },
  });
  expect(`${String(error)} ${JSON.stringify(error)} ${JSON.stringify(exchanges)}`).not.toContain('canary');
});

test.for([
  ['99999', 600_000],
  ['0', 0],
  ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
  ['Wed, 21 Oct 2026 09:28:00 GMT', 600_000],
  ['Wed, 21 Oct 2026 07:00:00 GMT', 0],
  ['Wednesday', undefined],
  ['-1', undefined],
  ['1.5', undefined],
] as const)('Retry-After %s', async ([value, want]) => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT'; // the service's own clock, far from ours
  cloud.handler = () => ({ status: 503, headers: { 'retry-after': value, date } });
  await expect(send('GET')).rejects.toMatchObject({ retryAfterMs: want });
});

test('headers above the cap are cut off', async () => {
  cloud.handler = () => ({ status: 200, headers: { 'x-long': 'x'.repeat(17_000) }, body: {} });
  await expect(send('GET')).rejects.toMatchObject({ kind: 'lost', cause: { code: 'UND_ERR_HEADERS_OVERFLOW' } });
});

test('a request id of any length stays a short text', async () => {
  cloud.handler = () => ({ status: 500, headers: { 'x-compute-request-id': 'r'.repeat(5_000) } });
  await expect(send('GET')).rejects.toMatchObject({ requestId: 'r'.repeat(128) });
});

describe("the caller's signal", () => {
  const aborting = (method: 'GET' | 'POST', signal: AbortSignal) =>
    channel.send({ service: 'compute', method, url: new URL(`${cloud.url}/a`), signal });

  test('that has fired already: nothing is sent', async () => {
    await expect(aborting('POST', AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    expect(cloud.seen).toEqual([]);
  });

  test.for([
    ['GET', 'cancelled'],
    ['POST', 'lost'],
  ] as const)('cuts off a %s under way: "%s"', async ([method, kind]) => {
    const stop = new AbortController();
    cloud.handler = () => {
      stop.abort();
      return { breaks: 'hang' };
    };
    await expect(aborting(method, stop.signal)).rejects.toMatchObject({ kind, method });
  });
});

test.for<[name: string, options: HttpOptions]>([
  ['caPem', { caPem: 'canary' }],
  ['certPem without a key', { certPem: '-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----' }],
])('%s that cannot be used is a wrong setting, and not shown', ([, options]) => {
  const error = (() => {
    try {
      return new HttpChannel(options);
    } catch (reason) {
      return reason;
    }
  })();
  expect(error).toMatchObject({ kind: 'config' });
  expect(String(error)).not.toContain('canary');
});

test('writes never share a connection, reads do', async () => {
  const connections: string[] = [];
  cloud.handler = ({ headers }) => {
    connections.push(headers.get('connection') ?? '');
    return { status: 200, body: {} };
  };
  await send('POST');
  await send('GET');
  expect(connections).toEqual(['close', 'keep-alive']);
});

test('each exchange is told, failed ones too', async () => {
  cloud.handler = ({ method }) => (method === 'GET' ? { status: 200, body: {} } : { breaks: 'beforeHeaders' });
  await send('GET');
  await send('POST').catch(() => undefined);
  expect(exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
    'GET /a 200',
    'POST /a 0',
  ]);
});

describe('readFault', () => {
  test.for<[name: string, body: unknown, want: unknown]>([
    ['Nova', { forbidden: { code: 403, message: 'Quota exceeded' } }, { type: 'forbidden', message: 'Quota exceeded' }],
    [
      'Neutron',
      { NeutronError: { type: 'OverQuota', message: 'Quota exceeded', detail: '' } },
      { type: 'OverQuota', message: 'Quota exceeded' },
    ],
    ['Neutron, text only', { NeutronError: 'broken' }, { type: 'NeutronError', message: 'broken' }],
    ['Keystone', { error: { code: 401, title: 'Unauthorized', message: 'no' } }, { type: 'error', message: 'no' }],
    ['Placement', { errors: [{ status: 409, detail: 'no' }] }, { type: 'errors', message: 'no' }],
    ['no known form', { a: 1 }, undefined],
    ['null', null, undefined],
    ['text', 'x', undefined],
  ])('%s', ([, body, want]) => {
    expect(readFault(body)).toEqual(want);
  });

  test('what Nova echoes of the input is cut out', () => {
    const message = "Invalid input for field/attribute user_data. Value: canary. 'canary' is too long";
    const fault = readFault({ badRequest: { code: 400, message } });
    expect(fault?.message).toBe('Invalid input for field/attribute user_data. (value withheld)');
  });

  test('a long text is shortened', () => {
    expect(readFault({ badRequest: { message: 'x'.repeat(90_000) } })?.message.length).toBeLessThan(600);
  });
});
