// The search for nodes that fewer or cheaper ones could replace. Which sets of them are tried: single ones and runs of a list in
// which those come first whose pods are worth least for what the node costs. Of those that save enough the one that is worth most
// wins (what it saves less what its moves are charged with); of equal ones that which moves fewer pods, then fewer nodes, then
// the first. The search is bounded in steps.
import { holdsInAnyOrder, leastCost, tryCheaperNodes, type CheaperNodes, type Terms } from './try-cheaper-nodes.ts';
import type { Refused } from './node-budget.ts';
import { demandOf } from './pod-groups.ts';
import type { Candidate } from './scale-down-candidates.ts';
import { isMovable, compareText } from './claim-facts.ts';

/** Nodes that one replacement takes away: as few as save most of what there is to save, so that a wrong guess costs little. Not
 *  more than a claim can name (REPLACES_MAX). */
const SET_MAX = 8;
/** Tried one by one, and as the first of a run. */
const SINGLES_MAX = 24;
const STARTS_MAX = 4;
/** Of about 10 ns each. A search costs at most so many and one trial more. */
const STEPS_MAX = 10_000_000;
/** Of what saves enough, so many are looked at closer. */
const LOOKS_MAX = 8;

export interface SearchResult {
  readonly best: CheaperNodes | undefined;
  readonly tried: number;
  /** The first limit that forbade new nodes, if one did. */
  readonly limit: Refused | undefined;
}

/** The best replacement of some of `candidates`. */
export function findCheaperNodes(terms: Terms, candidates: readonly Candidate[]): SearchResult {
  const found: CheaperNodes[] = [];
  let limit: Refused | undefined;
  let tried = 0;
  for (const set of setsOf(wastefulFirst(terms, candidates))) {
    if (terms.steps > STEPS_MAX) {
      terms.draft.cutShort.add(`consolidation tried ${tried} sets of nodes and not all that it could`);
      break;
    }
    tried += 1;
    const outcome = tryCheaperNodes(terms, set);
    if (outcome.kind === 'no') limit ??= outcome.limit;
    else found.push(outcome.found);
  }
  const best = found
    .sort(byWorth)
    .slice(0, LOOKS_MAX)
    .find((one) => holdsInAnyOrder(terms, one));
  return { best, tried, limit };
}

/** Sums of prices differ in the last digits: to a millionth. Equal ones stay in their order. */
function byWorth(a: CheaperNodes, b: CheaperNodes): number {
  const micro = ({ worth }: CheaperNodes): number => Math.round(worth * 1e6);
  return micro(b) - micro(a) || a.podsMoved - b.podsMoved || a.candidates.length - b.candidates.length;
}

/** By the share of the price that the pods could be had for elsewhere, then by name. */
function wastefulFirst({ cutoff, offers }: Terms, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates
    .map((candidate) => {
      const displaced = candidate.pods.filter((pod) => pod.priority >= cutoff && isMovable(pod));
      const worth = leastCost(demandOf({ pending: [], displaced, rehoused: [] }), offers);
      return { candidate, share: worth / candidate.pricePerHour };
    })
    .sort((a, b) => a.share - b.share || compareText(a.candidate.node.name, b.candidate.node.name))
    .map(({ candidate }) => candidate);
}

/** Each set once. Runs of the whole list and of each pool's part of it: pods of different pools may not mix. */
function* setsOf(candidates: readonly Candidate[]): Generator<readonly Candidate[]> {
  const pools = [...new Set(candidates.map(({ pool }) => pool))];
  const lists = [
    candidates,
    ...(pools.length < 2 ? [] : pools.map((pool) => candidates.filter((one) => one.pool === pool))),
  ];
  const seen = new Set<string>();
  for (const list of lists) {
    for (const set of runsOf(list)) {
      const key = set.map(({ node }) => node.index).join();
      if (seen.has(key)) continue;
      seen.add(key);
      yield set;
    }
  }
}

function* runsOf(list: readonly Candidate[]): Generator<readonly Candidate[]> {
  for (let size = 1; size <= SET_MAX; size += 1) {
    const starts = size === 1 ? SINGLES_MAX : STARTS_MAX;
    for (let start = 0; start < starts && start + size <= list.length; start += 1)
      yield list.slice(start, start + size);
  }
}
