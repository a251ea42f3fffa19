// What the scenarios share: the world, and the product that runs in it.
import type { ControllerProcess } from './controller-process.ts';
import type { World } from './world.ts';

export interface Stage {
  world(): World;
  /** The one process that serves both clusters. */
  product(): ControllerProcess;
  /** Ends it; nothing runs until restart(). */
  stop(): Promise<void>;
  restart(): Promise<ControllerProcess>;
}
