// The quick chaos run: the real controller in this process, its cloud behind the fault proxy, killed by losing every
// connection at drawn writes. `npm run test:faults` is the long one, with SIGKILL. Seeds that once failed stay here.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { localController } from './chaos-controller.ts';
import { findings, Killer, runChaos, type ChaosPlan } from './chaos-run.ts';
import { openChaosWorld } from './chaos-world.ts';
import type { Fault } from './fault-kinds.ts';
import { FaultProxy } from './fault-proxy.ts';
import { startTimeLapse, type TimeLapse } from './time-lapse.ts';

const SEEDS = [1, 2, 3];
/** What these leave over waits for the grace of orphans, half a minute here: they are the long run's. */
const GRACED: readonly Fault['kind'][] = ['late', 'duplicate', 'stale'];
/** In real time; the three together take half a minute beside other tests. A machine that gives them less keeps up less with
 *  the lapse, and needs several times as long. */
const LIMIT_MS = 180_000;

let lapse: TimeLapse;
beforeAll(() => {
  lapse = startTimeLapse(20);
});
afterAll(() => lapse.stop());

// Beside each other: most of a run is waiting.
describe.concurrent('chaos', () => {
  it.for(SEEDS)(
    'seed %i: one server per claim, nothing left, nothing foreign touched',
    { timeout: LIMIT_MS * 2 },
    async (seed, { expect }) => {
      const plan: ChaosPlan = {
        seed,
        creates: 8,
        faultShare: 0.2,
        without: GRACED,
        killShare: 0.05,
        nodesMax: 6,
        limitMs: LIMIT_MS,
      };
      const killer = new Killer(plan);
      const proxy = new FaultProxy({
        seed,
        draw: () => undefined,
        onSide: (exchange, side) => killer.onSide(exchange, side),
      });
      await proxy.start();
      const world = await openChaosWorld();
      const { management, managementKubeconfig } = world.playground;
      const controller = await localController({
        kubeconfig: managementKubeconfig,
        urls: [management.url, world.cluster.url],
        proxy,
      });
      await world.register({
        kubeconfig: controller.relayed(world.cluster.kubeconfig),
        cloudsYaml: proxy.inFrontOf(world.cloudsYaml),
      });
      try {
        const result = await runChaos({ world, proxy, controller, lapse }, killer, plan);
        expect(findings(result), JSON.stringify(proxy.faults)).toEqual([]);
        expect(result.created).toBeGreaterThanOrEqual(plan.creates);
        expect(proxy.faults).not.toEqual([]);
      } finally {
        await controller.stop();
        await controller.close();
        await proxy.stop();
        await world.close();
      }
    },
  );
});
