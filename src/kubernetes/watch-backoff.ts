// How long a list-watch waits before it goes on. Pure: failures and chance in, milliseconds out.
import type { Random } from '../controllers/ports.ts';
import type { PortError } from '../controllers/port-errors.ts';

/** First retry; doubles each time. Jitter takes up to half, so that many clusters do not come back in step. */
const BACKOFF_FIRST_MS = 500;
/** A repaired control plane, or a CRD that came, is noticed within this. */
const BACKOFF_MAX_MS = 30_000;
/** After an expired version lists are spread over this: all watches of a server expire together. */
const RELIST_SPREAD_MS = 1_000;
/** A server that calls every version expired must not have us list, and parse, without pause. */
const RELIST_EVERY_MS = 10_000;

/** After `failures` in a row, of which `error` is the last: longer if the server asks for it. */
export function backoffMs(failures: number, error: PortError, random: Random): number {
  const ceilingMs = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 16), BACKOFF_MAX_MS);
  const jitteredMs = ceilingMs * (0.5 + random.fraction() / 2);
  return error.retry.kind === 'after' && error.code === 'throttled' ? Math.max(jitteredMs, error.retry.ms) : jitteredMs;
}

/** Before the next list when the version that we watched from is too old. */
export function relistMs(sinceListMs: number, random: Random): number {
  return Math.max(RELIST_SPREAD_MS * random.fraction(), RELIST_EVERY_MS - sinceListMs);
}
