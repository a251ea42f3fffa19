// The faults of one cluster's cloud that still stand, and until when no new try is worth it. In memory: after a restart
// each is met once more and written again. A fault stays with what it concerns: pool, flavor and zone for capacity and
// bad specs, the project for quota, credentials and a cloud that does not answer.
import type { Backoff } from '../cluster/cluster-objects.ts';
import type { FaultBook } from './cluster-context.ts';
import { JoinWaits } from './join-waits.ts';
import type { PortErrorCode } from './port-errors.ts';
import type { Clock, Random } from './ports.ts';

interface Waits {
  readonly kind: Backoff['kind'];
  /** The whole project, not only one pool's flavor and zone. */
  readonly projectWide: boolean;
  readonly firstMs: number;
  readonly longestMs: number;
}

const WAITS: Partial<Record<PortErrorCode, Waits>> = {
  // A host becomes free within seconds or not for hours; the next choice is taken meanwhile.
  capacity: { kind: 'capacity', projectWide: false, firstMs: 30_000, longestMs: 30 * 60_000 },
  // A raised quota is acted on within a minute, the 10 s between two passes included; growing waits would teach nothing.
  quota: { kind: 'quota', projectWide: true, firstMs: 45_000, longestMs: 45_000 },
  credentials: { kind: 'credentials', projectWide: true, firstMs: 60_000, longestMs: 60_000 },
  forbidden: { kind: 'credentials', projectWide: true, firstMs: 60_000, longestMs: 60_000 },
  // Only a change of the spec mends it, but the cloud's side (an image put back) may mend it too.
  invalidSpec: { kind: 'invalidSpec', projectWide: false, firstMs: 60_000, longestMs: 30 * 60_000 },
  throttled: { kind: 'throttled', projectWide: true, firstMs: 10_000, longestMs: 60_000 },
  unavailable: { kind: 'unavailable', projectWide: true, firstMs: 5000, longestMs: 120_000 },
};

interface Entry {
  readonly backoff: Backoff;
  readonly times: number;
  readonly sinceMs: number;
  /** When it was last written: earlier than that, the wall clock was put back. */
  readonly writtenMs: number;
}

/** A fault that has not been met for this many of its waits is a new one. */
const FORGET_AFTER_WAITS = 3;
/** Half of a growing wait is fixed, half is drawn, so that pools do not come back in step. */
const JITTER_SHARE = 0.5;
/** Pools × flavors × zones of one cluster; the oldest entries go first. */
const ENTRIES_MAX = 4096;

/** An empty book. */
export function createFaultBook(deps: { readonly clock: Clock; readonly random: Random }): FaultBook {
  const entries = new Map<string, Entry>();
  const joins = new JoinWaits(deps.clock);
  return {
    record({ error, pool, flavor, zone }) {
      const waits = WAITS[error.code];
      if (waits === undefined) return; // conflicts, absences and lost answers say nothing about the next try
      const where = waits.projectWide ? { pool: '', flavor: '', zone: '' } : { pool, flavor, zone };
      const key = JSON.stringify([waits.kind, where.pool, where.flavor, where.zone]);
      const nowMs = deps.clock.nowMs();
      const old = entries.get(key);
      // Many claims meet the same outage at once; that is one fault, not many.
      const sameOutage = old !== undefined && !isOver(old, nowMs) && nowMs < old.backoff.untilMs;
      const times = old === undefined || isOver(old, nowMs) ? 1 : sameOutage ? old.times : old.times + 1;
      const askedMs = error.retry.kind === 'after' ? error.retry.ms : 0;
      const untilMs = sameOutage
        ? Math.max(old.backoff.untilMs, nowMs + askedMs)
        : nowMs + Math.max(askedMs, waitMs(waits, times, deps.random));
      const backoff = { kind: waits.kind, ...where, message: error.message, untilMs };
      entries.delete(key);
      entries.set(key, { backoff, times, sinceMs: sameOutage ? old.sinceMs : nowMs, writtenMs: nowMs });
      for (const oldest of entries.keys()) {
        if (entries.size <= ENTRIES_MAX) break;
        entries.delete(oldest);
      }
    },
    clear({ pool, flavor, zone }) {
      for (const [key, { backoff }] of entries) {
        const here = backoff.pool === pool && backoff.flavor === flavor && backoff.zone === zone;
        const projectWide = backoff.pool === '' && backoff.flavor === '' && backoff.zone === '';
        if (here || projectWide) entries.delete(key);
      }
    },
    neverJoined: (place, what) => joins.neverJoined(place, what),
    joined: (place) => joins.joined(place),
    standing() {
      const nowMs = deps.clock.nowMs();
      for (const [key, entry] of entries) if (isOver(entry, nowMs)) entries.delete(key);
      const faults = [...entries.values()].map(({ backoff }) => backoff).filter((backoff) => nowMs < backoff.untilMs);
      return [...faults, ...joins.standing()];
    },
  };
}

/** Doubling from the first to the longest; without growth there is no jitter either. */
function waitMs(waits: Waits, times: number, random: Random): number {
  const fullMs = Math.min(waits.longestMs, waits.firstMs * 2 ** Math.min(times - 1, 20));
  if (waits.firstMs === waits.longestMs) return fullMs;
  return Math.round(fullMs * (1 - JITTER_SHARE + JITTER_SHARE * random.fraction()));
}

/** Long enough ago to count as mended. Needed so that the growth of the waits is remembered past their end. */
function isOver(entry: Entry, nowMs: number): boolean {
  const { untilMs } = entry.backoff;
  // The wait would last for as long as the jump was.
  if (nowMs < entry.writtenMs) return true;
  return nowMs > untilMs + FORGET_AFTER_WAITS * (untilMs - entry.sinceMs);
}
