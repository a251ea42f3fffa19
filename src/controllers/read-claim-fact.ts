// Finds out one thing about a claim. A PortError becomes a fact that is not known, with the error kept for the retry;
// nothing else is caught. Before the cloud is asked its project is compared with the pinned one: in another project
// every server looks gone.
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import type { ClaimFacts, Fact, FactName } from '../lifecycle/claim-facts.ts';
import { timeMs } from '../lifecycle/claim-step.ts';
import type { ClusterContext } from './cluster-context.ts';
import { recordFault } from './claim-status.ts';
import { isPortError, PortError } from './port-errors.ts';
import type { FloatingIpView, Freshness, PortView, ServerView } from './ports.ts';

/** A server that is waited for is looked at every 5 s at most, so one listing in 4 s is new to each who waits. */
const WAITING_AGE_MAX_MS = 4000;
/** Between a DELETE and the next look lies a second: a listing of this age shows what came of it. */
const LEAVING_AGE_MAX_MS = 1000;
/** What a leaving claim has left is looked at twice, before and after its port is deleted. */
const LEFTOVERS_AGE_MAX_MS = 5000;
/** Ten new claims a second share two listings then, and one that was restored without its status is far older. */
const UNTRIED_AGE_MAX_MS = 5000;
/** Until then the DELETE itself has probably not been sent: a listing would only show that the server stands. */
const DELETE_ANSWER_MS = 1000;

/** Facts that the cloud tells; its faults concern others too. */
const OF_CLOUD: ReadonlySet<FactName> = new Set(['ports', 'floatingIps', 'servers', 'server']);

export interface FactAnswer {
  readonly facts: ClaimFacts;
  /** Why the fact is not known. */
  readonly error: PortError | undefined;
}

/** `facts` with `at` answered. */
export async function readClaimFact(
  context: ClusterContext,
  claim: NodeClaim,
  ask: { readonly facts: ClaimFacts; readonly at: FactName },
): Promise<FactAnswer> {
  const { facts, at } = ask;
  try {
    return { facts: { ...facts, [at]: { known: true, value: await read(context, claim, ask) } }, error: undefined };
  } catch (error) {
    if (!isPortError(error)) throw error;
    if (OF_CLOUD.has(at)) recordFault(context, claim, error);
    const unknown: Fact<never> = { known: false, why: error.message };
    return { facts: { ...facts, [at]: unknown }, error };
  }
}

/** Rejects with `credentials` unless the token in use is for the project that the claim was planned for. */
export async function assertProject(context: ClusterContext, claim: NodeClaim): Promise<void> {
  const projectId = await context.cloud.currentProjectId();
  const pinned = context.cluster().spec.openstack.projectId;
  if (projectId === claim.spec.projectId && projectId === pinned) return;
  throw new PortError(
    'credentials',
    `The credentials are for project ${projectId}; claim ${claim.metadata.name} is for ${claim.spec.projectId}, spec.openstack.projectId is ${pinned}`,
  );
}

function read(
  context: ClusterContext,
  claim: NodeClaim,
  ask: { readonly facts: ClaimFacts; readonly at: FactName },
): Promise<unknown> {
  const { name } = claim.metadata;
  switch (ask.at) {
    case 'ports':
      return readPorts(context, claim);
    case 'floatingIps':
      return readFloatingIps(context, claim);
    case 'servers':
      return readServers(context, claim, ask.facts);
    case 'server':
      return readServer(context, claim);
    case 'node':
      return readNode(context, claim);
    case 'pods':
      return context.workload.listPodsOnNode(name);
    case 'volumes':
      return context.workload.listVolumeAttachments(name);
    default:
      throw new Error(`no such fact: ${String(ask.at satisfies never)}`);
  }
}

async function readPorts(context: ClusterContext, claim: NodeClaim): Promise<readonly PortView[]> {
  await assertProject(context, claim);
  return context.cloud.findPorts(claim.metadata.uid, {
    additionalNetworks: claim.spec.additionalNetworks?.length ?? 0,
    ...lookFreshness(context, claim),
  });
}

async function readFloatingIps(context: ClusterContext, claim: NodeClaim): Promise<readonly FloatingIpView[]> {
  await assertProject(context, claim);
  return context.cloud.findFloatingIps({ clusterUid: claim.spec.clusterUid, claimUid: claim.metadata.uid });
}

/** Those found by uid and name, and those behind the claim's ports, which a listing may not show yet. */
async function readServers(
  context: ClusterContext,
  claim: NodeClaim,
  facts: ClaimFacts,
): Promise<readonly ServerView[]> {
  await assertProject(context, claim);
  const found = [
    ...(await context.cloud.findServers(claim.metadata.uid, claim.metadata.name, serversFreshness(context, claim))),
  ];
  const ports = facts.ports?.known === true ? facts.ports.value : [];
  for (const { deviceId } of ports) {
    if (deviceId === '' || found.some((server) => server.id === deviceId)) continue;
    const server = await context.cloud.getServer(deviceId);
    if (server !== undefined) found.push(server);
  }
  return found;
}

/** Whoever asks for a server writes createAttemptedAt first: a claim that was read without it has no server younger than its
 *  reading, and an older one, of a claim that lost its status, is in any listing. */
function serversFreshness(context: ClusterContext, claim: NodeClaim): Freshness | undefined {
  if (claim.status?.createAttemptedAt === undefined) return { ageMaxMs: UNTRIED_AGE_MAX_MS };
  return lookFreshness(context, claim);
}

/** What there was when the claim's server began to be deleted, or later, is all that there can be: a claim that is leaving
 *  makes nothing. So 31 of them are shown what is left by one listing. Who looks for a lost answer looks now. */
function lookFreshness(context: ClusterContext, claim: NodeClaim): Freshness | undefined {
  const startedMs = timeMs(claim.status?.deleteStartedAt);
  if (startedMs === undefined) return undefined;
  const sinceMs = context.clock.nowMs() - startedMs - DELETE_ANSWER_MS;
  return sinceMs <= 0 ? undefined : { ageMaxMs: Math.min(sinceMs, LEFTOVERS_AGE_MAX_MS) };
}

/** Who only waits for a server is answered by the project's listing. Before a DELETE may follow, it is read by its id:
 *  whose it is must be true at that moment. */
async function readServer(context: ClusterContext, claim: NodeClaim): Promise<ServerView | undefined> {
  await assertProject(context, claim);
  const { serverId, deleteStartedAt } = claim.status ?? {};
  if (serverId === undefined) throw new Error(`claim ${claim.metadata.name} has no server id to ask for`);
  const { cloud, clock } = context;
  const startedMs = timeMs(deleteStartedAt);
  if (startedMs === undefined) return cloud.getServer(serverId, { ageMaxMs: WAITING_AGE_MAX_MS });
  if (clock.nowMs() - startedMs < DELETE_ANSWER_MS) return cloud.getServer(serverId);
  const listed = await cloud.getServer(serverId, { ageMaxMs: LEAVING_AGE_MAX_MS });
  return listed === undefined || listed.taskState === 'deleting' ? listed : cloud.getServer(serverId);
}

/** While a node comes up or stands, the watch is good enough to see it; its absence and its end are asked for live. */
async function readNode(context: ClusterContext, claim: NodeClaim): Promise<NodeObject | undefined> {
  const { name, deletionTimestamp } = claim.metadata;
  const watched = deletionTimestamp === undefined ? context.workload.stores.nodes.get(name) : undefined;
  return watched ?? context.workload.getNode(name);
}
