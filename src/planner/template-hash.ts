// A short fingerprint of plain data, equal for equal content in any key order. For telling templates apart, not for
// security: FNV-1a in 64 bits as two 32-bit halves, because pure rooms have no crypto and BigInt would be slow.

const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
/** The FNV prime is 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3;
const TWO_POW_32 = 2 ** 32;

/** 16 hex digits of the canonical text of `spec` (JSON values, Maps are not looked into). */
export function templateHash(spec: unknown): string {
  return hash64(canonicalText(spec));
}

/** FNV-1a of the UTF-16 code units of `text`, 16 hex digits. */
export function hash64(text: string): string {
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let position = 0; position < text.length; position++) {
    low = (low ^ text.charCodeAt(position)) >>> 0;
    // (high·2^32 + low) · (2^40 + 0x1b3) modulo 2^64, in products below 2^53.
    const lowProduct = low * PRIME_LOW;
    high = (Math.imul(high, PRIME_LOW) + Math.floor(lowProduct / TWO_POW_32) + (low << 8)) >>> 0;
    low = lowProduct >>> 0;
  }
  return hex8(high) + hex8(low);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** JSON with sorted keys; absent and undefined fields are the same. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalText(field)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
