// The same work on many things, some at a time.

/** Requests in flight: the API server of a two-core machine answers some 400 a second. */
const PARALLEL = 16;

/** Resolves when `work` is done for all of `items`; rejects with the first error. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, queue.length) }, worker));
}
