// Which nodes the next snapshot has, and which of them are not made of the same Node and claim as in the last one. Cost: a
// look at each entry of the lists that are not the same; when much of them changed, they are joined anew.
import type { NodeClaim } from '../api/node-claim.ts';
import { type ClusterSnapshot, claimOfName, isUpcoming, membersOf, nodeNameOf } from './build-snapshot.ts';
import type { ClusterObjects, NodeObject } from './cluster-objects.ts';
import { listChanges } from './list-changes.ts';
import { arrayOf, type Listed } from './listed.ts';
import { CLAIM_NOT_READY, nodesInState, UPCOMING } from './snapshot-columns.ts';

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

/** With more changes than one in so many nodes or claims, all are joined anew: that costs about as much. */
const ENTRIES_PER_CHANGE = 8;
/** A list this short may change as a whole. */
const CHANGES_MIN = 16;

/** Compares `objects` with what `previous` was made of. */
export function nextMembers(previous: ClusterSnapshot, objects: ClusterObjects): NextMembers {
  return changedMembers(previous, objects) ?? joinedAnew(previous, objects);
}

/** By what changed in the lists; undefined: too much, or it cannot be told from that. */
function changedMembers(previous: ClusterSnapshot, objects: ClusterObjects): NextMembers | undefined {
  const before = previous.objects;
  // A claim that had run out of time might have some again.
  if (objects.observedAtMs < before.observedAtMs) return undefined;
  const nodeChanges = changesOf(before.nodes, objects.nodes, (node) => node.uid);
  const claimChanges = changesOf(before.claims, objects.claims, ({ metadata }) => metadata.uid);
  if (nodeChanges === undefined || claimChanges === undefined) return undefined;
  const nodes = new Map<string, NodeObject | undefined>();
  for (const { before: old } of nodeChanges) {
    if (old === undefined) continue;
    // Two Nodes of one name in a list: which of them counts is not told by what changed.
    if (nodeOfName(previous, old.name) !== old) return undefined;
    nodes.set(old.name, undefined);
  }
  for (const { after } of nodeChanges) {
    if (after === undefined) continue;
    if (!nodes.has(after.name) && nodeOfName(previous, after.name) !== undefined) return undefined;
    nodes.set(after.name, after);
  }
  const claimed = new Set<string>();
  for (const { before: old, after } of claimChanges) {
    if (old !== undefined) claimed.add(nodeNameOf(old));
    if (after !== undefined) claimed.add(nodeNameOf(after));
  }
  const names = new Set([...nodes.keys(), ...claimed]);
  // A Node that is new may have a claim that was no node before.
  for (const name of nodes.keys()) if (!previous.nodeIndexByName.has(name)) claimed.add(name);
  // What is coming up may be late now.
  for (const index of nodesInState(previous.columns, UPCOMING | CLAIM_NOT_READY)) {
    const node = previous.nodes[index];
    if (node !== undefined) names.add(node.name);
  }
  return partsNow(previous, { objects, names, nodes, claimed });
}

function nodeOfName({ nodeIndexByName, nodes }: ClusterSnapshot, name: string): NodeObject | undefined {
  return nodes[nodeIndexByName.get(name) ?? -1]?.node;
}

function changesOf<T>(before: Listed<T>, after: Listed<T>, uidOf: (one: T) => string) {
  if (before === after) return [];
  const most = Math.max(CHANGES_MIN, before.length / ENTRIES_PER_CHANGE);
  const told = after.changesSince?.(before);
  if (told !== undefined) return told.length > most ? undefined : told;
  const isSame = (left: T, right: T): boolean => uidOf(left) === uidOf(right);
  return listChanges(arrayOf(before), arrayOf(after), { most, isSame });
}

/** Looks at each of the names: what it is made of now, and whether it is a node at all. */
function partsNow(
  previous: ClusterSnapshot,
  next: {
    readonly objects: ClusterObjects;
    readonly names: ReadonlySet<string>;
    /** Nodes that are other objects than before, undefined: gone. */
    readonly nodes: ReadonlyMap<string, NodeObject | undefined>;
    /** Names whose claim may be another one than before. */
    readonly claimed: ReadonlySet<string>;
  },
): NextMembers {
  const { objects, names, nodes, claimed } = next;
  const claims = claimsOf(objects, claimed);
  const touched = new Map<string, Parts>();
  const came: string[] = [];
  const gone = new Set<number>();
  for (const name of names) {
    const index = previous.nodeIndexByName.get(name);
    const old = index === undefined ? undefined : previous.nodes[index];
    const parts = {
      node: nodes.has(name) ? nodes.get(name) : old?.node,
      claim: claimed.has(name) ? claims.get(name) : old?.claim,
    };
    const isNow = parts.claim !== undefined && isUpcoming(parts.claim, objects.observedAtMs);
    if (parts.node === undefined && !isNow) {
      if (index !== undefined) gone.add(index);
      continue;
    }
    if (old === undefined) came.push(name);
    else if (old.node === parts.node && old.claim === parts.claim && !old.upcoming && !isNow) continue;
    touched.set(name, parts);
  }
  return ordered(previous, { touched, came, gone });
}

/** The claim that counts for each of the names. */
function claimsOf({ claims }: ClusterObjects, names: ReadonlySet<string>): ReadonlyMap<string, NodeClaim> {
  const found = new Map<string, NodeClaim>();
  if (names.size === 0) return found;
  for (const claim of claims) {
    const name = nodeNameOf(claim);
    if (names.has(name)) found.set(name, claimOfName(found.get(name), claim));
  }
  return found;
}

/** Puts those that came among those that stay. */
function ordered(
  previous: ClusterSnapshot,
  by: {
    readonly touched: ReadonlyMap<string, Parts>;
    readonly came: string[];
    readonly gone: ReadonlySet<number>;
  },
): NextMembers {
  const { touched, came, gone } = by;
  const touchedAt = new Map<number, Parts>();
  if (came.length === 0 && gone.size === 0) {
    for (const [name, parts] of touched) touchedAt.set(previous.nodeIndexByName.get(name) ?? -1, parts);
    return { names: undefined, cameFrom: undefined, touched: touchedAt };
  }
  came.sort();
  const names: string[] = [];
  const cameFrom = new Int32Array(previous.nodes.length + came.length - gone.size);
  const push = (name: string, from: number): void => {
    cameFrom[names.length] = from;
    names.push(name);
  };
  let next = 0;
  for (const [index, { name }] of previous.nodes.entries()) {
    for (let one = came[next]; one !== undefined && one < name; one = came[next]) {
      push(one, -1);
      next += 1;
    }
    if (!gone.has(index)) push(name, index);
  }
  for (const one of came.slice(next)) push(one, -1);
  if (touched.size > 0) {
    for (const [index, name] of names.entries()) {
      const parts = touched.get(name);
      if (parts !== undefined) touchedAt.set(index, parts);
    }
  }
  return { names, cameFrom, touched: touchedAt };
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
