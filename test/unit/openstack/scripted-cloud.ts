// A scripted OpenStack on loopback for the client's tests: answers what the test says, breaks off where it says, and
// remembers every request in order. Keystone and Nova's version document have answers from the start.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ClientClock } from '../../../src/openstack/client/request-budget.ts';
import type { CloudConfig } from '../../../src/openstack/client/clouds.ts';

export type Answer =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** The request is read whole, then the connection is reset at the place named; `hang` never answers. */
  | { readonly breaks: 'beforeHeaders' | 'inHeaders' | 'inBody' | 'hang' };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: unknown;
}

export type Handler = (request: SeenRequest) => Answer | undefined;

export const PROJECT_ID = '3d7feaff816e49b9b02c45a34d753057';

export class ScriptedCloud {
  readonly seen: SeenRequest[] = [];
  readonly url: string;
  /** Asked first; undefined: the answers from the start, else 404 of the service's own form. */
  handler: Handler = () => undefined;
  tokenLifeMs = 3_600_000;
  projectId = PROJECT_ID;
  microversions = { min: '2.1', max: '2.93' };
  readonly #stop: () => Promise<void>;

  constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(): Promise<ScriptedCloud> {
    const sockets = new Set<Socket>();
    let cloud: ScriptedCloud | undefined;
    const server = createServer((request, response) => {
      void readAll(request).then((text) => {
        if (cloud === undefined) return;
        const answer = cloud.#answer(seenOf(request, text));
        if (!('breaks' in answer)) {
          const version = request.headers['openstack-api-version']; // Nova names it in every answer
          const spoken = version === undefined ? {} : { 'openstack-api-version': version };
          const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? null);
          response.writeHead(answer.status, { 'content-type': 'application/json', ...spoken, ...answer.headers });
          response.end(answer.body === undefined ? '' : body);
          return;
        }
        if (answer.breaks === 'hang') return;
        if (answer.breaks === 'inHeaders') request.socket.write('HTTP/1.1 202 Accepted\r\nContent-Le');
        if (answer.breaks === 'inBody') {
          request.socket.write('HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n{"server":{"id":');
        }
        setImmediate(() => request.socket.resetAndDestroy());
      });
    });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    cloud = new ScriptedCloud(`http://127.0.0.1:${port}`, async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((closed) => {
        server.close(() => closed());
      });
    });
    return cloud;
  }

  close(): Promise<void> {
    return this.#stop();
  }

  /** Requests of this method and path so far. */
  count(method: string, path: string): number {
    return this.seen.filter((request) => request.method === method && request.path === path).length;
  }

  get config(): CloudConfig {
    return {
      name: 'scripted',
      authUrl: this.url,
      auth: {
        kind: 'password',
        user: { name: 'user', domain: { id: 'default' } },
        password: 'canary-password',
        project: { name: 'project', domain: { id: 'default' } },
      },
      region: 'GRA11',
      interface: 'public',
      endpointOverrides: new Map(),
      verify: true,
      caCert: undefined,
    };
  }

  /** A clouds.yaml that leads here. */
  get cloudsYaml(): string {
    return `clouds:
  scripted:
    region_name: GRA11
    auth: {auth_url: "${this.url}", username: user, password: canary-password, project_name: project}
`;
  }

  #answer(request: SeenRequest): Answer {
    this.seen.push(request);
    const scripted = this.handler(request);
    if (scripted !== undefined) return scripted;
    if (request.path === '/v3/auth/tokens') return this.tokenAnswer();
    if (request.path === '/compute/v2.1/') {
      const { min, max } = this.microversions;
      return { status: 200, body: { version: { id: 'v2.1', version: max, min_version: min } } };
    }
    if (request.path.startsWith('/network/')) {
      return { status: 404, body: { NeutronError: { type: 'HTTPNotFound', message: 'not scripted', detail: '' } } };
    }
    return { status: 404, body: { itemNotFound: { code: 404, message: 'not scripted' } } };
  }

  tokenAnswer(): Answer {
    const issuedMs = Date.UTC(2001, 0, 1); // far from the test's clock: only the difference may matter
    const endpoint = (path: string) => [{ url: this.url + path, interface: 'public', region: 'GRA11' }];
    return {
      status: 201,
      headers: { 'x-subject-token': `token-${this.count('POST', '/v3/auth/tokens')}` },
      body: {
        token: {
          issued_at: new Date(issuedMs).toISOString(),
          expires_at: new Date(issuedMs + this.tokenLifeMs).toISOString(),
          project: { id: this.projectId, name: 'project' },
          catalog: [
            { type: 'compute', endpoints: endpoint(`/compute/v2.1/${this.projectId}`) },
            { type: 'network', endpoints: endpoint('/network') },
            { type: 'image', endpoints: endpoint('/image') },
          ],
        },
      },
    };
  }
}

export const REAL_CLOCK: ClientClock = {
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands until the test moves it. */
export class ManualClock implements ClientClock {
  #nowMs = 1_000;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(afterMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + afterMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on and runs what has become due. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const timer of due) timer.run();
  }
}

function seenOf(request: IncomingMessage, text: string): SeenRequest {
  const url = new URL(request.url ?? '/', 'http://scripted.invalid');
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: new Map(headers),
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
