// What stands in the project with our marks on it and that nobody accounts for. Decides nothing about what becomes of it.
import { SERVER_METADATA, serverGroupName } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { FloatingIpView, PortView, ServerView } from './ports.ts';

/** One list per kind; the name of the list less its s is the kind in metrics and logs. */
export interface Orphans {
  readonly servers: readonly ServerView[];
  readonly ports: readonly PortView[];
  readonly floatingIps: readonly FloatingIpView[];
  /** A group is what its name says; all of one name go together. */
  readonly serverGroups: readonly { readonly id: string }[];
}

/** Lists with the name of their kind in metrics and logs. */
export function byKind(
  orphans: Orphans,
): readonly { readonly kind: string; readonly found: readonly { id: string }[] }[] {
  const lists = Object.entries<readonly { readonly id: string }[]>({ ...orphans });
  return lists.map(([kinds, found]) => ({ kind: kinds.slice(0, -1), found }));
}

/** Servers and ports that carry our marks and that no claim accounts for. */
export function orphansOf(
  claims: readonly NodeClaim[],
  found: {
    readonly servers: readonly ServerView[];
    readonly ports: readonly PortView[];
    readonly clusterUid: string;
  },
): Pick<Orphans, 'servers' | 'ports'> {
  const byUid = new Map(claims.map((claim) => [claim.metadata.uid, claim]));
  return {
    servers: found.servers.filter((server) => {
      const { id, metadata } = server;
      const claimUid = metadata.get(SERVER_METADATA.claim);
      // All three marks, or it is not our work: metadata can be copied in part.
      if (claimUid === undefined || metadata.get(SERVER_METADATA.pool) === undefined) return false;
      if (metadata.get(SERVER_METADATA.cluster) !== found.clusterUid) return false;
      const claim = byUid.get(claimUid);
      if (!wasMadeFor(claimUid, server, found.ports)) return false;
      // Without a server id the claim is in the middle of its create and looks for itself.
      return claim === undefined || (claim.status?.serverId !== undefined && claim.status.serverId !== id);
    }),
    ports: found.ports.filter((port) => {
      const claim = claims.find(({ metadata }) => isMarkedWith(port, metadata.uid));
      if (claim?.status?.portId === undefined) return claim === undefined;
      return ![claim.status.portId, ...(claim.status.additionalPortIds ?? [])].includes(port.id);
    }),
  };
}

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

/** A person can copy all of our metadata onto a server of their own. What they do not copy: a server that got anywhere has
 *  the port that was made for its claim, or its address, where Nova took the port's device_id away with the failure of a
 *  second server on it. One that got nowhere is in BUILD or ERROR, and nobody misses it. */
function wasMadeFor(claimUid: string, server: ServerView, ports: readonly PortView[]): boolean {
  const own = ports.filter((port) => isMarkedWith(port, claimUid));
  if (own.some(({ deviceId }) => deviceId === server.id)) return true;
  if (own.some(({ addresses }) => addresses.some((address) => server.addresses.includes(address)))) return true;
  return server.status === 'BUILD' || server.status === 'ERROR';
}

function isMarkedWith(port: PortView, claimUid: string): boolean {
  return port.name.includes(claimUid) || port.tags.some((tag) => tag.includes(claimUid));
}
