// One HTTP exchange with an OpenStack service: limits, no redirects, no repetition, and the truth about lost answers.
// Knows nothing of tokens, versions or resources; what a failure means is in http-failure.ts, where we connect to in
// address-policy.ts.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { AddressPolicy, type AddressRules } from './address-policy.ts';
import { cancelled, describe, refusal, transportError } from './http-failure.ts';
import { OpenStackError } from './openstack-error.ts';
import { withholdSecrets } from './withhold-secrets.ts';

export interface HttpOptions {
  /** PEM of the CA that signs the services' certificates; absent: the system's. */
  readonly caPem?: string | undefined;
  /** false: certificates are not checked (`verify: false` of clouds.yaml). */
  readonly verify?: boolean;
  /** PEM of a client certificate and of its key, for services that ask for one. The certificate may hold the key too. */
  readonly certPem?: string | undefined;
  readonly keyPem?: string | undefined;
  /** Absent: loopback allowed, link-local and metadata addresses not. */
  readonly addresses?: AddressRules;
  readonly readTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
  readonly bodyBytesMax?: number;
  /** Told of each exchange, for logs. The path carries no query. */
  readonly onExchange?: (exchange: HttpExchange) => void;
}

export interface HttpExchange {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestId: string | undefined;
}

export interface CallOptions {
  /** Ends the call: what waits is not sent, what runs is cut off. A read, or what was not sent, then rejects as `cancelled`; a
   *  write under way as `lost`. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpRequest extends CallOptions {
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Statuses of 300 and above that are answers here, e.g. 300 of a list of versions. */
  readonly alsoAccepted?: readonly number[];
  /** Told of this exchange instead of the channel's listener: a shared channel serves several sessions. */
  readonly onExchange?: ((exchange: HttpExchange) => void) | undefined;
}

export interface HttpAnswer {
  readonly service: string;
  readonly method: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed JSON; undefined when there is no body. */
  readonly body: unknown;
  readonly requestId: string | undefined;
}

/** A list of 250 servers takes a busy Nova about 2 s; past 30 s its own proxies give up. */
export const READ_TIMEOUT_MS = 30_000;
/** POST /servers was measured at 5 s under load; HAProxy in front of Nova is usually set to 60 s. */
export const WRITE_TIMEOUT_MS = 60_000;
/** 250 servers with the most metadata that Nova allows are 17 MB. */
const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** Node's own limit, so that nobody's command line raises it: 16 KiB hold a hundred headers, and OpenStack sends ten. */
const HEADER_BYTES_MAX = 16 * 1024;
/** `req-` and a UUID are 40; it goes into logs and errors. */
const REQUEST_ID_CHARS_MAX = 128;
const CONNECT_TIMEOUT_MS = 10_000; // loopback to intercontinental is below 1 s; the rest is a black hole
const CONNECTIONS_PER_ORIGIN = 8; // as many as the request budget lets fly

/** Sends requests, each exactly once. Reads share kept connections; every write takes a connection of its own, because a
 *  kept one may be closed by the server while we write, and then nobody can tell whether the request was taken. */
export class HttpChannel {
  readonly #options: HttpOptions;
  readonly #reads: Agent;
  readonly #writes: Agent;
  readonly #addresses: AddressPolicy;

