// A whole session of one cluster on the fakes and their clock.
import { ClusterStatus } from '../../src/controllers/cluster-status.ts';
import type { Cloud } from '../../src/controllers/ports.ts';
import { ClusterSession } from '../../src/fleet/cluster-session.ts';
import type { FakeWorld } from './fake-world.ts';

/** Started; `cloud`: what the session sees of the world's. */
export function startSession(world: FakeWorld, cloud: Cloud): ClusterSession {
  const session = new ClusterSession({
    cluster: () => world.cluster,
    lease: () => world.lease.state(),
    management: world.management,
    workload: world.workload,
    cloud,
    telemetry: world.telemetry,
    clock: world.clock,
    random: world.random,
    polisher: undefined,
    clusterStatus: new ClusterStatus(world.management, world.clock),
    definition: 'ready',
    mode: 'running',
  });
  session.start();
  return session;
}
