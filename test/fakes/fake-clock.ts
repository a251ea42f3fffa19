// A clock that moves only when the test says so; timers run in order of their time, then of their making.
import type { Clock, Random } from '../../src/controllers/ports.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** 2026-01-01T00:00:00Z: any fixed instant with whole seconds. */
export const FAKE_EPOCH_MS = Date.UTC(2026, 0, 1);

export class FakeClock implements Clock {
  #elapsedMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return FAKE_EPOCH_MS + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(afterMs: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#elapsedMs + Math.max(0, afterMs), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timersWaiting(): number {
    return this.#timers.size;
  }

  /** Moves time on and runs what is due; promises that these timers resolve run only after the caller awaits. */
  advance(byMs: number): void {
    const untilMs = this.#elapsedMs + byMs;
    for (let due = this.#next(untilMs); due !== undefined; due = this.#next(untilMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, due.atMs);
      this.#timers.delete(due);
      due.run();
    }
    this.#elapsedMs = untilMs;
  }

  /** Like advance, but lets promises settle after each timer and at the end. */
  async advanceAndSettle(byMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + byMs;
    await settle();
    for (let due = this.#next(untilMs); due !== undefined; due = this.#next(untilMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, due.atMs);
      this.#timers.delete(due);
      due.run();
      await settle();
    }
    this.#elapsedMs = untilMs;
    await settle();
  }

  #next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

/** Turns of the event loop in which chains of promises of the fakes have surely run. */
const SETTLE_TURNS = 5;

export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Counts up instead of drawing; `fraction` is always the middle, so jitter is known. */
export class FakeRandom implements Random {
  #next = 1;

  hex(digits: number): string {
    return (this.#next++).toString(16).padStart(digits, '0').slice(-digits);
  }

  fraction(): number {
    return 0.5;
  }
}
