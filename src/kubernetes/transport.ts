// HTTP to one API server: credentials, deadlines, size limits, JSON, errors as PortErrors. Nothing is ever repeated
// here and no redirect is followed. Watches have connections of their own: on one HTTP/2 connection a request beyond
// the stream limit would wait behind watches for ever (measured with 200 clusters).
// Longer than 250 lines for its limits and their reasons.
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../controllers/ports.ts';
import { PortError } from '../controllers/port-errors.ts';
import {
  ApiError,
  errorOfStatus,
  errorOfTimeout,
  errorOfTransport,
  parseRetryAfterMs,
  type Failure,
} from './api-error.ts';
import type { KubernetesEndpoint } from './kubeconfig.ts';
import { lineBatches } from './line-batches.ts';

export type ContentType =
  | 'application/json'
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/apply-patch+yaml';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded path without query; see resource-path.ts. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: ContentType;
  /** Default REQUEST_TIMEOUT_MS, over the whole answer. */
  readonly timeoutMs?: number;
  /** Asking again is harmless, so a lost answer is `unavailable` and not `outcomeUnknown`. Default: all but POST. */
  readonly repeatable?: boolean;
  /** The body holds a secret that the server might quote: its text stays out of our error. */
  readonly secretBody?: boolean;
}

export interface ApiAnswer {
  readonly httpStatus: number;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

/** An open watch. `next` gives the whole lines that came together (linesOf), undefined when the server closed it in good
 *  order. */
export interface LineStream {
  /** Rejects with ApiError: timeout when nothing comes for `idleMs`, broken, tooLarge, closed. */
  next(idleMs: number): Promise<Uint8Array | undefined>;
  close(): void;
}

/** A slow list of 500 big objects takes seconds; client-go's own default is longer, but we have someone waiting. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Time to the headers of a watch; the server answers at once unless it is sick. */
const STREAM_OPEN_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A page of 500 pods is about 3 MiB, of 500 nodes with long image lists 15; etcd's largest object is 1.5 MiB. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** Error bodies are Status objects of a few hundred bytes. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;
/** 1.5 MiB in etcd, escaped to JSON six bytes a character at the worst, and the old form is not sent along. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
/** What a watch holds that nobody has asked for yet. A list comes faster than it is read, and then in batches of this: some
 *  150 pods, which take 5 ms. */
const STREAM_BUFFER_BYTES = 256 * 1024;
/** Plain http (playground, tests) has no streams: sockets per server for unary calls. */
const UNARY_CONNECTIONS_MAX = 8;
/** Ten watched kinds, on http one socket each; more than that is a leak. */
const WATCH_CONNECTIONS_MAX = 32;
/** Finds a dead HTTP/2 peer long before TCP does. */
const PING_INTERVAL_MS = 15_000;
/** The kubelet rotates a token at 80 % of its hour; client-go reads it once a minute too. */
const TOKEN_FRESH_MS = 60_000;

export class Transport {
  readonly #endpoint: KubernetesEndpoint;
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #unary: Agent;
  readonly #watches: Agent;
  readonly #aborts = new Set<AbortController>();
  #token: { readonly value: string; readonly readAtMs: number } | undefined;
  #closed = false;

  constructor(endpoint: KubernetesEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    const url = new URL(endpoint.server);
    this.#origin = url.origin;
    this.#prefix = url.pathname === '/' ? '' : url.pathname;
    this.#unary = newAgent(endpoint, UNARY_CONNECTIONS_MAX);
    this.#watches = newAgent(endpoint, WATCH_CONNECTIONS_MAX);
  }

