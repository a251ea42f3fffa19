// Small questions about one claim or pod that several phases ask, answered in one place. Times are milliseconds.
import type { NodeClaim } from '../api/node-claim.ts';
import type { Flavor, PodObject } from '../cluster/cluster-objects.ts';
import { belongsToNode } from '../cluster/pending-groups.ts';

const BYTES_PER_MIB = 2 ** 20;

/** Counts towards its pool's size: not failed, not on its way out. */
export function isStanding(claim: NodeClaim): boolean {
  const phase = claim.status?.phase;
  return (
    claim.status?.removal === undefined &&
    claim.metadata.deletionTimestamp === undefined &&
    phase !== 'Failed' &&
    phase !== 'Draining' &&
    phase !== 'Deleting'
  );
}

/** Failed and nobody has asked for its removal yet. */
export function isNewlyFailed(claim: NodeClaim): boolean {
  return (
    claim.status?.phase === 'Failed' &&
    claim.status.removal === undefined &&
    claim.metadata.deletionTimestamp === undefined
  );
}

/** Is to become a node and is not one yet. */
export function isUpcoming(claim: NodeClaim): boolean {
  return isStanding(claim) && claim.status?.phase !== 'Ready';
}

/** The cloud may not count it yet: no server is known and one may still be made. */
export function mayStillTakeQuota(claim: NodeClaim): boolean {
  const { status } = claim;
  if (status?.serverId !== undefined) return false;
  if (status?.createAttemptedAt !== undefined) return status.phase === 'Creating' || status.phase === 'Unknown';
  return isStanding(claim);
}

/** A flavor that the project no longer lists, as far as the claim remembers it. */
export function flavorOfClaim(claim: NodeClaim): Flavor {
  const { expected } = claim.spec;
  return {
    id: claim.spec.flavorId,
    name: claim.spec.flavor,
    vcpus: Math.ceil((expected?.cpuMillis ?? 0) / 1000),
    memoryMiB: Math.ceil((expected?.memoryBytes ?? 0) / BYTES_PER_MIB),
    diskGiB: 0,
    extraSpecs: new Map(),
  };
}

/** Ports that its server has: one on the first network, one on each further network. */
export function portsOf(spec: { readonly additionalNetworks?: readonly unknown[] | undefined }): number {
  return 1 + (spec.additionalNetworks?.length ?? 0);
}

/** By claim, as reading a time costs more than all else that a plan does with a claim that is well. */
const createdMs = new WeakMap<NodeClaim, number>();

export function createdMsOf(claim: NodeClaim): number {
  let known = createdMs.get(claim);
  if (known === undefined) createdMs.set(claim, (known = timeMs(claim.metadata.creationTimestamp) ?? 0));
  return known;
}

/** When the claim must be Ready at the latest. */
export function provisionDeadlineMs(claim: NodeClaim): number {
  return createdMsOf(claim) + claim.spec.provisionTimeoutSeconds * 1000;
}

/** An RFC 3339 time; undefined when absent or unreadable. */
export function timeMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Will be looking for another node when its own goes. */
export function isMovable(pod: PodObject): boolean {
  return (
    !belongsToNode(pod) &&
    !pod.deleting &&
    pod.controller !== undefined &&
    pod.phase !== 'Succeeded' &&
    pod.phase !== 'Failed'
  );
}

/** A plain total order of strings, the same on every computer (no locale). */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
