// What the proxy does to an exchange, against a service that counts what reaches it; draws; the time lapse.
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { request } from 'undici';
import { drawFrom, scripted, type Fault } from './fault-kinds.ts';
import { FaultProxy, labelOf } from './fault-proxy.ts';
import { startTimeLapse } from './time-lapse.ts';

const BODY = JSON.stringify({ servers: 'x'.repeat(200) });

let service: Server;
let origin: string;
/** What reached the service. */
let reached: string[];
let proxy: FaultProxy;
let base: string;

beforeEach(async () => {
  reached = [];
  service = createServer((incoming, outgoing) => {
    incoming.resume();
    reached.push(`${incoming.method} ${incoming.url}`);
    const catalog = incoming.url === '/v3/auth/tokens';
    const body = catalog ? JSON.stringify({ token: { catalog: [{ url: `${origin}/compute` }] } }) : BODY;
    outgoing.writeHead(200, { 'content-length': body.length, 'x-count': String(reached.length) });
    outgoing.end(body);
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const address = service.address();
  origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  proxy = new FaultProxy({ seed: 7, draw: () => undefined });
  await proxy.start();
  base = proxy.inFrontOf(`auth_url: ${origin}`).replace('auth_url: ', '');
});

afterEach(async () => {
  await proxy.stop();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

async function ask(method: 'GET' | 'POST' = 'POST', path = '/servers') {
  const answer = await request(`${base}${path}`, { method, headersTimeout: 2000, bodyTimeout: 2000 });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

function strikesWith(fault: Fault): void {
  proxy.setDraw(scripted([{ label: /servers/, fault, times: 1 }]));
}

describe('a fault', () => {
  const rows: readonly { fault: Fault; wantReached: number; wantStatus: number | 'cut'; wantText?: RegExp }[] = [
    { fault: { kind: 'dropAnswer' }, wantReached: 1, wantStatus: 'cut' },
    { fault: { kind: 'delay', ms: 5 }, wantReached: 1, wantStatus: 200 },
    { fault: { kind: 'resetBefore' }, wantReached: 0, wantStatus: 'cut' },
    { fault: { kind: 'resetInAnswer' }, wantReached: 1, wantStatus: 'cut' },
    { fault: { kind: 'truncate' }, wantReached: 1, wantStatus: 200, wantText: /^\{"servers":"x+$/ },
    { fault: { kind: 'throttle', retryAfterSeconds: 3 }, wantReached: 0, wantStatus: 429 },
    { fault: { kind: 'errorBefore', status: 502 }, wantReached: 0, wantStatus: 502, wantText: /html/ },
    { fault: { kind: 'errorAfter', status: 503 }, wantReached: 1, wantStatus: 503, wantText: /html/ },
    { fault: { kind: 'duplicate', answer: 'second' }, wantReached: 2, wantStatus: 200 },
    { fault: { kind: 'echo' }, wantReached: 0, wantStatus: 400, wantText: /"badRequest"/ },
    { fault: { kind: 'slowBody', ms: 20 }, wantReached: 1, wantStatus: 200, wantText: /"}$/ },
  ];
  it.each(rows)('$fault.kind: $wantReached reach the service', async ({ fault, wantReached, wantStatus, wantText }) => {
    strikesWith(fault);
    const answer = await ask().catch(() => 'cut' as const);
    expect(answer === 'cut' ? answer : answer.status).toBe(wantStatus);
    expect(reached).toHaveLength(wantReached);
    if (answer !== 'cut' && wantText !== undefined) expect(answer.text).toMatch(wantText);
    expect(proxy.faults).toEqual([
      { seed: 7, step: 1, method: 'POST', label: 'POST /servers', ordinal: 1, url: expect.any(String), fault },
    ]);
    expect((await ask()).status).toBe(200); // used up
  });

  it('late: the service gets the request when the client has given up', async () => {
    strikesWith({ kind: 'late', ms: 10 });
    await expect(ask()).rejects.toThrow();
    await expect.poll(() => reached).toHaveLength(1);
  });

  it('stale: a list as it was, and a fresh one where none is old enough', async () => {
    await ask('GET');
    proxy.setDraw(scripted([{ label: /servers/, fault: { kind: 'stale', ms: 0 } }]));
    expect((await ask('GET')).headers['x-count']).toBe('1');
    proxy.setDraw(scripted([{ label: /servers/, fault: { kind: 'stale', ms: 60_000 } }]));
    expect((await ask('GET')).headers['x-count']).toBe('2');
  });
});

it('the catalog leads through the proxy', async () => {
  const { text } = await ask('POST', '/v3/auth/tokens');
  expect(text).not.toContain(origin);
  const url = /"url":"([^"]+)"/.exec(text)?.[1] ?? '';
  expect((await request(`${url}/x`)).statusCode).toBe(200);
  expect(reached.at(-1)).toBe('GET /compute/x');
});

describe('drawFrom', () => {
  const exchanges = Array.from({ length: 4000 }, (_, index) => ({
    method: index % 2 === 0 ? 'GET' : 'POST',
    label: `${index % 2 === 0 ? 'GET' : 'POST'} /servers`,
    ordinal: index,
    url: '',
  }));
  it('strikes the share that was asked for, with every kind, the same again for the same seed', () => {
    const drawn = exchanges.map(drawFrom({ seed: 1, share: 0.2 }));
    const struck = drawn.filter((fault) => fault !== undefined);
    expect(struck.length / exchanges.length).toBeGreaterThan(0.1); // a fifth of one half, a twentieth of the other
    expect(struck.length / exchanges.length).toBeLessThan(0.15);
    expect(new Set(struck.map(({ kind }) => kind)).size).toBe(12);
    const backwards = exchanges
      .toReversed()
      .map(drawFrom({ seed: 1, share: 0.2 }))
      .toReversed();
    expect(backwards).toEqual(drawn);
    expect(exchanges.map(drawFrom({ seed: 2, share: 0.2 }))).not.toEqual(drawn);
  });

  it('never delivers a read twice or late', () => {
    const reads = exchanges.filter(({ method }) => method === 'GET').map(drawFrom({ seed: 3, share: 4 }));
    expect(reads.filter((fault) => fault?.kind === 'duplicate' || fault?.kind === 'late')).toEqual([]);
  });
});

it('labelOf: the same for every server', () => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const project = '0123456789abcdef0123456789abcdef';
  expect(labelOf('GET', `/at-8774/compute/v2.1/${project}/servers/${id}?x=1`)).toBe('GET /compute/v2.1/*/servers/*');
});

it('a time lapse moves all clocks and timers alike, and ends', async () => {
  const { now } = Date;
  const lapse = startTimeLapse(100);
  const wall = Date.now();
  const monotonic = performance.now();
  const signal = AbortSignal.timeout(5000);
  await new Promise((resolve) => setTimeout(resolve, 10_000)); // a tenth of a real second
  expect(Date.now() - wall).toBeGreaterThanOrEqual(9_000);
  expect(new Date().getTime() - wall).toBeGreaterThanOrEqual(9_000);
  expect(new Date(5).getTime()).toBe(5);
  expect(new Date(0)).toBeInstanceOf(Date);
  expect(performance.now() - monotonic).toBeGreaterThanOrEqual(9_000);
  expect(signal.aborted).toBe(true);
  lapse.stop();
  expect(Date.now).toBe(now);
  expect(Math.abs(Date.now() - now())).toBeLessThan(1000);
});