  /** Throws an OpenStackError of kind `config` when a certificate or key is not usable. */
  constructor(options: HttpOptions = {}) {
    this.#options = options;
    this.#addresses = new AddressPolicy(options.addresses ?? { loopback: true });
    const connect = { timeout: CONNECT_TIMEOUT_MS, lookup: this.#addresses.lookup, ...tlsOptions(options) };
    const limits = { connect, connections: CONNECTIONS_PER_ORIGIN, maxHeaderSize: HEADER_BYTES_MAX };
    this.#reads = new Agent({ ...limits, pipelining: 1 });
    this.#writes = new Agent({ ...limits, pipelining: 0 });
  }

  async close(): Promise<void> {
    await Promise.all([this.#reads.destroy(), this.#writes.destroy()]);
  }

  /** Rejects with an OpenStackError: `refused` for any status of 300 and above, else as its kinds say. */
  async send(input: HttpRequest): Promise<HttpAnswer> {
    const startedMs = performance.now();
    const timeoutMs = this.#timeoutMs(input);
    const timeout = AbortSignal.timeout(timeoutMs);
    let status = 0;
    let requestId: string | undefined;
    try {
      this.#checkAddress(input);
      if (input.signal?.aborted === true) throw cancelled(input, input.signal.reason);
      const signal = input.signal === undefined ? timeout : AbortSignal.any([timeout, input.signal]);
      const response = await this.#exchange(input, signal);
      status = response.statusCode;
      const headers = plainHeaders(response.headers);
      requestId = requestIdOf(headers);
      const text = await readBody(response.body, this.#options.bodyBytesMax ?? BODY_BYTES_MAX);
      if (status >= 300 && input.alsoAccepted?.includes(status) !== true) {
        throw refusal(input, { status, headers, body: parseJson(withholdSecrets(text, input)), requestId });
      }
      const body = parseBody(input, { text, requestId, status });
      return { service: input.service, method: input.method, status, headers, body, requestId };
    } catch (error) {
      if (error instanceof OpenStackError) throw error;
      const endedBy = input.signal?.aborted === true ? 'caller' : timeout.aborted ? 'timeout' : undefined;
      throw transportError(input, { error, endedBy, timeoutMs, status, requestId });
    } finally {
      (input.onExchange ?? this.#options.onExchange)?.({
        service: input.service,
        method: input.method,
        path: input.url.pathname,
        status,
        durationMs: performance.now() - startedMs,
        requestId,
      });
    }
  }

  #timeoutMs(input: HttpRequest): number {
    return input.method === 'GET'
      ? (this.#options.readTimeoutMs ?? READ_TIMEOUT_MS)
      : (this.#options.writeTimeoutMs ?? WRITE_TIMEOUT_MS);
  }

  /** Addresses in the URL itself are not looked up, so the connection does not judge them. */
  #checkAddress(input: HttpRequest): void {
    const why = this.#addresses.refusal(input.url.hostname);
    if (why === undefined) return;
    throw new OpenStackError('config', `${describe(input)}: the endpoint is not used: ${why}`, {
      service: input.service,
      method: input.method,
    });
  }

  #exchange(input: HttpRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return (input.method === 'GET' ? this.#reads : this.#writes).request({
      origin: input.url.origin,
      path: `${input.url.pathname}${input.url.search}`,
      method: input.method,
      headers: {
        accept: 'application/json',
        ...input.headers,
        ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: input.body === undefined ? null : JSON.stringify(input.body),
      signal,
    });
  }
}

/** Read here once, so that a file that is no certificate is a wrong setting and not a failed connection. The library's
 *  message is not passed on: it may quote what it read. */
function tlsOptions(options: HttpOptions) {
  const { caPem, certPem, keyPem } = options;
  const tls = {
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(certPem === undefined ? {} : { cert: certPem, key: keyPem ?? certPem }),
  };
  if (caPem === undefined && certPem === undefined)
    return options.verify === false ? { rejectUnauthorized: false } : {};
  try {
    if (caPem !== undefined) new X509Certificate(caPem).toString(); // a context takes any text for a CA
    createSecureContext(tls);
  } catch {
    throw new OpenStackError('config', 'cacert, cert or key cannot be used: they must be PEM, and cert and key a pair');
  }
  return options.verify === false ? { ...tls, rejectUnauthorized: false } : tls;
}

async function readBody(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new RangeError(`the answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(
  input: HttpRequest,
  answer: { readonly text: string; readonly requestId: string | undefined; readonly status: number },
): unknown {
  if (answer.text.trim() === '') return undefined;
  const body = parseJson(answer.text);
  if (body !== undefined) return body;
  throw new OpenStackError('malformed', `${describe(input)}: the answer is not JSON`, {
    service: input.service,
    method: input.method,
    status: answer.status,
    requestId: answer.requestId,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // error pages of proxies are HTML; the caller says what that means
  }
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): ReadonlyMap<string, string> {
  const plain = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain.set(name.toLowerCase(), Array.isArray(value) ? (value[0] ?? '') : value);
  }
  return plain;
}

function requestIdOf(headers: ReadonlyMap<string, string>): string | undefined {
  const id = headers.get('x-openstack-request-id') ?? headers.get('x-compute-request-id');
  return id?.slice(0, REQUEST_ID_CHARS_MAX);
}
