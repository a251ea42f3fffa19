// Waiting that a caller may end for something that others may be waiting for too: the work itself goes on.
import { cancelled } from './http-failure.ts';
import type { CallOptions } from './http.ts';

/** What `work` comes to, or a rejection of kind `cancelled` once the signal fires. */
export async function untilAborted<T>(work: Promise<T>, call: CallOptions & { readonly service: string }): Promise<T> {
  const { signal, service } = call;
  if (signal === undefined) return work;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(cancelled({ service, method: 'GET' }, signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