  /** The answer whatever its status. Rejects with ApiError only when there was no whole answer. */
  async send(request: ApiRequest): Promise<ApiAnswer> {
    const failure = failureOf(request);
    const timeoutMs = request.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const deadline = this.#deadline(timeoutMs, failure);
    try {
      const response = await this.#dispatch(this.#unary, request, deadline.signal);
      const ok = response.statusCode >= 200 && response.statusCode < 300;
      const bytes = await readBody(response, ok ? BODY_BYTES_MAX : ERROR_BODY_BYTES_MAX);
      return {
        httpStatus: response.statusCode,
        body: parseBody(bytes, { failure, ok, token: this.#token?.value ?? this.#endpoint.token }),
        retryAfterMs: parseRetryAfterMs(response.headers['retry-after']),
      };
    } catch (error) {
      if (deadline.passed()) throw errorOfTimeout(failure, timeoutMs);
      if (error instanceof PortError) throw error;
      throw errorOfTransport(failure, error);
    } finally {
      deadline.end();
    }
  }

  /** The body of a 2xx answer; rejects with ApiError for everything else. */
  async request(request: ApiRequest): Promise<unknown> {
    const answer = await this.send(request);
    if (answer.httpStatus >= 200 && answer.httpStatus < 300) return answer.body;
    throw errorOfStatus(failureOf(request), request.secretBody === true ? { ...answer, body: undefined } : answer);
  }

  /** Opens a watch. Rejects with ApiError when the server does not answer 200. */
  async openStream(request: ApiRequest): Promise<LineStream> {
    const failure = failureOf(request);
    const deadline = this.#deadline(STREAM_OPEN_TIMEOUT_MS, failure);
    try {
      const response = await this.#dispatch(this.#watches, request, deadline.signal);
      if (response.statusCode !== 200) {
        const bytes = await readBody(response, ERROR_BODY_BYTES_MAX);
        const body = parseBody(bytes, { failure, ok: false, token: this.#token?.value ?? this.#endpoint.token });
        throw errorOfStatus(failure, {
          httpStatus: response.statusCode,
          body,
          retryAfterMs: parseRetryAfterMs(response.headers['retry-after']),
        });
      }
      deadline.lift();
      return this.#lineStream(response, { failure, end: deadline.end, abort: deadline.abort });
    } catch (error) {
      deadline.end();
      if (deadline.passed()) throw errorOfTimeout(failure, STREAM_OPEN_TIMEOUT_MS);
      if (error instanceof PortError) throw error;
      throw errorOfTransport(failure, error);
    }
  }

  /** Breaks every open request and watch. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const abort of this.#aborts) abort.abort();
    await Promise.all([this.#unary.destroy(), this.#watches.destroy()]);
  }

  #lineStream(
    response: Dispatcher.ResponseData,
    control: { readonly failure: Failure; readonly end: () => void; readonly abort: () => void },
  ): LineStream {
    const batches = lineBatches(response.body, LINE_BYTES_MAX);
    const clock = this.#clock;
    const close = () => {
      control.abort();
      control.end();
    };
    return {
      close,
      async next(idleMs) {
        let idle = false;
        const cancel = clock.setTimer(idleMs, () => {
          idle = true;
          control.abort();
        });
        try {
          const batch = await batches.next();
          if (batch.done !== true) return batch.value;
          close();
          return undefined;
        } catch (error) {
          close();
          if (idle) throw errorOfTimeout(control.failure, idleMs);
          throw errorOfTransport(control.failure, error);
        } finally {
          cancel();
        }
      },
    };
  }

  async #dispatch(agent: Agent, request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const token = this.#freshToken();
    return await agent.request({
      origin: this.#origin,
      path: `${this.#prefix}${request.path}`,
      ...(request.query === undefined ? {} : { query: request.query }),
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': 'sluice',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal,
      ...(agent === this.#watches ? { highWaterMark: STREAM_BUFFER_BYTES } : {}),
    });
  }

  #freshToken(): string | undefined {
    const { token, tokenFile } = this.#endpoint;
    if (token !== undefined || tokenFile === undefined) return token;
    const nowMs = this.#clock.monotonicMs();
    if (this.#token === undefined || nowMs - this.#token.readAtMs >= TOKEN_FRESH_MS) {
      try {
        this.#token = { value: readFileSync(tokenFile, 'utf8').trim(), readAtMs: nowMs };
      } catch (error) {
        throw new PortError('credentials', `Cannot read the token file '${tokenFile}'`, { cause: error });
      }
    }
    return this.#token.value;
  }

  /** One short-lived signal per request: listeners on a signal that lives as long as the process would pile up. */
  #deadline(timeoutMs: number, failure: Failure) {
    if (this.#closed)
      throw new ApiError('unavailable', `Cannot ${failure.what}: connection closed`, { fault: 'closed' });
    const abort = new AbortController();
    let passed = false;
    this.#aborts.add(abort);
    const lift = this.#clock.setTimer(timeoutMs, () => {
      passed = true;
      abort.abort();
    });
    return {
      signal: abort.signal,
      passed: () => passed,
      lift,
      abort: () => abort.abort(),
      end: () => {
        lift();
        this.#aborts.delete(abort);
      },
    };
  }
}

function newAgent(endpoint: KubernetesEndpoint, connections: number): Agent {
  return new Agent({
    allowH2: true,
    connections,
    // Deadlines are ours (Clock), over the whole answer; undici's would end a quiet watch.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    h2Options: { pingInterval: PING_INTERVAL_MS },
    connect: {
      rejectUnauthorized: true,
      ...(endpoint.caPem === undefined ? {} : { ca: endpoint.caPem }),
      ...(endpoint.clientCertPem === undefined ? {} : { cert: endpoint.clientCertPem }),
      ...(endpoint.clientKeyPem === undefined ? {} : { key: endpoint.clientKeyPem }),
      ...(endpoint.tlsServerName === undefined ? {} : { servername: endpoint.tlsServerName }),
    },
  });
}

function failureOf(request: ApiRequest): Failure {
  return { what: `${request.method} ${request.path}`, repeatable: request.repeatable ?? request.method !== 'POST' };
}

async function readBody(response: Dispatcher.ResponseData, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop destroys the body, and with it the stream.
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new ApiError('unavailable', `Cannot read the answer as it must be at most ${bytesMax} bytes`, {
        fault: 'tooLarge',
        httpStatus: response.statusCode,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function parseBody(
  bytes: Buffer,
  about: { readonly failure: Failure; readonly ok: boolean; readonly token: string | undefined },
): unknown {
  if (bytes.length === 0) return undefined;
  let text = bytes.toString('utf8');
  if (!about.ok && about.token !== undefined) text = text.replaceAll(about.token, '[token]');
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Proxies answer errors as HTML or text: the status says enough.
    if (!about.ok) return undefined;
    throw new ApiError(
      about.failure.repeatable ? 'unavailable' : 'outcomeUnknown',
      `Cannot ${about.failure.what}: the answer must be JSON`,
      { fault: 'broken', cause },
    );
  }
}
