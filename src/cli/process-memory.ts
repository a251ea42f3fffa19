// How V8 keeps memory in the controller's process, which lives long and mostly waits. Decides three things, none at
// a cost to a decision: how the HTTP/1 parser is compiled, that garbage does not stay in a small heap, and that the young generation is
// collected between decisions.
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The first lists are read and the first rounds are over by then, on one idle cluster. */
const START_UP_MS = 15_000;
/** An idle controller allocates some 3 MiB of lasting garbage in this time, and a collection costs a tenth of a second of
 *  CPU with what V8 does after it (measured): a thousandth of a core. */
const INTERVAL_MS = 120_000;
/** Collecting a heap of this size stops the process for some 20 ms (measured). A larger one needs no help: growing, it
 *  is collected by V8 itself. */
const HEAP_BYTES_MAX = 32 * 1024 * 1024;

/** V8 collects the young generation when 50 MB of new objects are there, in the midst of whatever is done: 5 to 15 ms, once in fifty
 *  decisions on 150,000 pods, each of which leaves 1 MB (measured). So much is collected earlier, in 4 to 8 ms, while nothing is
 *  done: passes are at least 200 ms apart. A look costs 6 µs. */
const YOUNG_BYTES = 8 * 1024 * 1024;
const YOUNG_LOOK_MS = 500;

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

/** Looks for young garbage twice a second, until the function that it gives is called. */
export function collectBetweenDecisions(): () => void {
  const timer = setInterval(() => collectYoung(), YOUNG_LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** One collection of the young generation, when it holds at least `bytes`. True: collected. */
export function collectYoung(bytes = YOUNG_BYTES): boolean {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  if ((young?.space_used_size ?? 0) < bytes) return false;
  return collect({ type: 'minor' });
}

/** One full collection, when the heap holds at most `heapBytesMax`. True: collected. */
export function collectSmallHeap(heapBytesMax = HEAP_BYTES_MAX): boolean {
  if (getHeapStatistics().used_heap_size > heapBytesMax) return false;
  return collect();
}

let collector: unknown;

function collect(options?: { readonly type: 'minor' }): boolean {
  collector ??= exposedCollector();
  if (typeof collector !== 'function') return false;
  Reflect.apply(collector, undefined, options === undefined ? [] : [options]);
  return true;
}

/** The collector is only shown to contexts that are made while the flag is set: ours keeps the globals it has. */
function exposedCollector(): unknown {
  setFlagsFromString('--expose-gc');
  const exposed: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return exposed;
}
