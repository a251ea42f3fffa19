// What the scenarios share: the world, and the product that runs in it.
import type { ControllerProcess } from './controller-process.ts';
import type { World } from './world.ts';

export interface Stage {
  world(): World;
  product(): ControllerProcess;
  /** Ends the running product and starts another, with another kubeconfig when given. */
  restart(kubeconfig?: string): Promise<ControllerProcess>;
}
