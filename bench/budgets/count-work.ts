// The process behind budgets.yaml: small generated inputs, and counts that do not depend on the machine. Work is counted by
// V8's block coverage: how often each block of src/ was entered during the decision, whatever the kernels look like. Bytes
// are what the heap took, with garbage collections added up; optimizing compilers would change them, so it is run with
// `--expose-gc --no-opt --no-maglev`. Prints one line of JSON.
import { Session } from 'node:inspector/promises';
import { GCProfiler, getHeapStatistics } from 'node:v8';

const session = new Session();
session.connect();
await session.post('Profiler.enable');
// Before the product is loaded: blocks are only counted in what is compiled after.
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const { countedInputs } = await import('./counted-inputs.ts');

/** How often blocks of src/ were entered since this was last asked. */
async function blocksEntered(): Promise<number> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  let sum = 0;
  for (const script of result) {
    if (!script.url.includes('/src/')) continue;
    for (const { ranges } of script.functions) for (const range of ranges) sum += range.count;
  }
  return sum;
}

/** Bytes that `work` takes from the heap, whether or not they are collected again. */
function allocated(work: () => unknown): number {
  globalThis.gc?.();
  const profiler = new GCProfiler();
  profiler.start();
  let last = getHeapStatistics().used_heap_size;
  const kept = work();
  const end = getHeapStatistics().used_heap_size;
  let sum = 0;
  for (const { beforeGC, afterGC } of profiler.stop()?.statistics ?? []) {
    sum += beforeGC.heapStatistics.usedHeapSize - last;
    last = afterGC.heapStatistics.usedHeapSize;
  }
  if (kept === undefined) throw new Error('the work must return something');
  return sum + end - last;
}

const counts: Record<string, Readonly<Record<string, number>>> = {};
for (const input of countedInputs()) {
  // First once, so that nothing is compiled while it is counted.
  input.decide();
  await blocksEntered();
  const outcome = input.decide();
  const steps = await blocksEntered();
  // Once in dozens of runs V8 puts something of its own there.
  const bytes = Math.min(allocated(input.decide), allocated(input.decide));
  await blocksEntered();
  counts[input.name] = { ...outcome, steps, allocated_kib: Math.round(bytes / 1024) };
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exit();
