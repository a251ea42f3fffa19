// What went wrong with one exchange, as an OpenStackError: a refusal of the service, or a connection that failed. Decides
// whether a request can have reached the service.
import { ADDRESS_REFUSED } from './address-policy.ts';
import type { HttpRequest } from './http.ts';
import { OpenStackError, readFault } from './openstack-error.ts';

/** The error for an answer of status 300 and above. */
export function refusal(
  input: HttpRequest,
  answer: {
    readonly status: number;
    readonly headers: ReadonlyMap<string, string>;
    /** Parsed; undefined when it is not JSON. */
    readonly body: unknown;
    readonly requestId: string | undefined;
  },
): OpenStackError {
  const fault = readFault(answer.body);
  const why = answer.status < 400 ? 'redirects are not followed' : (fault?.message ?? 'no reason given');
  return new OpenStackError('refused', `${describe(input)}: ${answer.status} ${why}`, {
    service: input.service,
    method: input.method,
    status: answer.status,
    fault,
    requestId: answer.requestId,
    retryAfterMs: readRetryAfter(answer.headers.get('retry-after'), answer.headers.get('date')),
  });
}

/** No service asks for more than a few minutes; a day of silence would be a mistake. */
const RETRY_AFTER_MS_MAX = 10 * 60_000;

/** Both forms of RFC 9110 §10.2.3: seconds, or a date, which is compared with the answer's own `Date` so that the clocks need
 *  not agree. A date that has passed is 0; anything else is nothing. */
export function readRetryAfter(value: string | undefined, dateOfAnswer: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Math.min(Number(value) * 1000, RETRY_AFTER_MS_MAX);
  if (!/^[A-Z][a-z]+, .* GMT$/.test(value)) return undefined;
  const untilMs = Date.parse(value);
  const saidMs = Date.parse(dateOfAnswer ?? '');
  if (Number.isNaN(untilMs)) return undefined;
  const nowMs = Number.isNaN(saidMs) ? Date.now() : saidMs;
  return Math.min(Math.max(0, untilMs - nowMs), RETRY_AFTER_MS_MAX);
}

export interface BrokenExchange {
  readonly error: unknown;
  /** Who ended it, if it was one of ours. */
  readonly endedBy: 'caller' | 'timeout' | undefined;
  readonly timeoutMs: number;
  /** 0 = no answer began. */
  readonly status: number;
  readonly requestId: string | undefined;
}

/** The error for an exchange that came to no whole answer. */
export function transportError(input: HttpRequest, what: BrokenExchange): OpenStackError {
  const options = { service: input.service, method: input.method, requestId: what.requestId, cause: what.error };
  if (codeOf(what.error) === ADDRESS_REFUSED) {
    return new OpenStackError('config', `${describe(input)}: ${errorText(what.error)}`, options);
  }
  const unsent = what.status === 0 && neverSent(what.error);
  if (what.endedBy === 'caller' && (unsent || input.method === 'GET')) return cancelled(input, what.error);
  const reasons = { caller: 'cut off by the caller', timeout: `no whole answer within ${what.timeoutMs} ms` };
  const reason = what.endedBy === undefined || unsent ? errorText(what.error) : reasons[what.endedBy];
  return new OpenStackError(unsent ? 'unreachable' : 'lost', `${describe(input)}: ${reason}`, options);
}

/** The caller's signal ended it, and there is nothing to look for. */
export function cancelled(
  input: { readonly service: string; readonly method: string },
  cause: unknown,
): OpenStackError {
  return new OpenStackError('cancelled', `${input.service} ${input.method}: cut off by the caller`, {
    service: input.service,
    method: input.method,
    cause,
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
  const code = codeOf(error);
  const text = error.message === '' ? error.name : error.message;
  return typeof code === 'string' && code !== ADDRESS_REFUSED && !text.includes(code) ? `${text} (${code})` : text;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
}

export function describe(input: HttpRequest): string {
  return `${input.service} ${input.method} ${input.url.pathname}`;
}
