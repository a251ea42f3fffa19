// Cuts a byte stream into lines, one batch per chunk, so that a reader may apply what came together at once. A line has
// a limit: a server that never sends a newline must not fill our memory. What stands after the last newline when the
// stream ends was cut off, and is dropped.
import { ApiError } from './api-error.ts';

const NEWLINE = 0x0a;

/** Batches of whole, non-empty lines of `chunks`. Throws ApiError tooLarge when a line passes `lineBytesMax`. */
export async function* lineBatches(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<readonly string[], void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    const lines: string[] = [];
    const add = (text: string): void => {
      if (text.trim() !== '') lines.push(text);
    };
    const first = chunk.indexOf(NEWLINE);
    const last = first === -1 ? -1 : chunk.lastIndexOf(NEWLINE);
    if (first !== -1) {
      held.push(chunk.subarray(0, first));
      refuseLong(heldBytes + first, lineBytesMax);
      add(Buffer.concat(held).toString('utf8'));
      held = [];
      heldBytes = 0;
      for (const whole of wholeLines(chunk.subarray(first + 1, Math.max(last, first + 1)), lineBytesMax)) add(whole);
    }
    if (last + 1 < chunk.length) {
      held.push(chunk.subarray(last + 1));
      heldBytes += chunk.length - last - 1;
      refuseLong(heldBytes, lineBytesMax);
    }
    // An empty batch is a sign of life in the middle of a long line.
    yield lines;
  }
}

/** Lines between newlines, without the last newline. Decoded in one go, as a list comes in buffers of a hundred of them. */
function wholeLines(bytes: Uint8Array, lineBytesMax: number): readonly string[] {
  if (bytes.length > lineBytesMax) {
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
      refuseLong(at - from, lineBytesMax);
      from = at + 1;
    }
    refuseLong(bytes.length - from, lineBytesMax);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').split('\n');
}

function refuseLong(bytes: number, lineBytesMax: number): void {
  if (bytes > lineBytesMax) {
    throw new ApiError('unavailable', `Cannot read the watch as a line must be at most ${lineBytesMax} bytes`, {
      fault: 'tooLarge',
    });
  }
}
