// What must not be in a log line or a decision is replaced here, by key and by the shape of the value.
// The last line of defence: code does not hand over secrets in the first place. Bounds sizes as well, because what is
// logged may come from a tenant.

const REDACTED = '[redacted]';
/** Deep enough for a plan step; a cycle ends here too. */
const DEPTH_MAX = 6;
/** A list or object in a log line is a sample, not a dump. */
const ENTRIES_MAX = 100;
/** Nova's longest fault text with room; journald cuts lines at 48 KiB. */
const TEXT_LENGTH_MAX = 4096;
const CAUSES_MAX = 5;

/** Parts of keys, without case, dashes and underscores. */
const SECRET_KEYS =
  /authorization|token|passw|secret|kubeconfig|userdata|clientkey|privatekey|credential|cookie|apikey|cloudsyaml/;
/** Keys that hold such a part and only name or point at a secret. */
const HARMLESS_KEYS = /^(secretref|secretname|credentialssecretref|tokenid|bootstraptokenid|credentialsinvalid)$/;

const SECRET_VALUES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi,
  // JSON web tokens (service accounts) and Fernet tokens (Keystone)
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?/g,
  /\bgAAAA[A-Za-z0-9_=-]{20,}/g,
  // bootstrap tokens
  /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
  // user and password in a URL
  /(?<=:\/\/)[^\s/@:]+:[^\s/@]+(?=@)/g,
  // password=…, token: …
  /(?<=\b(?:password|passwd|token|secret)["']?\s*[=:]\s*["']?)[^\s"',;&}]{4,}/gi,
];

/** `text` without what looks like a secret, cut to a length that a log line bears. */
export function redactText(text: string): string {
  // Cut first: a regular expression over a tenant's megabytes would stop the process. Twice the length, so that a
  // secret is not cut into a form that no longer looks like one.
  let out = text.slice(0, 2 * TEXT_LENGTH_MAX);
  for (const pattern of SECRET_VALUES) out = out.replaceAll(pattern, REDACTED);
  return out.length > TEXT_LENGTH_MAX ? `${out.slice(0, TEXT_LENGTH_MAX)}…` : out;
}

/** A copy of `fields` that may be written down: secrets replaced, errors as data, depth and sizes bounded. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(object).slice(0, ENTRIES_MAX))
    out[key] = isSecretKey(key) && !isHarmless(value) ? REDACTED : redactValue(value, depth);
  return out;
}

function isSecretKey(key: string): boolean {
  const plain = key.toLowerCase().replaceAll(/[-_.]/g, '');
  return SECRET_KEYS.test(plain) && !HARMLESS_KEYS.test(plain);
}

/** A count of tokens or a flag tells nothing. */
function isHarmless(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (value instanceof Error) return errorFields(value, 0);
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((item) => redactValue(item, depth + 1));
  if (value instanceof Map) return redactObject(Object.fromEntries(value), depth + 1);
  if (value instanceof Set) return [...value].slice(0, ENTRIES_MAX).map((item) => redactValue(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return redactObject(value, depth + 1);
}

/** Own fields of a foreign error (a request with its headers, a socket) are left out on purpose. */
function errorFields(error: Error, depth: number): Record<string, unknown> {
  const code: unknown = 'code' in error ? error.code : undefined;
  const requestId: unknown = 'requestId' in error ? error.requestId : undefined;
  return {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof requestId === 'string' ? { requestId: redactText(requestId) } : {}),
    ...(error.stack === undefined || depth > 0 ? {} : { stack: redactText(error.stack) }),
    ...(error.cause instanceof Error && depth < CAUSES_MAX ? { cause: errorFields(error.cause, depth + 1) } : {}),
  };
}
