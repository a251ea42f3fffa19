// Which nodes the next snapshot has, and which of them are not made of the same Node and claim as in the last one. Cost: a
// look at each entry of the lists that are not the same; when nodes came or went, those lists are joined anew.
import { membersOf, type ClusterSnapshot, isUpcoming, nodeNameOf } from './build-snapshot.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects, NodeObject } from './cluster-objects.ts';

/** What a node is made of. */
export interface Parts {
  readonly node: NodeObject | undefined;
  readonly claim: NodeClaim | undefined;
}

export interface NextMembers {
  /** In order. undefined: the same as before. */
  readonly names: readonly string[] | undefined;
  /** Index in the last snapshot for each name, −1: it was not there. undefined with `names`. */
  readonly cameFrom: Int32Array | undefined;
  /** By index in the next snapshot: nodes that are to be joined again, from these parts. */
  readonly touched: ReadonlyMap<number, Parts>;
}

/** Compares `objects` with what `previous` was made of. */
export function nextMembers(previous: ClusterSnapshot, objects: ClusterObjects): NextMembers {
  const touched = touchedInPlace(previous, objects);
  if (touched !== undefined) return { names: undefined, cameFrom: undefined, touched };
  return joinedAnew(previous, objects);
}

/** What changed of which nodes, by index; undefined: not the same nodes, or it cannot be told by place. */
function touchedInPlace(previous: ClusterSnapshot, objects: ClusterObjects): ReadonlyMap<number, Parts> | undefined {
  const before = previous.objects;
  const touched = new Map<number, Parts>();
  const touch = (index: number, parts: Partial<Parts>): void => {
    const known = touched.get(index) ?? previous.nodes[index];
    touched.set(index, { node: known?.node, claim: known?.claim, ...parts });
  };
  if (before.nodes !== objects.nodes) {
    if (before.nodes.length !== objects.nodes.length) return undefined;
    for (const [position, node] of objects.nodes.entries()) {
      const old = before.nodes[position];
      if (old === node) continue;
      const index = previous.nodeIndexByName.get(node.name);
      if (old?.name !== node.name || index === undefined || previous.nodes[index]?.node !== old) return undefined;
      touch(index, { node });
    }
  }
  if (before.claims !== objects.claims) {
    if (before.claims.length !== objects.claims.length) return undefined;
    for (const [position, claim] of objects.claims.entries()) {
      const old = before.claims[position];
      if (old === claim) continue;
      const index = old === undefined || !sameNode(old, claim) ? undefined : indexOfClaim(previous, old);
      if (index === undefined) return undefined;
      touch(index, { claim });
    }
  }
  for (const { index, claim, upcoming } of previous.nodes) {
    const now = touched.get(index)?.claim ?? claim;
    if (!upcoming && now?.status?.phase === 'Ready') continue;
    const isNow = now !== undefined && isUpcoming(now, objects.observedAtMs);
    if (!upcoming && !isNow) continue;
    // Without a Node it is there only for as long as it is coming.
    if (!isNow && (touched.get(index) ?? previous.nodes[index])?.node === undefined) return undefined;
    touch(index, {});
  }
  return touched;
}

function sameNode(left: NodeClaim, right: NodeClaim): boolean {
  return left.metadata.uid === right.metadata.uid && nodeNameOf(left) === nodeNameOf(right);
}

/** The node that the claim stands behind; undefined: none, or another claim does. */
function indexOfClaim(previous: ClusterSnapshot, claim: NodeClaim): number | undefined {
  const index = previous.nodeIndexByName.get(nodeNameOf(claim));
  return index !== undefined && previous.nodes[index]?.claim === claim ? index : undefined;
}

function joinedAnew(previous: ClusterSnapshot, objects: ClusterObjects): NextMembers {
  const { names: present, nodes, claims } = membersOf(objects);
  const kept = previous.nodes.map(({ name }) => name).filter((name) => present.has(name));
  const came = [...present].filter((name) => !previous.nodeIndexByName.has(name));
  // One run in order and a few more: that is sorted in one go.
  const names = [...kept, ...came.sort()].sort();
  const cameFrom = Int32Array.from(names, (name) => previous.nodeIndexByName.get(name) ?? -1);
  const touched = new Map<number, Parts>();
  for (const [index, name] of names.entries()) {
    const old = previous.nodes[cameFrom[index] ?? -1];
    const parts = { node: nodes.get(name), claim: claims.get(name) };
    const isNow = parts.claim !== undefined && isUpcoming(parts.claim, objects.observedAtMs);
    if (old === undefined || old.node !== parts.node || old.claim !== parts.claim || old.upcoming || isNow) {
      touched.set(index, parts);
    }
  }
  return { names, cameFrom, touched };
}
