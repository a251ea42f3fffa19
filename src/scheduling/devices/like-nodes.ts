// Whose devices a node will have the like of before it shows any itself: those of a Ready node of its pool and flavor.
// By claims, not by labels: anyone in the cluster may label a node.
import type { NodeClaim } from '../../api/node-claim.ts';
import type { ClusterObjects } from '../../cluster/cluster-objects.ts';
import { arrayOf } from '../../cluster/listed.ts';

/** Name of the newest such node with slices of its own, of equal age the lower name; empty: there is none. */
export function likeNode(objects: ClusterObjects, of: { readonly poolUid: string; readonly flavor: string }): string {
  const withSlices = new Set(objects.resourceSlices?.map((slice) => slice.nodeName));
  const names = new Set(
    objects.claims
      .filter(
        ({ spec, status }) => spec.poolUid === of.poolUid && spec.flavor === of.flavor && status?.phase === 'Ready',
      )
      .map(nodeNameOf),
  );
  const [newest] = arrayOf(objects.nodes)
    .filter((node) => node.ready === 'True' && names.has(node.name) && withSlices.has(node.name))
    .sort((left, right) => right.createdMs - left.createdMs || (left.name < right.name ? -1 : 1));
  return newest?.name ?? '';
}

/** By name of the node: claims of nodes that are not Ready, and so may not show their devices yet. */
export function claimsToCome(objects: ClusterObjects): ReadonlyMap<string, NodeClaim> {
  return new Map(
    objects.claims.filter(({ status }) => status?.phase !== 'Ready').map((claim) => [nodeNameOf(claim), claim]),
  );
}

function nodeNameOf(claim: NodeClaim): string {
  const name = claim.status?.nodeName ?? '';
  return name === '' ? claim.metadata.name : name;
}
