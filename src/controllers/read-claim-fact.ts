// Finds out one thing about a claim. A PortError becomes a fact that is not known, with the error kept for the retry;
// nothing else is caught. Before the cloud is asked its project is compared with the pinned one: in another project
// every server looks gone.
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import type { ClaimFacts, Fact, FactName } from '../lifecycle/claim-facts.ts';
import type { ClusterContext } from './cluster-context.ts';
import { recordFault } from './claim-status.ts';
import { isPortError, PortError } from './port-errors.ts';
import type { FloatingIpView, PortView, ServerView } from './ports.ts';

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
  return context.cloud.findPorts(claim.metadata.uid, claim.spec.additionalNetworks?.length ?? 0);
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
  const found = [...(await context.cloud.findServers(claim.metadata.uid, claim.metadata.name))];
  const ports = facts.ports?.known === true ? facts.ports.value : [];
  for (const { deviceId } of ports) {
    if (deviceId === '' || found.some((server) => server.id === deviceId)) continue;
    const server = await context.cloud.getServer(deviceId);
    if (server !== undefined) found.push(server);
  }
  return found;
}

async function readServer(context: ClusterContext, claim: NodeClaim): Promise<ServerView | undefined> {
  await assertProject(context, claim);
  const { serverId } = claim.status ?? {};
  if (serverId === undefined) throw new Error(`claim ${claim.metadata.name} has no server id to ask for`);
  return context.cloud.getServer(serverId);
}

/** While a node comes up or stands, the watch is good enough to see it; its absence and its end are asked for live. */
async function readNode(context: ClusterContext, claim: NodeClaim): Promise<NodeObject | undefined> {
  const { name, deletionTimestamp } = claim.metadata;
  const watched = deletionTimestamp === undefined ? context.workload.stores.nodes.get(name) : undefined;
  return watched ?? context.workload.getNode(name);
}
