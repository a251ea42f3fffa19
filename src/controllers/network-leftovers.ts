// Which floating IPs and server groups of this cluster nobody accounts for any more. Decides only; the inventory looks
// twice, reads again and deletes.
import { serverGroupName } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { FloatingIpView } from './ports.ts';

/** Floating IPs of claims that are gone, and second ones of claims that have written theirs down. */
export function orphanFloatingIps(
  claims: readonly NodeClaim[],
  floatingIps: readonly FloatingIpView[],
): readonly FloatingIpView[] {
  const byUid = new Map(claims.map((claim) => [claim.metadata.uid, claim]));
  return floatingIps.filter(({ id, claimUid }) => {
    const claim = byUid.get(claimUid);
    // Without an id the claim is in the middle of its create and looks for itself.
    return claim === undefined || (claim.status?.floatingIpId !== undefined && claim.status.floatingIpId !== id);
  });
}

/** Names of server groups whose pool has neither an object nor a claim. */
export function orphanServerGroups(
  names: readonly string[],
  known: { readonly clusterUid: string; readonly claims: readonly NodeClaim[]; readonly poolUids: readonly string[] },
): readonly string[] {
  const { clusterUid, claims, poolUids } = known;
  const used = new Set(poolUids.map((poolUid) => serverGroupName({ clusterUid, poolUid })));
  for (const { spec } of claims) if (spec.serverGroup !== undefined) used.add(spec.serverGroup);
  return names.filter((name) => !used.has(name));
}
