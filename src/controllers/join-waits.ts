// Nodes that were paid for and never became Ready. A broken image or network does it to each new one, so the next try of
// the same pool, flavor and zone waits longer each time, until one joins. In memory, as the fault book: a new leader
// tries at once, and once more when that fails, before its waits grow again.
import type { Backoff } from '../cluster/cluster-objects.ts';
import type { Clock } from './ports.ts';

/** Which nodes are alike enough to expect the same of the next. */
export interface JoinPlace {
  readonly pool: string;
  readonly flavor: string;
  readonly zone: string;
}

interface Entry {
  readonly times: number;
  readonly backoff: Backoff;
  readonly writtenMs: number;
}

/** The first retry is at once: a single node may fail for reasons of its own. Then 5, 10, 20, 40 minutes. */
const FIRST_WAIT_MS = 5 * 60_000;
/** What was mended elsewhere is found within an hour; a server an hour is a bill that a person can bear to find. */
const LONGEST_WAIT_MS = 60 * 60_000;
/** A place that nobody tried for a day begins anew: longer than any wait and provision time together. */
const FORGET_AFTER_MS = 24 * 3_600_000;
/** As the fault book's: pools × flavors × zones of one cluster; the oldest entries go first. */
const ENTRIES_MAX = 4096;

export class JoinWaits {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A claim made at `createdMs` was given up. Those made before the last one was given up were the same try. */
  neverJoined(place: JoinPlace, what: { readonly createdMs: number; readonly message: string }): void {
    const nowMs = this.#clock.nowMs();
    const key = keyOf(place);
    const old = this.#entries.get(key);
    const known = old !== undefined && !isOver(old, nowMs) ? old : undefined;
    if (known !== undefined && what.createdMs <= known.writtenMs) return;
    const times = (known?.times ?? 0) + 1;
    const waitMs = times === 1 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(times - 2, 20));
    const { pool, flavor, zone } = place;
    const message = `${times} tries in a row had no ready node in time; the last: ${what.message}`;
    const backoff: Backoff = { kind: 'provisionTimeout', pool, flavor, zone, message, untilMs: nowMs + waitMs };
    this.#entries.delete(key);
    this.#entries.set(key, { times, backoff, writtenMs: nowMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= ENTRIES_MAX) break;
      this.#entries.delete(oldest);
    }
  }

  /** A node became Ready there. */
  joined(place: JoinPlace): void {
    this.#entries.delete(keyOf(place));
  }

  standing(): readonly Backoff[] {
    const nowMs = this.#clock.nowMs();
    for (const [key, entry] of this.#entries) if (isOver(entry, nowMs)) this.#entries.delete(key);
    return [...this.#entries.values()].map(({ backoff }) => backoff).filter((backoff) => nowMs < backoff.untilMs);
  }
}

function keyOf({ pool, flavor, zone }: JoinPlace): string {
  return JSON.stringify([pool, flavor, zone]);
}

/** Long ago, or the wall clock was put back: the wait would last for as long as the jump was. */
function isOver(entry: Entry, nowMs: number): boolean {
  return nowMs < entry.writtenMs || nowMs > entry.backoff.untilMs + FORGET_AFTER_MS;
}
