// The process dies, or an answer is lost, at every single call of a node's life. In the end there was one server per
// claim at most, and nothing is left that is ours.
import { describe, expect, it } from 'vitest';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import type { PortCall } from '../../fakes/interrupt-port.ts';
import { liveOneLife, problemsOf, ProcessDied } from './claim-life.ts';

async function callsOfUndisturbedLife(): Promise<readonly PortCall[]> {
  const life = await liveOneLife();
  expect(problemsOf(life)).toEqual([]);
  expect(life.claims).toHaveLength(1);
  expect(life.world.cloud.posts).toHaveLength(1);
  return life.calls;
}

/** Fewer disturbed calls than this, and the test no longer tests what it says. */
const CALLS_OF_A_LIFE_MIN = 40;
const CLOUD_CALLS_OF_A_LIFE_MIN = 20;

async function disturbEach(
  error: (call: PortCall) => Error | undefined,
  disturbedMin = CALLS_OF_A_LIFE_MIN,
): Promise<readonly string[]> {
  const calls = await callsOfUndisturbedLife();
  const findings: string[] = [];
  let disturbed = 0;
  for (const [index, call] of calls.entries()) {
    const fault = error(call);
    if (fault === undefined) continue;
    disturbed += 1;
    const life = await liveOneLife({ decide: (_, n) => (n === index + 1 ? fault : undefined) });
    if (life.world.cloud.posts.length === 0) findings.push(`${index + 1}: no server was ever created`);
    if (life.world.workload.evictions.length !== 1) findings.push(`${index + 1}: the pod was not evicted once`);
    for (const problem of problemsOf(life)) findings.push(`${index + 1} ${call.when} ${call.name}: ${problem}`);
  }
  expect(disturbed).toBeGreaterThanOrEqual(disturbedMin);
  return findings;
}

describe('a controller that dies', () => {
  it('before or after any call leaves one server per claim and nothing behind', async () => {
    expect(await disturbEach(() => new ProcessDied('SIGKILL'))).toEqual([]);
  });

  it('twice in a row, at any call and at the next one, leaves nothing behind either', async () => {
    const calls = await callsOfUndisturbedLife();
    const findings: string[] = [];
    for (let at = 1; at <= calls.length; at += 1) {
      for (const gap of [1, 3]) {
        const life = await liveOneLife({
          decide: (_, n) => (n === at || n === at + gap ? new ProcessDied('SIGKILL') : undefined),
        });
        for (const problem of problemsOf(life)) findings.push(`${at} and ${at + gap}: ${problem}`);
      }
    }
    expect(findings).toEqual([]);
  });
});

describe('a claim that is deleted', () => {
  it('while any call is under way leaves nothing behind', async () => {
    const calls = await callsOfUndisturbedLife();
    const findings: string[] = [];
    for (const [index, call] of calls.entries()) {
      const life = await liveOneLife({ deleteAtCall: index + 1 });
      for (const problem of problemsOf(life)) findings.push(`${index + 1} ${call.when} ${call.name}: ${problem}`);
    }
    expect(findings).toEqual([]);
  });

  it('while the process dies at that call or a later one leaves nothing behind', async () => {
    const calls = await callsOfUndisturbedLife();
    const findings: string[] = [];
    for (const [index, call] of calls.entries()) {
      for (const gap of [0, 1, 4]) {
        const life = await liveOneLife({
          deleteAtCall: index + 1,
          decide: (_, n) => (n === index + 1 + gap ? new ProcessDied('SIGKILL') : undefined),
        });
        for (const problem of problemsOf(life)) findings.push(`${index + 1} ${call.when} ${call.name}: ${problem}`);
      }
    }
    expect(findings).toEqual([]);
  });
});

describe('an answer that is lost', () => {
  const codes: readonly PortErrorCode[] = ['outcomeUnknown', 'unavailable'];
  it.each(codes)('after any call took effect (%s) leaves one server per claim and nothing behind', async (code) => {
    const findings = await disturbEach((call) =>
      call.when === 'after' ? new PortError(code, 'the connection was closed') : undefined,
    );
    expect(findings).toEqual([]);
  });

  it('before any call took effect leaves one server per claim and nothing behind', async () => {
    const findings = await disturbEach((call) =>
      call.when === 'before' ? new PortError('outcomeUnknown', 'the connection was closed') : undefined,
    );
    expect(findings).toEqual([]);
  });
});

describe('a refusal', () => {
  const codes: readonly PortErrorCode[] = ['conflict', 'throttled', 'quota', 'capacity', 'forbidden', 'credentials'];
  it.each(codes)('of any call to the cloud (%s) leaves one server per claim and nothing behind', async (code) => {
    const findings = await disturbEach(
      (call) =>
        call.when === 'before' && call.name.startsWith('cloud.') ? new PortError(code, 'the cloud says no') : undefined,
      CLOUD_CALLS_OF_A_LIFE_MIN,
    );
    expect(findings).toEqual([]);
  });
});
