// Answers and failures of an API server, as PortErrors. Decides by HTTP status, never by text. The text of a Status is
// kept for people, cut short and with our own token taken out, since a hostile server may send it back.
import { PortError, type PortErrorCode, type Retry } from '../controllers/port-errors.ts';
import type { WatchEvent } from './watch-protocol.ts';

/** What went wrong below HTTP; `status`: the server answered, with an error. */
export type ApiFault = 'status' | 'unsent' | 'timeout' | 'broken' | 'tooLarge' | 'closed';

/** A PortError that remembers the HTTP status: list-watch needs 410, evictions 429. */
export class ApiError extends PortError {
  readonly fault: ApiFault;
  /** 0 when there was no answer. */
  readonly httpStatus: number;

  constructor(
    code: PortErrorCode,
    message: string,
    options: {
      readonly fault: ApiFault;
      readonly httpStatus?: number;
      readonly retry?: Retry;
      readonly cause?: unknown;
    },
  ) {
    super(code, message, {
      ...(options.cause === undefined ? {} : { cause: options.cause }),
      ...(options.retry === undefined ? {} : { retry: options.retry }),
    });
    this.name = 'ApiError';
    this.fault = options.fault;
    this.httpStatus = options.httpStatus ?? 0;
  }
}

export interface Failure {
  /** `PATCH /api/v1/nodes/x`, without query. */
  readonly what: string;
  /** Repeating is harmless: a lost answer is `unavailable`, not `outcomeUnknown`. */
  readonly repeatable: boolean;
}

/** Longest server text in a message of ours; a webhook's denial fits, a page of HTML does not. */
const SERVER_TEXT_LENGTH_MAX = 512;
/** A server may ask for hours; we look again sooner, because the reason may have gone. */
const RETRY_AFTER_MS_MAX = 300_000;

/** The error for an answer with `httpStatus` outside 2xx. `body` is the parsed Status object, if it was one. */
export function errorOfStatus(
  failure: Failure,
  answer: { readonly httpStatus: number; readonly body: unknown; readonly retryAfterMs: number | undefined },
): ApiError {
  const { httpStatus, retryAfterMs } = answer;
  const code = codeOfStatus(httpStatus, failure.repeatable);
  const text = statusText(answer.body);
  return new ApiError(code, `Cannot ${failure.what}: HTTP ${httpStatus}${text === '' ? '' : `: ${text}`}`, {
    fault: 'status',
    httpStatus,
    ...(retryAfterMs === undefined || code === 'outcomeUnknown' ? {} : { retry: { kind: 'after', ms: retryAfterMs } }),
  });
}

function codeOfStatus(httpStatus: number, repeatable: boolean): PortErrorCode {
  switch (httpStatus) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return 'invalidSpec';
    case 401:
      return 'credentials';
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
      return 'conflict';
    case 429:
      return 'throttled';
    // The server, or a proxy before it, gave up in the middle: the write may stand. 503 is said before anything is done.
    case 500:
    case 502:
    case 504:
      return repeatable ? 'unavailable' : 'outcomeUnknown';
    default:
      return 'unavailable';
  }
}

/** Codes of connections that never came about: the request cannot have been seen. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** The error for a request that got no (whole) answer. */
export function errorOfTransport(failure: Failure, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const causeCode = codeOf(cause);
  const unsent = UNSENT.has(causeCode);
  const code = unsent || failure.repeatable ? 'unavailable' : 'outcomeUnknown';
  return new ApiError(
    code,
    `Cannot ${failure.what}: no answer (${causeCode === '' ? 'connection broken' : causeCode})`,
    {
      fault: unsent ? 'unsent' : 'broken',
      cause,
    },
  );
}

/** The error for a request whose time was up. */
export function errorOfTimeout(failure: Failure, timeoutMs: number): ApiError {
  return new ApiError(
    failure.repeatable ? 'unavailable' : 'outcomeUnknown',
    `Cannot ${failure.what}: no answer within ${timeoutMs} ms`,
    { fault: 'timeout' },
  );
}

/** Milliseconds of a Retry-After header in seconds; undefined when there is none that can be read. */
export function parseRetryAfterMs(header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || !/^\d{1,6}$/.test(text)) return undefined;
  return Math.min(Number(text) * 1000, RETRY_AFTER_MS_MAX);
}

/** Message of a Status object for people to read; empty when it is not one. */
export function statusText(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('message' in body) || typeof body.message !== 'string') return '';
  return body.message.slice(0, SERVER_TEXT_LENGTH_MAX);
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : '';
}

/** What an event of a watch that is no change says; `path` is the collection's. */
export function watchError(event: Extract<WatchEvent, { kind: 'error' | 'malformed' }>, path: string): ApiError {
  return event.kind === 'error'
    ? new ApiError('unavailable', `Cannot watch ${path}: the server sent error ${event.httpStatus}`, {
        fault: 'status',
        httpStatus: event.httpStatus,
      })
    : new ApiError('unavailable', `Cannot watch ${path} as an event must be JSON of a known type`, { fault: 'broken' });
}
