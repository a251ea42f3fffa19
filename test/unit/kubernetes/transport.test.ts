import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { FakeClock, settle } from '../../fakes/fake-clock.ts';
import { ScriptedServer } from './scripted-server.ts';

const PATH = '/api/v1/nodes/a';
let server: ScriptedServer;
let clock: FakeClock;
let transport: Transport;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  transport = new Transport({ server: `${server.url}/prefix`, token: 'canary-token' }, clock);
});
afterEach(async () => {
  await transport.close();
  await server.close();
});

describe('request', () => {
  test('sends method, path behind the prefix, query, token and body', async () => {
    const answer = transport.request({
      method: 'PATCH',
      path: PATH,
      query: { fieldManager: 'sluice nodes' },
      contentType: 'application/merge-patch+json',
      body: { a: 1 },
    });
    const request = await server.next();
    request.json(200, { ok: true });
    expect(await answer).toEqual({ ok: true });
    expect(request).toMatchObject({ method: 'PATCH', path: `/prefix${PATH}`, body: { a: 1 } });
    expect(request.query.get('fieldManager')).toBe('sluice nodes');
    expect(request.headers['authorization']).toBe('Bearer canary-token');
    expect(request.headers['content-type']).toBe('application/merge-patch+json');
  });

  test.each<[number, 'GET' | 'POST', PortErrorCode]>([
    [400, 'GET', 'invalidSpec'],
    [401, 'GET', 'credentials'],
    [403, 'GET', 'forbidden'],
    [404, 'GET', 'notFound'],
    [409, 'POST', 'conflict'],
    [410, 'GET', 'unavailable'],
    [413, 'POST', 'invalidSpec'],
    [422, 'POST', 'invalidSpec'],
    [429, 'POST', 'throttled'],
    [500, 'GET', 'unavailable'],
    [500, 'POST', 'outcomeUnknown'],
    [503, 'POST', 'unavailable'],
    [504, 'GET', 'unavailable'],
    [504, 'POST', 'outcomeUnknown'],
    [302, 'GET', 'unavailable'],
  ])('HTTP %i to %s is %s', async (status, method, code) => {
    const answer = transport.request({ method, path: PATH });
    (await server.next()).json(status, { kind: 'Status', message: 'why' }, { location: 'http://127.0.0.1:9' });
    await expect(answer).rejects.toMatchObject({ code, httpStatus: status });
    expect(server.count).toBe(1);
  });

  test.each<['GET' | 'PATCH' | 'POST', PortErrorCode]>([
    ['GET', 'unavailable'],
    ['PATCH', 'unavailable'],
    ['POST', 'outcomeUnknown'],
  ])('a lost answer to %s is %s, and nothing is sent again', async (method, code) => {
    const answer = transport.request({ method, path: PATH, body: {} });
    const expected = expect(answer).rejects.toMatchObject({ code, fault: 'broken' });
    (await server.next()).destroy();
    await expected;
    await settle();
    expect(server.count).toBe(1);
  });

  test('what was never sent is unavailable, also for POST', async () => {
    const nobody = new Transport({ server: 'http://127.0.0.1:1' }, clock);
    await expect(nobody.request({ method: 'POST', path: PATH })).rejects.toMatchObject({
      code: 'unavailable',
      fault: 'unsent',
    });
    await nobody.close();
  });

  test('a server that never answers is given up when the time is up', async () => {
    const answer = transport.request({ method: 'GET', path: PATH, timeoutMs: 5_000 });
    const expected = expect(answer).rejects.toMatchObject({ code: 'unavailable', fault: 'timeout' });
    const request = await server.next();
    clock.advance(5_000);
    await expected;
    await request.gone();
  });

  test('a server that stops in the middle of its answer is given up too', async () => {
    const answer = transport.request({ method: 'GET', path: PATH, timeoutMs: 5_000 });
    const expected = expect(answer).rejects.toMatchObject({ fault: 'timeout' });
    (await server.next()).stream({ half: true });
    await settle();
    clock.advance(5_000);
    await expected;
  });

  test('waits as Retry-After says, within a limit', async () => {
    const soon = transport.request({ method: 'GET', path: PATH });
    (await server.next()).json(429, {}, { 'retry-after': '7' });
    await expect(soon).rejects.toMatchObject({ retry: { kind: 'after', ms: 7_000 } });
    const late = transport.request({ method: 'GET', path: PATH });
    (await server.next()).json(429, {}, { 'retry-after': '86400' });
    await expect(late).rejects.toMatchObject({ retry: { kind: 'after', ms: 300_000 } });
  });

  test('an answer without end is refused', async () => {
    const answer = transport.request({ method: 'GET', path: PATH });
    const expected = expect(answer).rejects.toMatchObject({ fault: 'tooLarge' });
    const request = await server.next();
    request.stream();
    for (let megabytes = 0; megabytes < 66; megabytes += 1) request.raw(Buffer.alloc(1024 * 1024, 0x20));
    await expected;
  });

  test('an answer that is no JSON is broken', async () => {
    const answer = transport.request({ method: 'GET', path: PATH });
    (await server.next()).text(200, '<html>');
    await expect(answer).rejects.toMatchObject({ code: 'unavailable', fault: 'broken' });
  });
});

describe('secrets', () => {
  test('a token that the server sends back is not in the error', async () => {
    const answer = transport.request({ method: 'GET', path: PATH });
    (await server.next()).json(403, { message: 'you sent Bearer canary-token' });
    await expect(answer).rejects.toSatisfy((error: Error) => !error.message.includes('canary'));
  });

  test('a secret body that the server sends back is not in the error', async () => {
    const answer = transport.request({ method: 'POST', path: PATH, body: { s: 'canary' }, secretBody: true });
    (await server.next()).json(422, { message: 'Invalid value: canary' });
    await expect(answer).rejects.toSatisfy((error: Error) => !error.message.includes('canary'));
  });

  test('a token file is read again after a minute, and its loss is a matter of credentials', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-token-'));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first\n');
    const rotating = new Transport({ server: server.url, tokenFile }, clock);
    const tokenOfNext = async () => {
      const answer = rotating.request({ method: 'GET', path: PATH });
      const request = await server.next();
      request.json(200, {});
      await answer;
      return request.headers['authorization'];
    };
    expect(await tokenOfNext()).toBe('Bearer first');
    writeFileSync(tokenFile, 'second\n');
    expect(await tokenOfNext()).toBe('Bearer first');
    clock.advance(60_000);
    expect(await tokenOfNext()).toBe('Bearer second');
    rmSync(folder, { recursive: true });
    clock.advance(60_000);
    await expect(rotating.request({ method: 'GET', path: PATH })).rejects.toMatchObject({ code: 'credentials' });
    await rotating.close();
  });
});

describe('close', () => {
  test('breaks what is open and takes no more', async () => {
    const open = transport.request({ method: 'GET', path: PATH });
    const expected = expect(open).rejects.toMatchObject({ code: 'unavailable' });
    await server.next();
    await transport.close();
    await expected;
    await expect(transport.request({ method: 'GET', path: PATH })).rejects.toMatchObject({ fault: 'closed' });
    expect(clock.timersWaiting).toBe(0);
  });
});
