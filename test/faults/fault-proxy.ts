// An HTTP proxy on loopback in front of an OpenStack: of a clouds.yaml it needs the address of Keystone; the other
// services it finds in the catalog that passes through, and writes itself in their place. What it does to an exchange is
// drawn (fault-kinds.ts); each fault is kept with seed and step. Bodies are read as a whole: they are small here.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Draw, Exchange, Fault, LoggedFault } from './fault-kinds.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface FaultProxyOptions {
  readonly seed: number;
  readonly draw: Draw;
  /** Called with every token that Keystone gives. */
  readonly onToken?: (token: string) => void;
  /** Called for every exchange before it goes on and before its answer goes back: where a run kills its controller. */
  readonly onSide?: (exchange: Exchange, side: 'request' | 'answer') => void;
}

/** Of one list: enough for the seconds that a stale answer is old. */
const ANSWERS_KEPT = 32;
const SLOW_PARTS = 10;

export class FaultProxy {
  readonly faults: LoggedFault[] = [];
  /** Exchanges by label. */
  readonly counts = new Map<string, number>();
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  /** Origin of a service → name of its route here. */
  readonly #routes = new Map<string, string>();
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Answer }[]>();
  #draw: Draw;
  #steps = 0;
  #url = '';
  #closed = false;
  #cut = false;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#draw = options.draw;
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    this.#url = `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#agent.destroy();
  }

  /** Nobody gets an answer any more, and nothing new is sent on; what was sent on is carried out. */
  cut(): void {
    this.#cut = true;
    this.#server.closeAllConnections();
  }

  mend(): void {
    this.#cut = false;
  }

  /** From now on. */
  setDraw(draw: Draw): void {
    this.#draw = draw;
  }

  /** `text` (a clouds.yaml) with the address of Keystone replaced by the proxy's. */
  inFrontOf(text: string): string {
    const auth = /auth_url["']?\s*:\s*["']?(https?:\/\/[^\s"',}]+)/.exec(text)?.[1];
    if (auth === undefined) throw new Error('the clouds.yaml has no auth_url');
    this.#learn(auth);
    return this.#rewritten(text);
  }

  /** Exchanges whose label matches. */
  count(label: RegExp): number {
    return [...this.counts].reduce((sum, [name, times]) => (label.test(name) ? sum + times : sum), 0);
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    if (this.#cut) {
      outgoing.destroy();
      return;
    }
    const label = labelOf(method, url);
    const ordinal = (this.counts.get(label) ?? 0) + 1;
    this.counts.set(label, ordinal);
    this.#steps += 1;
    const exchange = { method, label, ordinal, url };
    const fault = this.#draw(exchange);
    if (fault !== undefined) this.faults.push({ ...exchange, seed: this.#options.seed, step: this.#steps, fault });
    this.#options.onSide?.(exchange, 'request');
    const send = async (): Promise<Answer> => {
      const answer = await this.#forward(incoming, Buffer.concat(chunks));
      if (method === 'GET') this.#keep(url, answer);
      this.#options.onSide?.(exchange, 'answer');
      return answer;
    };
    if (fault === undefined) return reply(outgoing, await send());
    if (fault.kind === 'echo') return reply(outgoing, echo(incoming, Buffer.concat(chunks).toString()));
    await this.#strike(fault, { url, outgoing, send });
  }

  async #strike(
    fault: Exclude<Fault, { kind: 'echo' }>,
    on: { readonly url: string; readonly outgoing: ServerResponse; readonly send: () => Promise<Answer> },
  ): Promise<void> {
    const { outgoing, send, url } = on;
    switch (fault.kind) {
      case 'dropAnswer':
        await send();
        outgoing.destroy();
        return;
      case 'delay': {
        const answer = await send();
        await sleep(fault.ms);
        return reply(outgoing, answer);
      }
      case 'resetBefore':
        outgoing.destroy();
        return;
      case 'resetInAnswer': {
        const { status, headers, body } = await send();
        outgoing.writeHead(status, { ...headers, 'content-length': body.length + 1 });
        outgoing.write(body.subarray(0, Math.ceil(body.length / 2)), () => outgoing.destroy());
        return;
      }
      case 'truncate': {
        const answer = await send();
        return reply(outgoing, { ...answer, body: answer.body.subarray(0, Math.floor(answer.body.length / 2)) });
      }
      case 'throttle':
        return reply(outgoing, refusal(429, { 'retry-after': String(fault.retryAfterSeconds) }));
      case 'errorBefore':
        return reply(outgoing, refusal(fault.status));
      case 'errorAfter':
        await send();
        return reply(outgoing, refusal(fault.status));
      case 'duplicate': {
        const first = await send();
        const second = await send();
        return reply(outgoing, fault.answer === 'first' ? first : second);
      }
      case 'late':
        outgoing.destroy();
        await sleep(fault.ms);
        if (!this.#closed) await send();
        return;
      case 'stale':
        return reply(outgoing, this.#keptSince(url, fault.ms) ?? (await send()));
      case 'slowBody': {
        const { status, headers, body } = await send();
        outgoing.writeHead(status, { ...headers, 'content-length': body.length });
        const part = Math.ceil(body.length / SLOW_PARTS);
        for (let at = 0; at < body.length && !outgoing.destroyed; at += part) {
          outgoing.write(body.subarray(at, at + part));
          await sleep(fault.ms / SLOW_PARTS);
        }
        outgoing.end();
        return;
      }
    }
  }

  async #forward(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = incoming.headers;
    const [, route = '', rest = '/'] = /^\/([^/]*)(\/.*)$/.exec(incoming.url ?? '/') ?? [];
    const origin = [...this.#routes].find(([, name]) => name === route)?.[0];
    if (origin === undefined) return refusal(502);
    const answer = await request(`${origin}${rest}`, {
      method: (incoming.method ?? 'GET') as 'GET',
      headers: textHeaders(headers),
      dispatcher: this.#agent,
      ...(body.length === 0 ? {} : { body }),
    });
    const text = await answer.body.text();
    const token = answer.headers['x-subject-token'];
    if (typeof token === 'string') this.#options.onToken?.(token);
    const { 'transfer-encoding': _encoding, connection: _close, 'content-length': _size, ...back } = answer.headers;
    if (text.includes('"catalog"')) {
      for (const [, url] of text.matchAll(/"url":\s*"(https?:\/\/[^"]+)"/g)) this.#learn(url ?? '');
    }
    const rewritten = Object.entries(textHeaders(back)).map(([name, value]) => [name, this.#rewritten(value)]);
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(rewritten),
      body: Buffer.from(this.#rewritten(text)),
    };
  }

  #learn(url: string): void {
    const { origin, port } = new URL(url);
    if (origin !== this.#url && !this.#routes.has(origin)) this.#routes.set(origin, `at-${port}`);
  }

  #rewritten(text: string): string {
    let out = text;
    for (const [origin, route] of this.#routes) out = out.replaceAll(origin, `${this.#url}/${route}`);
    return out;
  }

  #keep(url: string, answer: Answer): void {
    if (answer.status !== 200 || /\/[0-9a-f]{8}-[^/]*$/.test(url.split('?')[0] ?? '')) return;
    const kept = this.#answers.get(url) ?? [];
    kept.push({ atMs: Date.now(), answer });
    this.#answers.set(url, kept.slice(-ANSWERS_KEPT));
  }

  #keptSince(url: string, ms: number): Answer | undefined {
    return this.#answers.get(url)?.findLast(({ atMs }) => atMs <= Date.now() - ms)?.answer;
  }
}

function textHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  );
  return Object.fromEntries(entries);
}

