// Metrics and health over HTTP: /metrics, /livez, /readyz. Reads only; knows nothing of clusters.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Health {
  readonly ready: boolean;
  readonly live: boolean;
  /** One line per thing that stands in the way. */
  readonly detail: readonly string[];
}

export interface HealthServer {
  /** e.g. http://127.0.0.1:8080 */
  readonly url: string;
  close(): Promise<void>;
}

/** A scraper or a probe answers within its own second or ten; a slower peer is not one of them. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
/** Two replicas of Prometheus, the kubelet and a person; the rest is somebody holding sockets. */
const CONNECTIONS_MAX = 64;
const HEADER_BYTES_MAX = 8192;
/** Details are for a person; a thousand broken clusters need not all be listed. */
const DETAIL_LINES_MAX = 100;

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** Host and port of `host:port`; `[::1]:8080` for IPv6, port 0 for any free one. Throws when it is neither. */
export function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s/]+)):(?<port>[0-9]{1,5})$/.exec(listen);
  const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || port > 65_535) throw new Error(`the listen address must be host:port: '${listen}'`);
  return { host, port };
}

/** Starts listening. Rejects when the address is no good or in use. */
export async function startHealthServer(options: {
  readonly listen: string;
  readonly metrics: () => Promise<string>;
  readonly health: () => Health;
}): Promise<HealthServer> {
  const { host, port } = parseListen(options.listen);
  const metrics = shareWhileRunning(options.metrics);
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    // What comes with a GET is not read; the connection ends with the answer when there was any.
    request.resume();
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      answer(response, { status: 405, text: 'only GET\n' });
    } else if (path === '/metrics') void answerMetrics(response, metrics);
    else if (path === '/livez') answerHealth(response, options.health, 'live');
    else if (path === '/readyz') answerHealth(response, options.health, 'ready');
    else answer(response, { status: 404, text: 'see /metrics, /livez, /readyz\n' });
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.timeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const address = await listen(server, { host, port });
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${shown}:${address.port}`, close: () => close(server) };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

function answer(response: ServerResponse, { status, text, type = TEXT_TYPE }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

async function answerMetrics(response: ServerResponse, metrics: () => Promise<string>): Promise<void> {
  try {
    answer(response, { status: 200, text: await metrics(), type: METRICS_TYPE });
  } catch {
    // The cause is ours, not the scraper's: it sees that there is none, and its own alert fires.
    answer(response, { status: 500, text: 'metrics could not be collected\n' });
  }
}

function answerHealth(response: ServerResponse, health: () => Health, asked: 'live' | 'ready'): void {
  const state = health();
  const lines = state.detail.slice(0, DETAIL_LINES_MAX);
  answer(response, {
    status: state[asked] ? 200 : 503,
    text: `${[state[asked] ? 'ok' : 'no', ...lines].join('\n')}\n`,
  });
}

/** Scrapes that come while one is being collected get its result: collecting costs memory for every series. */
function shareWhileRunning<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function listen(server: Server, at: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address);
      else reject(new Error('the server has no address'));
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
