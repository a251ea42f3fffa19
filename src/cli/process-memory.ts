// How V8 keeps memory in the controller's process, which lives long and mostly waits. Decides two things, both without
// a cost to a decision: how the HTTP/1 parser is compiled, and that garbage does not stay in a small heap.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The first lists are read and the first rounds are over by then, on one idle cluster. */
const START_UP_MS = 15_000;
/** An idle controller allocates some 3 MiB of lasting garbage in this time, and a collection costs a tenth of a second of
 *  CPU with what V8 does after it (measured): a thousandth of a core. */
const INTERVAL_MS = 120_000;
/** Collecting a heap of this size stops the process for some 20 ms (measured). A larger one needs no help: growing, it
 *  is collected by V8 itself. */
const HEAP_BYTES_MAX = 32 * 1024 * 1024;

/** Undici's HTTP/1 parser is WebAssembly. V8 would compile it a second time, optimized, in the first seconds: that takes
 *  23 MiB for a moment and 10 MiB for good, to save one microsecond a message. To be called before the first request. */
export function compileWebAssemblyOnce(): void {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
}

/** Collects a small heap after start-up and then from time to time, until the function that it gives is called. Left to
 *  itself V8 first lets such a heap grow by half: 8 MiB of an idle controller (measured). */
export function keepHeapSmall(): () => void {
  let timer = setTimeout(again, START_UP_MS);
  function again(): void {
    collectSmallHeap();
    timer = setTimeout(again, INTERVAL_MS);
  }
  return () => clearTimeout(timer);
}

/** One full collection, when the heap holds at most `heapBytesMax`. True: collected. */
export function collectSmallHeap(heapBytesMax = HEAP_BYTES_MAX): boolean {
  if (getHeapStatistics().used_heap_size > heapBytesMax) return false;
  // The collector is only shown to contexts that are made while the flag is set: ours keeps the globals it has.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return false;
  Reflect.apply(collect, undefined, []);
  return true;
}