/** As a balancer answers: an HTML page, no word of the service's. */
function refusal(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(`<html><body>${status}</body></html>`);
  return { status, headers: { 'content-type': 'text/html', ...headers }, body };
}

/** In the shapes of Keystone, Nova and Neutron at once; some of their errors do quote what they were sent. */
function echo(incoming: IncomingMessage, text: string): Answer {
  const message = `Invalid input for ${text} with ${JSON.stringify(incoming.headers)}`;
  const shapes = {
    error: { code: 400, title: 'Bad Request', message },
    badRequest: { code: 400, message },
    NeutronError: { type: 'HTTPBadRequest', message, detail: text },
  };
  const body = Buffer.from(JSON.stringify(shapes));
  return { status: 400, headers: { 'content-type': 'application/json' }, body };
}

function reply(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, status === 204 ? { ...headers } : { ...headers, 'content-length': body.length });
  outgoing.end(body);
}

/** One label for the same request of every claim: the route and the query dropped, ids and generated names starred out. */
export function labelOf(method: string, url: string): string {
  const path = (url.split('?')[0] ?? '')
    .replace(/^\/at-\d+/, '')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '*')
    .replaceAll(/\/[0-9a-f]{32}(?=\/|$)/g, '/*');
  return `${method} ${path}`;
}
