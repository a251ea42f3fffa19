// In which order nodes are tried for removal, and in which order the others are filled with their pods. Both decide which set of
// nodes can go together: pods go where nothing will be removed first, so that as few as possible move and none twice.
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { compareText } from './claim-facts.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** How long the part of a search that is cut short starts at the same place: the loop's slowest pace. */
const TURN_MS = 10_000;
/** A prime, so that turns reach every place of a list sooner or later. */
const TURN_STRIDE = 7919;

/** Empty ones first; then those unneeded for longest, so that what was found before stays found; then those that free most
 *  price per hour for each pod that they evict; then the least used; then by name. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    Math.sign(a.pods.length) - Math.sign(b.pods.length) ||
    // Not Infinity for "not yet": Infinity - Infinity is NaN.
    (a.unneededSinceMs ?? Number.MAX_SAFE_INTEGER) - (b.unneededSinceMs ?? Number.MAX_SAFE_INTEGER) ||
    b.pricePerHour * a.pods.length - a.pricePerHour * b.pods.length ||
    a.utilization - b.utilization ||
    compareText(a.node.name, b.node.name)
  );
}

/** The candidates that a search did not get to, from another place on every ten seconds: none waits for ever. */
export function turned<Of>(candidates: readonly Of[], nowMs: number): readonly Of[] {
  if (candidates.length < 2) return candidates;
  const start = (Math.floor(nowMs / TURN_MS) * TURN_STRIDE) % candidates.length;
  return [...candidates.slice(start), ...candidates.slice(0, start)];
}

/** Node indices in the order in which they take pods: those that stay, the most used first; then the candidates, the last to be
 *  tried first; last those that are not Ready yet, as a removal that needs them waits. `candidates`: their indices, in their order. */
export function fillOrder(fork: ForkedSnapshot, candidates: readonly number[]): readonly number[] {
  const tried = new Set(candidates);
  const { nodes } = fork.snapshot;
  const staying: { readonly index: number; readonly used: number; readonly name: string }[] = [];
  const upcoming: number[] = [];
  for (let index = 0; index < fork.nodeCount; index += 1) {
    const node = nodes[index];
    if (!fork.isOpen(index) || tried.has(index)) continue;
    if (node === undefined || node.upcoming) upcoming.push(index);
    else staying.push({ index, used: usedShare(fork, index), name: node.name });
  }
  staying.sort((a, b) => b.used - a.used || compareText(a.name, b.name));
  return [...staying.map(({ index }) => index), ...[...tried].reverse(), ...upcoming];
}

/** The larger one of cpu and memory asked for, over what there is. */
function usedShare(fork: ForkedSnapshot, index: number): number {
  const [allocatable, requested] = [fork.allocatableOn(index), fork.requestedOn(index)];
  const share = (asked: number, all: number): number => (all > 0 ? asked / all : 1);
  return Math.max(
    share(requested.cpuMillis, allocatable.cpuMillis),
    share(requested.memoryBytes, allocatable.memoryBytes),
  );
}
