// Finds where a JSON value ends, in bytes, without making anything of it. As strict as JSON.parse and stricter: there is no
// white space between tokens, as API servers write it, and nesting has a limit. Who is told −1 asks JSON.parse.

/** Deepest nesting that is followed. Managed fields of a pod are 12 deep. */
const DEPTH_MAX = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LETTER_U = 0x75;

/** Bytes that text may hold as they are; those above ASCII are parts of characters, or become U+FFFD. */
const IN_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH),
);
/** The same in ASCII: what such text means is what it is. */
const PLAIN = IN_TEXT.map((allowed, byte) => (byte < 0x80 ? allowed : 0));
/** What may stand after a backslash, but for \u. */
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const HEX = new Set(Buffer.from('0123456789abcdefABCDEF'));
/** By their first letter. */
const WORDS = new Map(
  ['true', 'false', 'null'].map((word) => [
    word.charCodeAt(0),
    Uint8Array.from(word, (letter) => letter.charCodeAt(0)),
  ]),
);

/** The closing of each list and object that is open: one value is looked at at a time. */
const CLOSINGS = new Uint8Array(DEPTH_MAX);

/** The place after the value that begins at `from`; −1: there is no value, or one for JSON.parse. */
export function endOfValue(bytes: Uint8Array, from: number): number {
  let at = from;
  let depth = 0;
  for (;;) {
    const first = bytes[at] ?? 0;
    const closing = first === OPEN_OBJECT ? CLOSE_OBJECT : first === OPEN_LIST ? CLOSE_LIST : 0;
    if (closing === 0) at = first === QUOTE ? endOfText(bytes, at) : endOfWord(bytes, at);
    else if (bytes[at + 1] === closing) at += 2;
    else {
      if (depth === DEPTH_MAX) return -1;
      CLOSINGS[depth] = closing;
      depth += 1;
      at = closing === CLOSE_LIST ? at + 1 : endOfKey(bytes, at + 1);
      if (at === -1) return -1;
      continue;
    }
    if (at === -1) return -1;
    while (depth > 0 && bytes[at] === CLOSINGS[depth - 1]) {
      depth -= 1;
      at += 1;
    }
    if (depth === 0) return at;
    if (bytes[at] !== COMMA) return -1;
    at = CLOSINGS[depth - 1] === CLOSE_LIST ? at + 1 : endOfKey(bytes, at + 1);
    if (at === -1) return -1;
  }
}

/** The place after the text that begins with the quote at `from`; −1: it is none. */
export function endOfText(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  let at = from + 1;
  for (;;) {
    while (IN_TEXT[bytes[at] ?? 0] === 1) at += 1;
    if (bytes[at] === QUOTE) return at + 1;
    if (bytes[at] !== BACKSLASH) return -1;
    const escape = bytes[at + 1] ?? 0;
    if (ESCAPES.has(escape)) at += 2;
    else if (escape === LETTER_U && [2, 3, 4, 5].every((digit) => HEX.has(bytes[at + digit] ?? 0))) at += 6;
    else return -1;
  }
}

/** The closing quote of text from `from` on in which every byte is a character as it stands; −1: it is not so. */
export function endOfPlainText(bytes: Uint8Array, from: number): number {
  let at = from;
  while (PLAIN[bytes[at] ?? 0] === 1) at += 1;
  return bytes[at] === QUOTE ? at : -1;
}

/** The place after a key and its colon; −1: there is none. */
function endOfKey(bytes: Uint8Array, from: number): number {
  const end = endOfText(bytes, from);
  return end !== -1 && bytes[end] === COLON ? end + 1 : -1;
}

function endOfWord(bytes: Uint8Array, from: number): number {
  const word = WORDS.get(bytes[from] ?? 0);
  if (word === undefined) return endOfNumber(bytes, from);
  return word.every((letter, index) => bytes[from + index] === letter) ? from + word.length : -1;
}

function endOfNumber(bytes: Uint8Array, from: number): number {
  const whole = bytes[from] === MINUS ? from + 1 : from;
  let at = bytes[whole] === ZERO ? whole + 1 : endOfDigits(bytes, whole);
  if (at === whole) return -1;
  if (bytes[at] === POINT) {
    const fraction = at + 1;
    at = endOfDigits(bytes, fraction);
    if (at === fraction) return -1;
  }
  if (((bytes[at] ?? 0) | 0x20) !== 0x65) return at;
  const sign = bytes[at + 1];
  const exponent = sign === MINUS || sign === 0x2b ? at + 2 : at + 1;
  at = endOfDigits(bytes, exponent);
  return at === exponent ? -1 : at;
}

function endOfDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] ?? 0) >= ZERO && (bytes[at] ?? 0) <= 0x39) at += 1;
  return at;
}
