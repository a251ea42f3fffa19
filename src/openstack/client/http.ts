// One HTTP exchange with an OpenStack service: limits, no redirects, no repetition, and the truth about lost answers.
// Decides whether a request can have reached the service. Knows nothing of tokens, versions or resources.
import { Agent, type Dispatcher } from 'undici';
import { OpenStackError, readFault } from './openstack-error.ts';
import { withholdSecrets } from './withhold-secrets.ts';

export interface HttpOptions {
  /** PEM of the CA that signs the services' certificates; absent: the system's. */
  readonly caPem?: string | undefined;
  /** false: certificates are not checked (`verify: false` of clouds.yaml). */
  readonly verify?: boolean;
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

export interface HttpRequest {
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
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
const CONNECT_TIMEOUT_MS = 10_000; // loopback to intercontinental is below 1 s; the rest is a black hole
const CONNECTIONS_PER_ORIGIN = 8; // as many as the request budget lets fly

/** Sends requests, each exactly once. Reads share kept connections; every write takes a connection of its own, because a
 *  kept one may be closed by the server while we write, and then nobody can tell whether the request was taken. */
export class HttpChannel {
  readonly #options: HttpOptions;
  readonly #reads: Agent;
  readonly #writes: Agent;

  constructor(options: HttpOptions = {}) {
    this.#options = options;
    const connect = {
      timeout: CONNECT_TIMEOUT_MS,
      ...(options.caPem === undefined ? {} : { ca: options.caPem }),
      ...(options.verify === false ? { rejectUnauthorized: false } : {}),
    };
    this.#reads = new Agent({ connect, connections: CONNECTIONS_PER_ORIGIN, pipelining: 1 });
    this.#writes = new Agent({ connect, connections: CONNECTIONS_PER_ORIGIN, pipelining: 0 });
  }

  async close(): Promise<void> {
    await Promise.all([this.#reads.destroy(), this.#writes.destroy()]);
  }

  /** Rejects with an OpenStackError: `refused` for any status of 300 and above, else as its kinds say. */
  async send(input: HttpRequest): Promise<HttpAnswer> {
    const startedMs = performance.now();
    const isRead = input.method === 'GET';
    const timeoutMs = isRead
      ? (this.#options.readTimeoutMs ?? READ_TIMEOUT_MS)
      : (this.#options.writeTimeoutMs ?? WRITE_TIMEOUT_MS);
    const signal = AbortSignal.timeout(timeoutMs);
    let status = 0;
    let requestId: string | undefined;
    try {
      const response = await (isRead ? this.#reads : this.#writes).request({
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
      status = response.statusCode;
      const headers = plainHeaders(response.headers);
      requestId = headers.get('x-openstack-request-id') ?? headers.get('x-compute-request-id');
      const text = await readBody(response.body, this.#options.bodyBytesMax ?? BODY_BYTES_MAX);
      if (status >= 300) throw refusal(input, { status, headers, text, requestId });
      const body = parseBody(input, { text, requestId, status });
      return { service: input.service, method: input.method, status, headers, body, requestId };
    } catch (error) {
      throw error instanceof OpenStackError
        ? error
        : transportError(input, { error, timedOut: signal.aborted, timeoutMs, status, requestId });
    } finally {
      this.#options.onExchange?.({
        service: input.service,
        method: input.method,
        path: input.url.pathname,
        status,
        durationMs: performance.now() - startedMs,
        requestId,
      });
    }
  }
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

function refusal(
  input: HttpRequest,
  answer: {
    readonly status: number;
    readonly headers: ReadonlyMap<string, string>;
    readonly text: string;
    readonly requestId: string | undefined;
  },
): OpenStackError {
  const fault = readFault(parseJson(withholdSecrets(answer.text, input)));
  const why = answer.status < 400 ? 'redirects are not followed' : (fault?.message ?? 'no reason given');
  return new OpenStackError('refused', `${describe(input)}: ${answer.status} ${why}`, {
    service: input.service,
    method: input.method,
    status: answer.status,
    fault,
    requestId: answer.requestId,
    retryAfterMs: readRetryAfter(answer.headers.get('retry-after')),
  });
}

/** No service asks for more than a few minutes; a day of silence would be a mistake. */
const RETRY_AFTER_MS_MAX = 10 * 60_000;

function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,6}$/.test(value)) return undefined; // the date form is unknown in OpenStack
  return Math.min(Number(value) * 1000, RETRY_AFTER_MS_MAX);
}

function transportError(
  input: HttpRequest,
  what: {
    readonly error: unknown;
    readonly timedOut: boolean;
    readonly timeoutMs: number;
    readonly status: number;
    readonly requestId: string | undefined;
  },
): OpenStackError {
  const unsent = what.status === 0 && neverSent(what.error);
  const reason = what.timedOut && !unsent ? `no whole answer within ${what.timeoutMs} ms` : errorText(what.error);
  return new OpenStackError(unsent ? 'unreachable' : 'lost', `${describe(input)}: ${reason}`, {
    service: input.service,
    method: input.method,
    requestId: what.requestId,
    cause: what.error,
  });
}

/** True only when no connection came about, so no byte of the request left. Node names the failed call of the socket;
 *  a TLS handshake that fails names the certificate's fault instead. */
function neverSent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverSent);
  if (typeof error !== 'object' || error === null) return false;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT') return true;
  return typeof code === 'string' && CERTIFICATE_CODES.has(code);
}

const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  const { code } = error as { code?: unknown };
  const text = error.message === '' ? error.name : error.message;
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text;
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): ReadonlyMap<string, string> {
  const plain = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain.set(name.toLowerCase(), Array.isArray(value) ? (value[0] ?? '') : value);
  }
  return plain;
}

function describe(input: HttpRequest): string {
  return `${input.service} ${input.method} ${input.url.pathname}`;
}
