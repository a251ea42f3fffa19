// The controller is killed between each two steps of a create and started again: one server per claim, no port left over.
// The steps are not written down here: one undisturbed create is watched first, and each write in it becomes two points,
// the request that never went on and the answer that never came back. Each cluster has a controller of its own here: the
// answers are lost in the first, the requests in the second.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KillLane } from '../kill-lane.ts';
import type { KillPoint } from '../kill-proxy.ts';
import type { Stage } from '../stage.ts';
import { everythingGone, onePerClaim } from '../steps.ts';

const SIDES = ['answer', 'request'] as const;
/** Steps of a create: writes on claims, tokens, the pool's size, ports and servers. */
const STEP = /^(management|workload|network|compute) (POST|PUT|PATCH|DELETE) /;
const NOT_A_STEP =
  /leases|events|nodepools\/\*?[^/]*\/status|nodepools\/[^/]+\/status|workloadclusters|selfsubject|customresourcedefinitions|\/nodes\//;
const CREATE_SERVER = /^compute POST .*\/servers$/;
const STEPS_OF_EVERY_CREATE = [
  /^network POST .*ports/,
  CREATE_SERVER,
  /^management POST .*nodeclaims/,
  /^workload POST .*secrets/,
];

interface Work {
  readonly lane: KillLane;
  readonly side: KillPoint['side'];
  readonly points: KillPoint[];
}

export function killScenario(stage: Stage): void {
  describe('killed between each two steps of a create', () => {
    const works: Work[] = [];
    const each = (run: (work: Work) => Promise<void>) => Promise.all(works.map(run));

    beforeAll(async () => {
      const world = stage.world();
      for (const [index, side] of SIDES.entries()) {
        works.push({ lane: new KillLane(world, world.tenants[index === 0 ? 0 : 1]), side, points: [] });
      }
      await stage.stop();
      await each(({ lane }) => lane.open());
    });

    afterAll(async () => {
      await each(({ lane }) => lane.close());
      await stage.restart();
    });

    test('one undisturbed create shows the steps', async () => {
      await each(async ({ lane, side, points }) => {
        const labels = (await lane.watchOneCreate()).filter((label) => STEP.test(label) && !NOT_A_STEP.test(label));
        for (const step of STEPS_OF_EVERY_CREATE) {
          expect(
            labels.some((label) => step.test(label)),
            `a step like ${step}`,
          ).toBe(true);
        }
        points.push(...doubtFirst(killPoints(labels)).filter((point) => point.side === side));
        const lines = points.map((point) => `  ${point.side} ${point.ordinal} ${point.label}`);
        process.stdout.write(`kill points of ${lane.tenant.name}:\n${lines.join('\n')}\n`);
      });
    });

    test('killed at each of them, restarted: one server per claim, one port per server', async () => {
      await each(async ({ lane, points }) => {
        for (const point of points) await lane.killAt(point);
        await lane.settled();
        await onePerClaim(stage.world(), lane.tenant);
      });
      const points = works.flatMap((work) => work.points);
      const missed = works.flatMap(({ lane }) => lane.missed).map((point) => `${point.side} of ${point.label}`);
      process.stdout.write(`${points.length - missed.length} kills\n`);
      // A create can take another order of steps; more than a few misses would mean that nothing was tested.
      expect(missed.length, missed.join('; ')).toBeLessThanOrEqual(Math.floor(points.length / 5));
    });

    test('the pools go, and nothing is left', async () => {
      await each(async ({ lane }) => {
        await lane.removePool();
        await everythingGone(stage.world(), lane.tenant);
      });
    });
  });
}

/** Both sides of every step, in the order of the steps. */
function killPoints(labels: readonly string[]): KillPoint[] {
  const counts = new Map<string, number>();
  return labels.flatMap((label) => {
    const ordinal = (counts.get(label) ?? 0) + 1;
    counts.set(label, ordinal);
    return [
      { label, ordinal, side: 'request' as const },
      { label, ordinal, side: 'answer' as const },
    ];
  });
}

/** The same points, beginning with the two that leave a claim in doubt for two minutes: the write before POST /servers
 *  is known to have happened, the POST itself is not. Their doubt goes on beside the other kills. */
function doubtFirst(points: readonly KillPoint[]): KillPoint[] {
  const post = points.findIndex((point) => CREATE_SERVER.test(point.label));
  return [...points.slice(post - 1), ...points.slice(0, post - 1)];
}
