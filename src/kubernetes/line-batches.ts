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
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      held.push(chunk.subarray(from, at));
      heldBytes += at - from;
      refuseLong(heldBytes, lineBytesMax);
      const line = Buffer.concat(held, heldBytes).toString('utf8');
      if (line.trim() !== '') lines.push(line);
      held = [];
      heldBytes = 0;
      from = at + 1;
    }
    if (from < chunk.length) {
      held.push(chunk.subarray(from));
      heldBytes += chunk.length - from;
      refuseLong(heldBytes, lineBytesMax);
    }
    // An empty batch is a sign of life in the middle of a long line.
    yield lines;
  }
}

function refuseLong(bytes: number, lineBytesMax: number): void {
  if (bytes > lineBytesMax) {
    throw new ApiError('unavailable', `Cannot read the watch as a line must be at most ${lineBytesMax} bytes`, {
      fault: 'tooLarge',
    });
  }
}
