// What a polish has found, by the problem that it is the answer to: jobs that come again, a cluster that is scaled up again,
// get the better answer at once. Few and small: the least recently used goes first.
import type { LowerBound, PackingProblem } from '../bounds/packing-problem.ts';
import { modelOf } from '../bounds/packing-model.ts';
import type { PatternChoice } from './choose-patterns.ts';
import {
  asksTheSame,
  digestOf,
  type ImprovedPatterns,
  isSameProblem,
  type PatternsAsked,
} from './improved-patterns.ts';

/** Of one cluster. What a cluster scales up for again and again is a handful of problems. */
const ENTRIES_MAX = 16;
/** Of one cluster, answers included: 10,000 shapes take some 700 KiB, 300 take 20. The pods of such a cluster take more. */
const BYTES_MAX = 2 * 2 ** 20;

type Entry = { readonly digest: number; readonly bytes: number; readonly problem: PackingProblem } & (
  | {
      readonly kind: 'choice';
      readonly asked: PatternsAsked;
      readonly choice: PatternChoice;
      /** What it leaves out has no place anywhere, so it is an answer under other limits on nodes that it keeps. */
      readonly complete: boolean;
    }
  | { readonly kind: 'bound'; readonly bound: LowerBound }
);

/** Improved answers of one cluster. */
export class PatternMemory implements ImprovedPatterns {
  /** Most recently used last. */
  #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  find(asked: PatternsAsked): PatternChoice | undefined {
    const entry = this.#use(asked.problem, (known) => known.kind === 'choice' && holdsFor(known, asked));
    return entry?.kind === 'choice' ? entry.choice : undefined;
  }

  bound(problem: PackingProblem): LowerBound | undefined {
    const entry = this.#use(problem, (known) => known.kind === 'bound' && isSameProblem(known.problem, problem));
    return entry?.kind === 'bound' ? entry.bound : undefined;
  }

  /** Remembers the answer, in place of an earlier one to the same question. */
  keepChoice(asked: PatternsAsked, choice: PatternChoice): void {
    const { problem } = asked;
    this.#drop((known) => known.kind === 'choice' && asksTheSame(known.asked, asked));
    const hopeless = new Set(modelOf(problem).hopeless);
    const complete = choice.left.every((pods, shape) => pods === 0 || hopeless.has(shape));
    const bytes = bytesOf(problem) + bytesOfChoice(choice);
    this.#add({ kind: 'choice', digest: digestOf(problem), bytes, problem, asked, choice, complete });
  }

  keepBound(problem: PackingProblem, bound: LowerBound): void {
    this.#drop((known) => known.kind === 'bound' && isSameProblem(known.problem, problem));
    this.#add({ kind: 'bound', digest: digestOf(problem), bytes: bytesOf(problem), problem, bound });
  }

  #use(problem: PackingProblem, matches: (entry: Entry) => boolean): Entry | undefined {
    if (this.#entries.length === 0) return undefined;
    const digest = digestOf(problem);
    const at = this.#entries.findIndex((entry) => entry.digest === digest && matches(entry));
    const [entry] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (entry !== undefined) this.#entries.push(entry);
    return entry;
  }

  #drop(matches: (entry: Entry) => boolean): void {
    this.#entries = this.#entries.filter((entry) => !matches(entry));
  }

  #add(entry: Entry): void {
    if (entry.bytes > BYTES_MAX) return;
    this.#entries.push(entry);
    let bytes = this.#entries.reduce((sum, known) => sum + known.bytes, 0);
    while (bytes > BYTES_MAX || this.#entries.length > ENTRIES_MAX) bytes -= this.#entries.shift()?.bytes ?? 0;
  }
}

function holdsFor(known: Entry & { readonly kind: 'choice' }, asked: PatternsAsked): boolean {
  const { groupNodesMax } = asked.problem;
  const { problem } = known;
  const sameRoom = { ...asked, problem: { ...asked.problem, groupNodesMax: problem.groupNodesMax } };
  if (!asksTheSame(known.asked, sameRoom) || groupNodesMax.length !== problem.groupNodesMax.length) return false;
  if (groupNodesMax.every((room, group) => room === problem.groupNodesMax[group])) return true;
  const room = groupNodesMax.slice();
  for (const { offer, nodes } of known.choice.patterns) {
    const group = problem.limitGroups[offer] ?? 0;
    room[group] = (room[group] ?? 0) - nodes;
  }
  return known.complete && room.every((nodes) => nodes >= 0);
}

function bytesOf(problem: PackingProblem): number {
  const { requests, counts, perNodeMax, capacities, prices, tiers, flavors, limitGroups, groupNodesMax, allowed } =
    problem;
  const columns = [requests, counts, perNodeMax, capacities, prices, tiers, flavors, limitGroups];
  const exclusions = problem.exclusions.reduce((sum, { shapes }) => sum + shapes.length * 8, 0);
  return [...columns, groupNodesMax, allowed].reduce((sum, column) => sum + column.byteLength, exclusions);
}

function bytesOfChoice({ patterns, left, worth }: PatternChoice): number {
  // An object and two typed arrays of their own: some 300 bytes before the first number.
  const each = patterns.reduce((sum, { shapes, amounts }) => sum + 300 + shapes.byteLength + amounts.byteLength, 0);
  return each + left.byteLength + worth.byteLength;
}
