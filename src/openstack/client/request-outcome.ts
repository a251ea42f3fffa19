// What a request's end says: of its service's health, of the project's rate; and the errors of requests that were not sent.
import { OpenStackError } from './openstack-error.ts';
import type { ServiceOutcome } from './service-breaker.ts';

/** Never left this process: there is nothing to look for. */
export function notSent(service: string, why: string): OpenStackError {
  return new OpenStackError('unreachable', `${service}: not sent: ${why}`, { service });
}

/** As the cloud's own 429, which it comes of or forestalls. */
export function throttled(service: string, why: string, retryAfterMs?: number): OpenStackError {
  return new OpenStackError('refused', `${service}: not sent: ${why}`, { service, status: 429, retryAfterMs });
}

export function paused(service: string, pausedMs: number): OpenStackError {
  const why = `the cloud asked this project to wait ${Math.ceil(pausedMs / 1000)} s more (429)`;
  return throttled(service, why, pausedMs);
}

/** Nova said 413 for it in its old days; without a time to wait that is a body which is too large. */
export function isThrottling(error: OpenStackError): boolean {
  return error.status === 429 || (error.status === 413 && error.retryAfterMs !== undefined);
}

/** What an error says of the service's health. 501 is an answer; what cannot be read may be a proxy's page. */
export function outcomeOf(error: unknown): ServiceOutcome {
  if (!(error instanceof OpenStackError) || isClosed(error.cause)) return 'unclear';
  if (error.kind === 'unreachable' || error.kind === 'lost') return 'failed';
  if (error.kind !== 'refused') return 'unclear';
  return error.status >= 500 && error.status !== 501 ? 'failed' : 'answered';
}

/** Our own end of the connection. */
function isClosed(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED';
}
