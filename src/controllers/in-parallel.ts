// Some requests at a time.

/** Runs all of `items`, begun in their order, at most `most` at once. Rejects with the first that does. */
export async function inParallel<T>(
  items: readonly T[],
  { most }: { readonly most: number },
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
