// The one error of this client: what went wrong with one request, and whether the service can have acted on it.
// Keeps the service's own words and its request id; never a token, a request body or an echoed input value.

export type OpenStackErrorKind =
  | 'config' // clouds.yaml, region, interface, an address that is not used: nothing was sent
  | 'cancelled' // the caller's signal: it was not sent, or it was a read
  | 'refused' // the service answered with an error status
  | 'unreachable' // no connection came about: the request was not sent
  | 'lost' // sent, perhaps in part, and no whole answer came back
  | 'malformed'; // an answer came that does not have the documented form

/** What a service says of an error. `type`: Nova's and Placement's key (badRequest, forbidden) or Neutron's type (OverQuota). */
export interface ServiceFault {
  readonly type: string;
  readonly message: string;
}

export class OpenStackError extends Error {
  readonly kind: OpenStackErrorKind;
  /** 0 = no answer. */
  readonly status: number;
  readonly service: string;
  /** Of the request that failed; empty when it was not about one. */
  readonly method: string;
  readonly fault: ServiceFault | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: OpenStackErrorKind,
    message: string,
    options: {
      readonly service?: string;
      readonly method?: string;
      readonly status?: number;
      readonly fault?: ServiceFault | undefined;
      readonly requestId?: string | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'OpenStackError';
    this.kind = kind;
    this.service = options.service ?? '';
    this.method = options.method ?? '';
    this.status = options.status ?? 0;
    this.fault = options.fault;
    this.requestId = options.requestId;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Fault texts are shown to people: a screenful is enough, and Nova can echo 90 KB of input. */
const FAULT_TEXT_CHARS_MAX = 512;

/** Takes the fault out of an error body of Keystone, Nova, Neutron, Glance or Placement; undefined: none of their forms. */
export function readFault(body: unknown): ServiceFault | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  for (const [key, value] of Object.entries(body)) {
    if (typeof value === 'string' && (key === 'message' || key === 'NeutronError')) return fault(key, value);
    if (Array.isArray(value) && key === 'errors') return readFaultParts('errors', value[0]);
    const parts = readFaultParts(key, value);
    if (parts !== undefined) return parts;
  }
  return undefined;
}

function readFaultParts(key: string, value: unknown): ServiceFault | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { message, detail, type } = value as { message?: unknown; detail?: unknown; type?: unknown };
  const text = typeof message === 'string' ? message : detail;
  return typeof text === 'string' ? fault(typeof type === 'string' ? type : key, text) : undefined;
}

/** Errors that come of webob are HTML in JSON; a `<br />` is all there is of it.
 *  Nova's validation repeats the value it refuses (`… field/attribute user_data. Value: …`), and user data holds secrets. */
function fault(type: string, text: string): ServiceFault {
  const echo = text.search(/\bValue: /);
  const kept = (echo === -1 ? text : `${text.slice(0, echo)}(value withheld)`).replaceAll(/<br ?\/?>/g, ' ');
  const message = kept.length > FAULT_TEXT_CHARS_MAX ? `${kept.slice(0, FAULT_TEXT_CHARS_MAX)}…` : kept;
  return { type: type.slice(0, 128), message: message.trim() };
}
