import { describe, expect, it } from 'vitest';
import { createFaultBook } from '../../../src/controllers/fault-book.ts';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { FAKE_EPOCH_MS, FakeClock, FakeRandom } from '../../fakes/fake-clock.ts';

const WHERE = { pool: 'web', flavor: 'b2-7', zone: 'nova' };

function setUp() {
  const clock = new FakeClock();
  const book = createFaultBook({ clock, random: new FakeRandom() });
  const meet = (code: PortErrorCode, where = WHERE) => book.record({ error: new PortError(code, code), ...where });
  const waitsMs = () => book.standing().map((backoff) => backoff.untilMs - clock.nowMs());
  return { clock, book, meet, waitsMs };
}

const rows: readonly {
  readonly code: PortErrorCode;
  readonly kind: string;
  readonly projectWide: boolean;
  readonly waitMs: number;
}[] = [
  // half of a growing wait is jitter, and the fake draws the middle
  { code: 'capacity', kind: 'capacity', projectWide: false, waitMs: 22_500 },
  { code: 'invalidSpec', kind: 'invalidSpec', projectWide: false, waitMs: 45_000 },
  { code: 'quota', kind: 'quota', projectWide: true, waitMs: 60_000 },
  { code: 'credentials', kind: 'credentials', projectWide: true, waitMs: 60_000 },
  { code: 'forbidden', kind: 'credentials', projectWide: true, waitMs: 60_000 },
  { code: 'throttled', kind: 'throttled', projectWide: true, waitMs: 7500 },
  { code: 'unavailable', kind: 'unavailable', projectWide: true, waitMs: 3750 },
];

describe('a fault', () => {
  it.each(rows)('$code stands for $waitMs ms', ({ code, kind, projectWide, waitMs }) => {
    const { clock, book, meet } = setUp();
    meet(code);
    const where = projectWide ? { pool: '', flavor: '', zone: '' } : WHERE;
    expect(book.standing()).toEqual([{ kind, ...where, message: code, untilMs: FAKE_EPOCH_MS + waitMs }]);
    clock.advance(waitMs);
    expect(book.standing()).toEqual([]);
  });

  it('of a quota that only one pool asks for holds up that pool, until one of its servers is up', () => {
    const { book } = setUp();
    const error = new PortError('quota', 'too many servers in group', { concerns: 'pool' });
    book.record({ error, ...WHERE });
    expect(book.standing()).toMatchObject([{ kind: 'quota', pool: 'web', flavor: '', zone: '' }]);
    book.clear({ ...WHERE, pool: 'other' });
    expect(book.standing()).toHaveLength(1);
    book.clear(WHERE);
    expect(book.standing()).toEqual([]);
  });

  it.each(['conflict', 'notFound', 'outcomeUnknown'] as const)('%s says nothing about the next try', (code) => {
    const { book, meet } = setUp();
    meet(code);
    expect(book.standing()).toEqual([]);
  });

  it('met again and again waits longer, up to half an hour', () => {
    const { clock, meet, waitsMs } = setUp();
    const waits: number[] = [];
    for (let times = 0; times < 9; times++) {
      meet('capacity');
      const [waitMs = 0] = waitsMs();
      waits.push(waitMs);
      clock.advance(waitMs + 1000);
    }
    expect(waits.slice(0, 3)).toEqual([22_500, 45_000, 90_000]);
    expect(waits.at(-1)).toBe(0.75 * 30 * 60_000);
  });

  it('met by many at once is one fault', () => {
    const { meet, waitsMs } = setUp();
    for (let times = 0; times < 50; times++) meet('unavailable');
    expect(waitsMs()).toEqual([3750]);
  });

  it('is new again after it stayed away', () => {
    const { clock, meet, waitsMs } = setUp();
    meet('capacity');
    clock.advance(25_000);
    meet('capacity');
    expect(waitsMs()).toEqual([45_000]);
    clock.advance(3_600_000);
    meet('capacity');
    expect(waitsMs()).toEqual([22_500]);
  });

  it('stays with its flavor, zone and pool', () => {
    const { book, meet } = setUp();
    meet('capacity');
    meet('capacity', { ...WHERE, zone: 'az-2' });
    book.clear(WHERE);
    expect(book.standing().map((backoff) => backoff.zone)).toEqual(['az-2']);
  });

  it('of the whole project ends with a create that worked anywhere', () => {
    const { book, meet } = setUp();
    meet('quota');
    book.clear({ pool: 'other', flavor: 'b2-15', zone: 'nova' });
    expect(book.standing()).toEqual([]);
  });

  it('waits at least as long as the service asked for', () => {
    const { book, waitsMs } = setUp();
    const error = new PortError('throttled', 'slow down', { retry: { kind: 'after', ms: 90_000 } });
    book.record({ error, ...WHERE });
    expect(waitsMs()).toEqual([90_000]);
  });
});

describe('nodes that never join', () => {
  const MINUTE_MS = 60_000;
  const what = (createdMs: number) => ({ createdMs, message: 'not Ready within 900 s' });

  it('are tried again at once, then after 5, 10, 20, 40 and 60 minutes, until one joins', () => {
    const { clock, book, waitsMs } = setUp();
    const tryAgain = () => {
      const createdMs = clock.nowMs();
      clock.advance(15 * MINUTE_MS);
      book.neverJoined(WHERE, what(createdMs));
      const [waitMs = 0] = waitsMs();
      clock.advance(waitMs + 1000);
      return waitMs / MINUTE_MS;
    };
    expect([1, 2, 3, 4, 5, 6, 7].map(tryAgain)).toEqual([0, 5, 10, 20, 40, 60, 60]);
    book.clear(WHERE); // a server was made: that is not yet a node
    expect(tryAgain()).toBe(60);
    book.joined(WHERE);
    expect([1, 2].map(tryAgain)).toEqual([0, 5]);
  });

  it('of one try count once, and only against their own pool, flavor and zone', () => {
    const { clock, book } = setUp();
    const createdMs = clock.nowMs();
    for (let trial = 0; trial < 2; trial++) {
      clock.advance(15 * MINUTE_MS);
      for (let times = 0; times < 20; times++)
        book.neverJoined(WHERE, what(createdMs + trial * 15 * MINUTE_MS + trial));
    }
    const { pool, flavor, zone } = WHERE;
    const untilMs = clock.nowMs() + 5 * MINUTE_MS;
    expect(book.standing()).toMatchObject([{ kind: 'provisionTimeout', pool, flavor, zone, untilMs }]);
  });
});

it('a wall clock that is put back does not prolong a fault', () => {
  let nowMs = Date.UTC(2026, 0, 1, 12);
  const book = createFaultBook({
    clock: { nowMs: () => nowMs, monotonicMs: () => 0, setTimer: () => () => undefined },
    random: new FakeRandom(),
  });
  book.record({ error: new PortError('unavailable', 'down'), pool: 'web', flavor: 'b2-7', zone: 'a' });
  expect(book.standing()).toHaveLength(1);
  nowMs -= 3_600_000;
  expect(book.standing()).toEqual([]);
});
