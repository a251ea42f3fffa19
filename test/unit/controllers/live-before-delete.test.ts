// Whose a server is must be true at the moment of its DELETE: not as some listing, or an earlier look, has it.
import { expect, test } from 'vitest';
import type { PortCall } from '../../fakes/interrupt-port.ts';
import { liveOneLife } from './claim-life.ts';

/** For each DELETE of a server: the last question for one before it, when it was not live and by id, or lies further back
 *  than the comparison of the project. */
function staleLooks(calls: readonly PortCall[]): readonly string[] {
  const cloud = calls.filter(({ name, when }) => when === 'before' && /^cloud\.|updateClaimStatus/.test(name));
  return cloud.flatMap(({ name }, at) => {
    if (name !== 'cloud.deleteServer') return [];
    const looked = cloud.slice(0, at).findLastIndex((call) => call.name === 'cloud.getServer');
    const between = cloud.slice(looked + 1, at).filter((call) => call.name !== 'cloud.currentProjectId');
    const listed = cloud[looked]?.parameters[1] !== undefined;
    return listed || between.length > 0
      ? [`call ${at}: ${listed ? 'listed' : between.map((call) => call.name).join()}`]
      : [];
  });
}

test.each([true, false])('a server is read by its id right before it is deleted; a Node of it: %s', async (joins) => {
  const { calls } = await liveOneLife();
  const findings: string[] = [];
  let deletes = 0;
  for (let at = 1; at <= calls.length; at += 1) {
    const life = await liveOneLife({ deleteAtCall: at, joins });
    deletes += life.calls.filter(({ name }) => name === 'cloud.deleteServer').length;
    findings.push(...staleLooks(life.calls).map((finding) => `deleted at ${at}: ${finding}`));
  }
  expect(deletes).toBeGreaterThan(20);
  expect(findings).toEqual([]);
});
