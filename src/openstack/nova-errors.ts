// What OpenStack's failures mean to the shell: an OpenStackError of the client → a PortError, and the fault of a server in
// ERROR → a meaning. The only place where a text of OpenStack is read to decide: Nova has no codes for these cases.
// Its texts are in English, because the client asks for no language; a text that is not known is never read as quota.
import { PortError, type PortErrorCode } from '../controllers/port-errors.ts';
import { OpenStackError } from './client/openstack-error.ts';

export interface CallOptions {
  /** Starts the message, e.g. "create server a". */
  readonly what: string;
  readonly kind: CallKind;
  /** A quota that refuses it is of something that only this pool asks for. */
  readonly quotaConcerns?: 'pool';
}

/** `read`, or a write whose repetition is harmless (DELETE); `create`: a lost answer may hide a new thing. */
export type CallKind = 'repeatable' | 'create';

/** Runs `call` and rejects with a PortError whatever goes wrong in it. */
export async function translated<T>(options: CallOptions, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw portErrorOf(error, options);
  }
}

/** The PortError that `error` is to the shell. Anything that is not of OpenStack or its client is a mistake of ours and is
 *  returned as it came. */
export function portErrorOf(error: unknown, options: CallOptions): unknown {
  if (!(error instanceof OpenStackError)) return error;
  const code = codeOf(error, options.kind);
  const waitMs = code === 'throttled' || code === 'unavailable' ? error.retryAfterMs : undefined;
  const ofPool = code === 'quota' && (options.quotaConcerns === 'pool' || isGroupFull(error.fault?.message ?? ''));
  return new PortError(code, `${options.what}: ${error.fault?.message ?? error.message}`, {
    cause: error,
    ...(ofPool ? { concerns: 'pool' } : {}),
    ...(waitMs === undefined ? {} : { retry: { kind: 'after', ms: waitMs } as const }),
    ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
  });
}

function codeOf(error: OpenStackError, kind: CallKind): PortErrorCode {
  // a create reads too before it writes (version, extensions): only what happened to the write itself is in doubt
  const wrote = kind === 'create' && error.method !== 'GET' && error.method !== '';
  const doubt = wrote ? 'outcomeUnknown' : 'unavailable';
  // Without a token nothing else was sent: a login is never in doubt.
  if (error.service === 'identity') return identityCode(error);
  switch (error.kind) {
    case 'config':
      return 'credentials'; // clouds.yaml and the catalog it leads to
    case 'cancelled':
    case 'unreachable':
      return 'unavailable';
    case 'lost':
    case 'malformed':
      return doubt;
    case 'refused':
      return refusedCode(error, { wrote, doubt });
  }
  return doubt;
}

function identityCode(error: OpenStackError): PortErrorCode {
  if (error.kind === 'config') return 'credentials';
  if (error.kind !== 'refused') return 'unavailable';
  if (error.status === 429) return 'throttled';
  return error.status >= 400 && error.status < 500 ? 'credentials' : 'unavailable';
}

function refusedCode(
  error: OpenStackError,
  call: { readonly wrote: boolean; readonly doubt: PortErrorCode },
): PortErrorCode {
  const { status, fault } = error;
  if (status >= 500 || status < 400 || status === 408) return call.doubt;
  switch (status) {
    case 400:
      return isQuotaFault(error) ? 'quota' : 'invalidSpec';
    case 401:
      return 'credentials';
    case 403:
      if (isZeroDisk(fault?.message ?? '')) return 'invalidSpec';
      return isQuotaFault(error) ? 'quota' : 'forbidden';
    case 404:
      // without a fault it may be a proxy's 404, which confirms nothing; a create that names something absent can never
      // work; elsewhere the thing itself is absent
      if (fault === undefined) return call.doubt;
      return call.wrote ? 'invalidSpec' : 'notFound';
    case 409:
      return isQuotaFault(error) ? 'quota' : 'conflict';
    case 413:
      return isQuotaFault(error) ? 'quota' : 'throttled'; // Nova's old word for "over the rate limit"
    case 429:
      return 'throttled';
    default:
      return 'invalidSpec'; // 405, 406, 411, 415, 422: the same request is refused again
  }
}

/** Neutron's types: its 409 says quota and "no address left" the same way as a conflict. A subnet that is full waits like a
 *  quota: every pool on it is concerned, and time or the operator makes room. */
const QUOTA_TYPES: ReadonlySet<string> = new Set([
  'OverQuota',
  'QuotaExceeded',
  'IpAddressGenerationFailure',
  'NoMoreNetworksException',
]);
/** Starts of Nova's texts for the project's limits: nova/exception.py OverQuota, QuotaError, PortLimitExceeded and their
 *  kin. "Policy doesn't allow …", its other 403, starts with neither. */
const QUOTA_TEXTS = ['Quota exceeded', 'Maximum number of ports exceeded', 'Maximum number of fixed IPs exceeded'];
/** The same refusal where Nova takes its limits from Keystone (quota.driver UnifiedLimitsDriver): the text of oslo.limit's
 *  ProjectOverLimit. The fault of a server that the conductor's recheck ends has the name of that exception only. */
const OVER_LIMIT = /^Project \S+ is over a limit for \[/;
const OVER_LIMIT_FAULT = 'ProjectOverLimit';

function isQuotaFault(error: OpenStackError): boolean {
  if (error.fault === undefined) return false;
  return QUOTA_TYPES.has(error.fault.type) || isQuotaText(error.fault.message);
}

function isQuotaText(message: string): boolean {
  return QUOTA_TEXTS.some((text) => message.startsWith(text)) || OVER_LIMIT.test(message);
}

/** Nova's 403 for a flavor that boots from volumes only: policy zero_disk_flavor. It says nothing of the credential. */
function isZeroDisk(message: string): boolean {
  return message.startsWith('Only volume-backed servers are allowed');
}

/** Nova's 403 for one member too many; a server group is one pool's. Its API alone checks this, before the 202, and no field
 *  of the answer tells it from the project's quota (nova/compute/api.py, _provision_instances). */
function isGroupFull(message: string): boolean {
  if (message.startsWith('Quota exceeded, too many servers in group')) return true;
  return OVER_LIMIT.test(message) && message.includes('[Resource server_group_members is over limit');
}

/** What the fault of a server in ERROR means; undefined: a fault of that build, worth another try. */
export function faultMeaning(fault: { readonly code: number; readonly message: string }): PortErrorCode | undefined {
  if (fault.code === 413 || isQuotaText(fault.message)) return 'quota'; // the conductor's recheck of the quota
  if (fault.code !== 500) return undefined;
  if (fault.message === OVER_LIMIT_FAULT) return 'quota';
  const noHost = ['No valid host was found', 'Exceeded maximum number of retries'];
  return noHost.some((text) => fault.message.startsWith(text)) ? 'capacity' : undefined;
}
