import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { countNames, DemoTimeline } from '../../../src/cli/demo-timeline.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function timeline(colour = false): { lines: string[]; of: DemoTimeline } {
  const lines: string[] = [];
  const prices = new Map([['b2-7', 0.0681]]);
  const of = new DemoTimeline({ write: (line) => lines.push(line), colour, prices, elapsedMs: () => 1234 });
  return { lines, of };
}

const pod = (kind: 'podUnschedulable' | 'podRunning', name: string, detail = '') => ({
  kind,
  cluster: 'shop',
  pod: `default/${name}`,
  node: '',
  detail,
});

describe('the timeline', () => {
  it('makes one line of pods that come together, named as people named them, with why they wait', () => {
    const { lines, of } = timeline();
    for (const name of ['web-9a30c873-27f29', 'web-9a30c873-37bfd', 'jobs-95b1df60-7eafe']) {
      of.saw(pod('podUnschedulable', name, '0/0 nodes are available.'));
    }
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(lines).toEqual(['  1.2s  pending     web ×2, jobs (0/0 nodes are available.)']);
  });

  it('says what a new node costs, for how many pods it is, and why', () => {
    const { lines, of } = timeline();
    const step = { kind: 'createClaim', claim: 'general-node-1', flavor: 'b2-7', zone: 'zone-a', pods: ['u1', 'u2'] };
    of.decided({ ...step, reason: 'for default/web', outcome: 'done' });
    expect(lines).toEqual([
      '  1.2s  decided     + general-node-1: b2-7 in zone-a at 0.0681 €/h for 2 pods: default/web',
    ]);
  });

  it('says what waits before what is done about it', () => {
    const { lines, of } = timeline();
    of.saw(pod('podUnschedulable', 'web-9a30c873-27f29'));
    of.decided({ kind: 'setDesiredNodes', pool: 'general', from: 0, to: 1, outcome: 'done' });
    expect(lines).toEqual(['  1.2s  pending     web', '  1.2s  decided       general.desiredNodes 0 → 1']);
  });

  it('adds up what servers cost while they stand', () => {
    let nowMs = 0;
    const prices = new Map([['b2-7', 0.06]]);
    const of = new DemoTimeline({ write: () => undefined, colour: false, prices, elapsedMs: () => nowMs });
    const server = { flavor: 'b2-7', zone: 'zone-a' };
    of.saw({ kind: 'serverCreated', server: 'a', ...server });
    of.saw({ kind: 'serverCreated', server: 'b', ...server });
    expect(of.costPerHour()).toBeCloseTo(0.12);
    nowMs = 3_600_000;
    of.saw({ kind: 'serverGone', server: 'a', ...server });
    nowMs *= 2;
    expect(of.costPerHour()).toBeCloseTo(0.06);
    expect(of.costSoFar()).toBeCloseTo(0.18);
  });

  it('leaves out what was decided and not done', () => {
    const { lines, of } = timeline();
    of.decided({ kind: 'removeClaim', claim: 'a', message: 'm', outcome: 'dropped' });
    expect(lines).toEqual([]);
  });

  it('prints what it gathered when it is closed, and nothing afterwards', () => {
    const { lines, of } = timeline();
    of.saw(pod('podRunning', 'web-9a30c873-27f29'));
    of.close();
    expect(lines).toEqual(['  1.2s  running     web']);
    of.saw(pod('podRunning', 'web-9a30c873-37bfd'));
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(1);
  });

  it('uses colours only when asked to', () => {
    const plain = timeline();
    plain.of.say('Ready', 'a', 'green');
    expect(plain.lines.join()).not.toContain('\u001b');
    const coloured = timeline(true);
    coloured.of.say('Ready', 'a', 'green');
    expect(coloured.lines.join()).toContain('\u001b[32m');
  });
});

describe('countNames', () => {
  it.each([
    [[], ''],
    [['a'], 'a'],
    [['a', 'b', 'a'], 'a ×2, b'],
  ])('%j', (names, want) => {
    expect(countNames(names)).toBe(want);
  });
});
