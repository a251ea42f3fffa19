// Waiting for something, but not for ever.
import type { Clock } from '../controllers/ports.ts';

/** Resolves with the promise or after `longestMs`, whichever is first; a rejection passes through. */
export async function within(clock: Clock, longestMs: number, promise: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.setTimer(longestMs, resolve);
    promise.then(
      () => {
        cancel();
        resolve();
      },
      (error: unknown) => {
        cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
