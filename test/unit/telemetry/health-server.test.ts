import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Health,
  type HealthServer,
  parseListen,
  startHealthServer,
} from '../../../src/telemetry/health-server.ts';

const open: HealthServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(options: { health?: Health; metrics?: () => Promise<string> } = {}): Promise<string> {
  const server = await startHealthServer({
    listen: '127.0.0.1:0',
    metrics: options.metrics ?? (() => Promise.resolve('sluice_clusters 1\n')),
    health: () => options.health ?? { ready: true, live: true, detail: [] },
  });
  open.push(server);
  return server.url;
}

describe('parseListen', () => {
  const rows: readonly { text: string; want: { host: string; port: number } | undefined }[] = [
    { text: '127.0.0.1:8080', want: { host: '127.0.0.1', port: 8080 } },
    { text: 'localhost:0', want: { host: 'localhost', port: 0 } },
    { text: '[::1]:9', want: { host: '::1', port: 9 } },
    { text: '8080', want: undefined },
    { text: ':8080', want: undefined },
    { text: '::1:8080', want: undefined },
    { text: '127.0.0.1:65536', want: undefined },
    { text: '127.0.0.1:http', want: undefined },
  ];
  it.each(rows)('$text', ({ text, want }) => {
    if (want === undefined) expect(() => parseListen(text)).toThrow('host:port');
    else expect(parseListen(text)).toEqual(want);
  });
});

describe('startHealthServer', () => {
  it('serves the metrics as Prometheus text', async () => {
    const response = await fetch(`${await start()}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toBe('sluice_clusters 1\n');
  });

  it('tells being alive from being ready, with what stands in the way', async () => {
    const url = await start({ health: { live: true, ready: false, detail: ['a/b: pods not yet listed'] } });
    const live = await fetch(`${url}/livez`);
    const ready = await fetch(`${url}/readyz?verbose`);
    expect([live.status, ready.status]).toEqual([200, 503]);
    expect(await ready.text()).toBe('no\na/b: pods not yet listed\n');
  });

  it('knows nothing else and takes no other method', async () => {
    const url = await start();
    expect((await fetch(`${url}/`)).status).toBe(404);
    const post = await fetch(`${url}/metrics`, { method: 'POST', body: 'x' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET, HEAD');
  });

  it('answers 500 when the metrics cannot be collected, and goes on', async () => {
    let fail = true;
    const url = await start({ metrics: () => (fail ? Promise.reject(new Error('broken')) : Promise.resolve('x 1\n')) });
    expect((await fetch(`${url}/metrics`)).status).toBe(500);
    fail = false;
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  it('collects once for scrapes that come together', async () => {
    let collections = 0;
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const url = await start({
      metrics: () => {
        collections += 1;
        begun.resolve();
        return gate.promise;
      },
    });
    const scrapes = [fetch(`${url}/metrics`), fetch(`${url}/metrics`)];
    await begun.promise;
    // the second scrape has arrived when many later requests have been answered
    for (let round = 0; round < 20; round += 1) await fetch(`${url}/livez`);
    gate.resolve('x 1\n');
    for (const scrape of scrapes) expect(await (await scrape).text()).toBe('x 1\n');
    expect(collections).toBe(1);
  });

  it('refuses headers beyond its limit', async () => {
    const url = new URL(await start());
    const socket = connect(Number(url.port), url.hostname);
    socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('431');
    socket.destroy();
  });

  it('rejects when the address is taken', async () => {
    const url = new URL(await start());
    const again = startHealthServer({
      listen: url.host,
      metrics: () => Promise.resolve(''),
      health: () => ({ ready: true, live: true, detail: [] }),
    });
    await expect(again).rejects.toThrow('EADDRINUSE');
  });

  it('closes although a scraper keeps its connection', async () => {
    const server = await startHealthServer({
      listen: '127.0.0.1:0',
      metrics: () => Promise.resolve(''),
      health: () => ({ ready: true, live: true, detail: [] }),
    });
    await fetch(`${server.url}/livez`);
    await server.close();
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow('fetch failed');
  });
});
