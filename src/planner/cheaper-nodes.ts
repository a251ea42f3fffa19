// The search for nodes that fewer or cheaper ones could replace. Which sets of them are tried: single ones and runs of a list in
// which those come first whose pods are worth least for what the node costs. Of those that save enough the one that is worth most
// wins (what it saves less what its moves are charged with); of equal ones that which moves fewer pods, then fewer nodes, then
// the first. The search is bounded in steps.
import { holdsInAnyOrder, mostWorth, tryCheaperNodes, type CheaperNodes, type Terms } from './try-cheaper-nodes.ts';
import type { Refused } from './node-limits.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** Nodes of one set. One replacement is to be small, so that a wrong guess costs little; a claim can name no more than the
 *  last of them (REPLACES_MAX). */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16];
/** Tried one by one, and as the first of a run. */
const SINGLES_MAX = 24;
const STARTS_MAX = 4;
/** Of about 30 ns each: 60 ms, in which other clusters wait. A search costs at most so many and one trial more. */
const STEPS_MAX = 2_000_000;
/** Of them, for saying what sets could be worth. */
const ESTIMATES_SHARE = 0.5;

export interface SearchResult {
  readonly best: CheaperNodes | undefined;
  /** Sets that were looked at. */
  readonly tried: number;
  /** The first limit that forbade new nodes, if one did. */
  readonly limit: Refused | undefined;
}

/** The best replacement of some of `candidates`, which are in the order in which they are to be tried. What a set could be worth
 *  at most is cheap to say; those that could be worth most are tried first, until nothing better can be found. */
export function findCheaperNodes(terms: Terms, candidates: readonly Candidate[]): SearchResult {
  const { sets, all } = promisingSets(terms, candidates);
  let best: CheaperNodes | undefined;
  let limit: Refused | undefined;
  let tried = 0;
  for (const { set, most } of sets) {
    if (best !== undefined && micro(most) <= micro(best.worth)) break;
    if (terms.steps > STEPS_MAX) {
      terms.draft.cutShort.add(`consolidation tried ${tried} sets of nodes of ${sets.length} that look cheaper`);
      break;
    }
    tried += 1;
    const outcome = tryCheaperNodes(terms, set);
    if (outcome.kind === 'no') limit ??= outcome.limit;
    else if (isBetter(outcome.found, best) && holdsInAnyOrder(terms, outcome.found)) best = outcome.found;
  }
  return { best, tried: all, limit };
}

interface PromisingSet {
  readonly set: readonly Candidate[];
  /** What it could be worth at most. */
  readonly most: number;
}

function promisingSets(
  terms: Terms,
  candidates: readonly Candidate[],
): { readonly sets: readonly PromisingSet[]; readonly all: number } {
  const sets: PromisingSet[] = [];
  let all = 0;
  for (const set of setsOf(candidates)) {
    if (terms.steps > STEPS_MAX * ESTIMATES_SHARE) {
      terms.draft.cutShort.add(`consolidation looked at ${all} sets of nodes and not at all that there are`);
      break;
    }
    all += 1;
    const most = mostWorth(terms, set);
    if (most !== undefined) sets.push({ set, most });
  }
  return { sets: sets.sort((a, b) => micro(b.most) - micro(a.most)), all };
}

/** Equal ones stay in their order. */
function isBetter(one: CheaperNodes, best: CheaperNodes | undefined): boolean {
  if (best === undefined) return true;
  const more = micro(one.worth) - micro(best.worth) || best.podsMoved - one.podsMoved;
  return (more || best.candidates.length - one.candidates.length) > 0;
}

/** Sums of prices differ in the last digits: compared to a millionth. */
function micro(price: number): number {
  return Math.round(price * 1e6);
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

/** From the front first, then single ones, then from the next ones on: what a search that is cut short did not get to matters least. */
function* runsOf(list: readonly Candidate[]): Generator<readonly Candidate[]> {
  for (const size of SIZES) if (size <= list.length) yield list.slice(0, size);
  for (let start = 1; start < SINGLES_MAX && start < list.length; start += 1) yield list.slice(start, start + 1);
  for (let start = 1; start < STARTS_MAX; start += 1) {
    for (const size of SIZES) if (size > 1 && start + size <= list.length) yield list.slice(start, start + size);
  }
}
