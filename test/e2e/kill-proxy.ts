// A loopback reverse proxy in front of one service. It sees each request and each answer, and can have the controller
// killed at either: before the request goes on (the step never happened) or before the answer goes back (it happened,
// and nobody knows). The product has no crash hooks; this is the network it runs on.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'undici';

export interface Upstream {
  readonly base: string;
  readonly ca?: string;
}

export interface Step {
  /** e.g. `management PUT …/nodeclaims/*\/status`; the same for every claim. */
  readonly label: string;
}

export interface KillPoint {
  readonly label: string;
  /** The how many-th step of this label since arming, from 1. */
  readonly ordinal: number;
  readonly side: 'request' | 'answer';
}

/** Shared by all proxies of a run: what was seen, and where to strike. */
export class KillSwitch {
  readonly seen: Step[] = [];
  #armed: KillPoint | undefined;
  #count = 0;
  #kill: () => void = () => undefined;
  fired = false;

  arm(point: KillPoint | undefined, kill: () => void): void {
    this.#armed = point;
    this.#count = 0;
    this.#kill = kill;
    this.fired = false;
    this.seen.length = 0;
  }

  /** True when this step, at this side, is the one: the controller is dead when this returns. */
  strikes(label: string, side: 'request' | 'answer'): boolean {
    if (side === 'request') {
      this.seen.push({ label });
      if (this.#armed?.label === label) this.#count += 1;
    }
    const point = this.#armed;
    if (this.fired || point === undefined || point.label !== label || point.side !== side) return false;
    if (this.#count !== point.ordinal) return false;
    this.fired = true;
    this.#kill();
    return true;
  }
}

/** One label for the same step of every claim: ids and generated names are starred out, queries dropped. */
export function stepLabel(plane: string, method: string, url: string): string {
  const path = (url.split('?')[0] ?? '')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '*')
    .replaceAll(/-node-[0-9a-f]{6}/g, '-node-*')
    .replaceAll(/bootstrap-token-[a-z0-9]{6}/g, 'bootstrap-token-*')
    .replaceAll(/\/[0-9a-f]{32}(?=\/|$)/g, '/*');
  return `${plane} ${method} ${path}`;
}

export class KillProxy {
  readonly #plane: string;
  readonly #upstream: Upstream;
  readonly #switch: KillSwitch;
  readonly #agent: Agent;
  readonly #server: Server;

  constructor(plane: string, upstream: Upstream, killSwitch: KillSwitch) {
    this.#plane = plane;
    this.#upstream = upstream;
    this.#switch = killSwitch;
    this.#agent = new Agent({
      bodyTimeout: 0,
      headersTimeout: 0,
      ...(upstream.ca === undefined ? {} : { connect: { ca: upstream.ca } }),
    });
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  /** Listens on loopback; returns the base URL to give to the product. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return `http://127.0.0.1:${address.port}${new URL(this.#upstream.base).pathname.replace(/\/$/, '')}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#agent.destroy();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming;
    const label = stepLabel(this.#plane, method, url);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    if (this.#switch.strikes(label, 'request')) {
      outgoing.destroy();
      return;
    }
    const abort = new AbortController();
    outgoing.once('close', () => abort.abort());
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    const origin = new URL(this.#upstream.base).origin;
    const answer = await request(`${origin}${url}`, {
      method: method as 'GET',
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
        string,
        string
      >,
      dispatcher: this.#agent,
      signal: abort.signal,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    if (this.#switch.strikes(label, 'answer')) {
      outgoing.destroy();
      await answer.body.dump().catch(() => undefined);
      return;
    }
    const { 'transfer-encoding': _encoding, connection: _close, ...back } = answer.headers;
    outgoing.writeHead(
      answer.statusCode,
      Object.fromEntries(Object.entries(back).filter(([, value]) => value !== undefined)),
    );
    outgoing.flushHeaders();
    for await (const chunk of answer.body) outgoing.write(chunk);
    outgoing.end();
  }
}
