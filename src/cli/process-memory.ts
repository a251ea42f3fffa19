// How V8 keeps memory in the controller's process, which lives long and mostly waits. Decides two things, both without
// a cost to a decision: how the HTTP/1 parser is compiled, and that start-up's garbage does not stay.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The first lists are read and the first rounds are over by then, on one idle cluster. */
export const START_UP_MS = 15_000;
/** Collecting a heap of this size stops the process for less than 20 ms (measured). A larger one needs no help: while it
 *  grew, V8 has collected it by itself. */
const HEAP_BYTES_MAX = 32 * 1024 * 1024;

/** Undici's HTTP/1 parser is WebAssembly. V8 would compile it a second time, optimized, in the first seconds: that takes
 *  23 MiB for a moment and 10 MiB for good, to save one microsecond a message. To be called before the first request. */
export function compileWebAssemblyOnce(): void {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
}

/** One full collection when the heap is small: start-up's garbage is most of such a heap (8 MiB, measured), and nothing
 *  makes V8 collect it until as much again was allocated. True: collected. `heapBytesMax` is for tests. */
export function collectStartUpGarbage(heapBytesMax = HEAP_BYTES_MAX): boolean {
  if (getHeapStatistics().used_heap_size > heapBytesMax) return false;
  // The collector is only shown to contexts that are made while the flag is set: ours keeps the globals it has.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return false;
  Reflect.apply(collect, undefined, []);
  return true;
}
