// Whether a server, port or Node is this claim's. The gate before every adoption and every deletion.
// A provider id or a name is a hint: tenants write both.
import { parseProviderId, SERVER_METADATA } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import type { ObservedServer } from './claim-facts.ts';

/** Metadata that a claim's server carries: the uids of cluster, pool and claim. */
export function serverMetadata(claim: NodeClaim): ReadonlyMap<string, string> {
  return new Map([
    [SERVER_METADATA.cluster, claim.spec.clusterUid],
    [SERVER_METADATA.pool, claim.spec.poolUid],
    [SERVER_METADATA.claim, claim.metadata.uid],
  ]);
}

/** All four must agree: cluster, pool and claim in the live metadata, and the pinned project. */
export function ownsServer(claim: NodeClaim, server: ObservedServer): boolean {
  if (server.projectId !== claim.spec.projectId) return false;
  for (const [key, uid] of serverMetadata(claim)) {
    if (server.metadata.get(key) !== uid) return false;
  }
  return true;
}

/** A Node of the claim's name that does not point at another server. An empty provider id is filled in later. */
export function isNodeOfClaim(claim: NodeClaim, node: NodeObject): boolean {
  if (node.name !== claim.metadata.name) return false;
  return node.providerId === '' || parseProviderId(node.providerId) === claim.status?.serverId;
}
