// Lives one node's whole life on the fakes: created, Ready, in use, removed; and restarts the controller when it dies.
// Stands in for the planner (a failed claim is replaced by a new one) and for the queue (a failed reconcile is repeated).
import { SERVER_METADATA } from '../../../src/api/names.ts';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { reconcileClaim } from '../../../src/controllers/claim-reconciler.ts';
import type { ClusterContext } from '../../../src/controllers/cluster-context.ts';
import { isPortError } from '../../../src/controllers/port-errors.ts';
import { makeClaim, makePod } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort, type PortCall } from '../../fakes/interrupt-port.ts';

/** The process is gone: nothing in it may catch this. */
export class ProcessDied extends Error {}

/** Simulated time of one life; a life that takes longer is stuck. */
const ROUNDS_MAX = 600;
const ROUND_MS = 2000;

const FOREIGN_CLAIM = 'claim-of-another-cluster';

export interface Life {
  readonly world: FakeWorld;
  readonly claims: readonly NodeClaim[];
  readonly calls: readonly PortCall[];
  readonly foreignServer: string;
  readonly foreignPort: string;
}

export interface LifeOptions {
  /** Sees every call of every port, over all restarts; n counts from 1. */
  readonly decide?: (call: PortCall, n: number) => Error | undefined;
  /** Somebody deletes the claim while this call is under way; default: once it is Ready. */
  readonly deleteAtCall?: number;
  /** False: no server becomes a Node. */
  readonly joins?: boolean;
  /** What is special about its claims. */
  readonly spec?: Partial<NodeClaim['spec']>;
}

export async function liveOneLife(options: LifeOptions = {}): Promise<Life> {
  const world = new FakeWorld();
  world.cloud.buildMs = 6000;
  world.cloud.showMs = 5000;
  world.cloud.deleteMs = 3000;
  world.workload.podGraceMs = 3000;
  const foreign = world.cloud.addServer({ name: 'web-node-000001', metadata: new Map([['owner', 'somebody']]) });
  const foreignPort = world.cloud.addPort({ name: 'pet', deviceId: foreign.id });
  world.cloud.addFloatingIp({ clusterUid: 'another-cluster', claimUid: FOREIGN_CLAIM, portId: foreignPort.id });
  const calls: PortCall[] = [];
  let wanted = true;
  const hook = (call: PortCall): Error | undefined => {
    calls.push(call);
    if (calls.length === options.deleteAtCall) {
      wanted = false;
      for (const claim of world.management.stores.nodeClaims.list()) void world.management.deleteClaim(claim);
    }
    return options.decide?.(call, calls.length);
  };
  const start = (): ClusterContext =>
    world.context({
      wrap: {
        management: (plane) => interruptPort(plane, 'management', hook),
        workload: (plane) => interruptPort(plane, 'workload', hook),
        cloud: (cloud) => interruptPort(cloud, 'cloud', hook),
      },
    });
  let context = start();
  let made = 0;
  const make = (): Promise<NodeClaim> => {
    made += 1;
    return world.management.createClaim(
      makeClaim(
        `web-node-${made.toString().padStart(6, '0')}`,
        options.spec === undefined ? {} : { spec: options.spec },
      ),
    );
  };
  await make();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const claims = world.management.stores.nodeClaims.list();
    if (!wanted && claims.length === 0) break;
    if (wanted && claims.some((claim) => claim.status?.phase === 'Ready')) {
      wanted = false;
      for (const claim of claims) {
        world.workload.stores.pods.put(makePod('web-1', { nodeName: claim.metadata.name }));
        await world.management.deleteClaim(claim);
      }
    }
    for (const claim of world.management.stores.nodeClaims.list()) {
      if (claim.status?.failure !== undefined && claim.metadata.deletionTimestamp === undefined) {
        await world.management.deleteClaim(claim);
        if (wanted) await make();
      }
    }
    for (const claim of world.management.stores.nodeClaims.list()) {
      try {
        await reconcileClaim(context, claim);
      } catch (error) {
        if (error instanceof ProcessDied) context = start();
        else if (!isPortError(error)) throw error;
      }
    }
    await world.clock.advanceAndSettle(ROUND_MS);
    if (options.joins !== false) world.bootKubelets();
  }
  return {
    world,
    claims: world.management.claimsEverCreated,
    calls,
    foreignServer: foreign.id,
    foreignPort: foreignPort.id,
  };
}

/** What is wrong after a life, in words; empty: nothing. */
export function problemsOf(life: Life): readonly string[] {
  const { world } = life;
  const problems: string[] = [];
  for (const claim of life.claims) {
    const posts = world.cloud.posts.filter((post) => post.metadata.get(SERVER_METADATA.claim) === claim.metadata.uid);
    if (posts.length > 1) problems.push(`${posts.length} servers for claim ${claim.metadata.name}`);
  }
  for (const server of world.cloud.serversLeft) {
    if (server.id !== life.foreignServer) problems.push(`server ${server.name} is left`);
  }
  for (const port of world.cloud.portsLeft) {
    if (port.id !== life.foreignPort) problems.push(`port ${port.name} is left`);
  }
  for (const { claimUid } of world.cloud.floatingIpsLeft) {
    if (claimUid !== FOREIGN_CLAIM) problems.push(`a floating IP of ${claimUid} is left`);
  }
  if (!world.cloud.floatingIpsLeft.some(({ claimUid }) => claimUid === FOREIGN_CLAIM)) {
    problems.push('a foreign floating IP was deleted');
  }
  if (world.cloud.deletedServers.includes(life.foreignServer)) problems.push('a foreign server was deleted');
  if (world.cloud.deletedPorts.includes(life.foreignPort)) problems.push('a foreign port was deleted');
  if (world.workload.tokens.size > 0) problems.push('a bootstrap token is left');
  const left = world.management.stores.nodeClaims
    .list()
    .map((claim) => `${claim.metadata.name} ${claim.status?.phase}`);
  if (left.length > 0) problems.push(`claims are left: ${left.join(', ')}`);
  if (world.workload.stores.nodes.list().length > 0) problems.push('a Node is left');
  return problems;
}
