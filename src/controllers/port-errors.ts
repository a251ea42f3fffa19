// The closed union of what can go wrong behind a port, and what the shell does about each.
// Adapters translate every failure into one of these; nobody parses a message to decide.

export type PortErrorCode =
  | 'quota' // project is full: all pools of the project wait, re-probed on a timer
  | 'capacity' // flavor in a zone has no host: next choice at once, that one waits
  | 'credentials' // wrong, expired or for another project: the cluster is frozen
  | 'invalidSpec' // the same request can never work: wait for the spec to change
  | 'throttled' // told to wait
  | 'conflict' // somebody else wrote first: read again
  | 'notFound' // confirmed absent
  | 'forbidden' // a right is missing
  | 'unavailable' // no or a broken answer, and repeating is harmless
  | 'outcomeUnknown'; // it may have happened: look before trying again

export type Retry =
  | { readonly kind: 'backoff' }
  | { readonly kind: 'after'; readonly ms: number }
  | { readonly kind: 'terminal' }
  | { readonly kind: 'outcomeUnknown' };

const DEFAULT_RETRY: Readonly<Record<PortErrorCode, Retry>> = {
  quota: { kind: 'after', ms: 60_000 }, // a raised quota is noticed within a minute
  capacity: { kind: 'backoff' },
  credentials: { kind: 'after', ms: 60_000 },
  invalidSpec: { kind: 'terminal' },
  throttled: { kind: 'backoff' },
  conflict: { kind: 'backoff' },
  notFound: { kind: 'terminal' },
  forbidden: { kind: 'after', ms: 60_000 },
  unavailable: { kind: 'backoff' },
  outcomeUnknown: { kind: 'outcomeUnknown' },
};

export class PortError extends Error {
  readonly code: PortErrorCode;
  readonly retry: Retry;
  /** Request id of the service, for its operator. */
  readonly requestId: string | undefined;
  /** `pool`: less than its code says is concerned: a quota of something that only this pool asks for. */
  readonly concerns: 'pool' | undefined;

  constructor(
    code: PortErrorCode,
    message: string,
    options: { cause?: unknown; retry?: Retry; requestId?: string; concerns?: 'pool' } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'PortError';
    this.code = code;
    this.retry = options.retry ?? DEFAULT_RETRY[code];
    this.requestId = options.requestId;
    this.concerns = options.concerns;
  }
}

export function isPortError(error: unknown, ...codes: readonly PortErrorCode[]): error is PortError {
  return error instanceof PortError && (codes.length === 0 || codes.includes(error.code));
}
