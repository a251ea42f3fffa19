// An HTTP server on loopback that the test answers by hand: `next()` gives the request that came, in order of arrival,
// and waits for one if need be. Nothing is timed.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://loopback');
    this.method = request.method ?? '';
    this.path = url.pathname;
    this.query = url.searchParams;
    this.headers = request.headers;
    this.body = body === '' ? undefined : JSON.parse(body);
    this.#response = response;
  }

  json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.#response.end(JSON.stringify(body));
  }

  text(status: number, body: string): void {
    this.#response.writeHead(status, { 'content-type': 'text/plain' });
    this.#response.end(body);
  }

  /** Sends the headers of a watch and the given events. */
  stream(...events: readonly unknown[]): this {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
    return this.send(...events);
  }

  send(...events: readonly unknown[]): this {
    this.#response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    return this;
  }

  raw(text: string | Buffer): this {
    this.#response.write(text);
    return this;
  }

  end(): void {
    this.#response.end();
  }

  /** Breaks the connection in the middle. */
  destroy(): void {
    this.#response.destroy();
  }

  /** Resolves when the client has gone. */
  async gone(): Promise<void> {
    if (!this.#response.destroyed && !this.#response.closed) await once(this.#response, 'close');
  }
}

export class ScriptedServer {
  readonly #server: Server;
  readonly #arrived: ScriptedRequest[] = [];
  readonly #waiting: ((request: ScriptedRequest) => void)[] = [];
  /** Requests seen so far. */
  count = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        scripted.#arrive(new ScriptedRequest(request, Buffer.concat(chunks).toString('utf8'), response));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async next(): Promise<ScriptedRequest> {
    const arrived = this.#arrived.shift();
    return arrived ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #arrive(request: ScriptedRequest): void {
    this.count += 1;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(request);
    else waiting(request);
  }
}
