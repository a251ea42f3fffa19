// The main job, end to end, with real parts: real API servers, schedulers and controller-managers, real Keystone, Nova
// and Neutron. One story told in order: each scenario starts from the state that the one before it left.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appsScenario } from './scenarios/apps.ts';
import { badInputScenario } from './scenarios/bad-input.ts';
import { credentialsScenario } from './scenarios/credentials.ts';
import { commandsScenario } from './scenarios/commands.ts';
import { allLoadGoneScenario, helloWorldScenario, manyReplicasScenario } from './scenarios/demonstrations.ts';
import { drainsScenario } from './scenarios/drains.ts';
import { killScenario } from './scenarios/kills.ts';
import { poolScenario } from './scenarios/pools.ts';
import { rightsScenario } from './scenarios/rights.ts';
import type { ControllerProcess } from './controller-process.ts';
import type { Stage } from './stage.ts';
import { closeWorld, openWorld, startProduct, type World } from './world.ts';

let world: World | undefined;
let product: ControllerProcess | undefined;

const stage: Stage = {
  world() {
    if (world === undefined) throw new Error('the world is not open');
    return world;
  },
  product() {
    if (product === undefined) throw new Error('the product does not run');
    return product;
  },
  async stop() {
    await product?.stop();
    product = undefined;
  },
  async restart() {
    await stage.stop();
    product = await startProduct(stage.world());
    return product;
  },
};

beforeAll(async () => {
  world = await openWorld();
  product = await startProduct(world);
});

afterAll(async () => {
  await product?.stop();
  if (world !== undefined) await closeWorld(world);
});

const apps = appsScenario(stage);
const credentials = credentialsScenario(stage);
const drains = drainsScenario(stage);

// What must take minutes (a drain that is held up, a password that stays wrong) goes on beside the scenarios in between.
describe('the main job', () => {
  helloWorldScenario(stage);
  drains.deployed();
  apps.bound();
  drains.begun();
  apps.gone();
  credentials.broken();
  manyReplicasScenario(stage);
  drains.ended();
  allLoadGoneScenario(stage);
  poolScenario(stage);
  commandsScenario(stage);
  badInputScenario(stage);
  credentials.mended();
  killScenario(stage);
  rightsScenario(stage);
});

test('every guest could have booted from its user data', () => {
  const { kubelets } = stage.world();
  if (kubelets.problems.length > 0) process.stdout.write(`on the way: ${kubelets.problems.join('; ')}\n`);
  expect(kubelets.unbootable).toEqual([]);
});
