// Cuts a byte stream into batches of whole lines, one per chunk and one for a line that came in several, so that a reader may
// apply what came together at once. A line has a limit: a server that never sends a newline must not fill our memory. What stands after the last newline when
// the stream ends was cut off, and is dropped.
import { ApiError } from './api-error.ts';

const NEWLINE = 0x0a;
/** A longer text is no part of V8's young heap: it is allocated apart, page by page, which costs six times as much as
 *  decoding it (measured with 256 KiB). */
const DECODED_BYTES_MAX = 64 * 1024;
const NO_LINES = new Uint8Array(0);

/** Whole lines of `chunks` as bytes; none is a sign of life in the middle of a long line. Throws ApiError tooLarge when a
 *  line passes `lineBytesMax`. */
export async function* lineBatches(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    const first = chunk.indexOf(NEWLINE);
    refuseLong(heldBytes + (first === -1 ? chunk.length : first), lineBytesMax);
    const length = chunk.lastIndexOf(NEWLINE) + 1;
    refuseLongAmong(chunk.subarray(first + 1), lineBytesMax);
    // A line that was cut in two comes by itself: all others stay where they are, as copying a list costs memory that the
    // collector hears of, which then looks through the heap once for each 64 MiB.
    const joined = length > 0 && heldBytes > 0 ? first + 1 : 0;
    if (joined > 0) yield Buffer.concat([...held, chunk.subarray(0, joined)]);
    if (length > 0) {
      held = [];
      heldBytes = 0;
    }
    if (length < chunk.length) {
      held.push(chunk.subarray(length));
      heldBytes += chunk.length - length;
    }
    if (joined === 0 || joined < length) yield length === 0 ? NO_LINES : chunk.subarray(joined, length);
  }
}

/** Lines of a batch that are not empty, decoded many at once. */
export function linesOf(batch: Uint8Array): readonly string[] {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const lines: string[] = [];
  let from = 0;
  while (from < bytes.length) {
    const to = endOfPiece(bytes, from);
    for (const line of bytes.toString('utf8', from, to).split('\n')) if (line.trim() !== '') lines.push(line);
    from = to;
  }
  return lines;
}

/** The end of as many whole lines as are decoded at once, at least one. */
function endOfPiece(bytes: Buffer, from: number): number {
  if (bytes.length - from <= DECODED_BYTES_MAX) return bytes.length;
  const last = bytes.lastIndexOf(NEWLINE, from + DECODED_BYTES_MAX);
  const end = last >= from ? last : bytes.indexOf(NEWLINE, from);
  return end === -1 ? bytes.length : end + 1;
}

/** Of lines between newlines; most batches as a whole are below the limit. */
function refuseLongAmong(bytes: Uint8Array, lineBytesMax: number): void {
  if (bytes.length <= lineBytesMax) return;
  let from = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
    refuseLong(at - from, lineBytesMax);
    from = at + 1;
  }
  refuseLong(bytes.length - from, lineBytesMax);
}

function refuseLong(bytes: number, lineBytesMax: number): void {
  if (bytes > lineBytesMax) {
    throw new ApiError('unavailable', `Cannot read the watch as a line must be at most ${lineBytesMax} bytes`, {
      fault: 'tooLarge',
    });
  }
}
