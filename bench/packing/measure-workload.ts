// One workload measured from cold: read, decided on, the answer verified, then decided on again for the percentiles.
// Runs in a process of its own (measured-process.ts): the first decision finds no compiled code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../../src/planner/plan.ts';
import { verifyPacking } from '../../test/packing/verify-packing.ts';
import { percentile, round } from '../figures.ts';
import type { Offered } from '../inputs/empty-cluster.ts';
import { readNodeTypes } from '../inputs/read-node-types.ts';
import { type IndexEntry, readWorkload, type Workload } from '../inputs/read-workload.ts';
import { decide, type Decision, freshSnapshot, loadWorkload, type Loaded, polishDecision } from './decide.ts';
import { packingLines, packingOf, type PlannedPacking } from './packing-of-plan.ts';
import { type Bound, holds, simpleBound } from './simple-bound.ts';

export interface MeasureRequest {
  readonly inputs: string;
  readonly entry: IndexEntry;
  readonly typesFile: string | undefined;
  readonly zones: readonly string[];
  /** Further decisions; undefined: as many as fit DECIDING_MS. */
  readonly repeat: number | undefined;
  readonly packingOut: string | undefined;
  /** Time for a polish of the first plan; 0: none. */
  readonly polishSeconds: number;
}

/** The line of JSON that other programs read; names and order are fixed. Times in milliseconds, memory in MiB, bound and
 *  gap in nodes (one-type) or cost per hour (mixed); gap is the share above the bound, polished_gap that of the polished
 *  plan above its own bound. null: there is none. */
export interface WorkloadFigures {
  readonly input: string;
  readonly mode: 'one-type' | 'mixed';
  readonly decode_ms: number;
  readonly intern_ms: number;
  readonly first_ms: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly nodes: number;
  readonly cost_per_hour: number;
  readonly unplaced: number;
  readonly lower_bound: number;
  readonly lower_bound_kind: string;
  readonly gap: number | null;
  readonly polished_gap: number | null;
  readonly rss_mb: number;
  readonly verified: boolean;
}

export interface Measured {
  readonly figures: WorkloadFigures;
  /** What a person should know besides; one line each. */
  readonly notes: readonly string[];
}

/** Decisions that are not measured, so that p99 is of a process that runs, not of one that starts (which first_ms is): as many as
 *  are measured, in so much time; and a few however long they take. */
const WARM_UP_MIN = 3;
const WARM_UP_MS = 2000;
const REPEAT_MAX = 200;
const REPEAT_MIN = 5;
/** Time for further decisions when nobody says how many. */
const DECIDING_MS = 15_000;
/** Costs are sums of prices. */
const ROUNDING = 1 + 1e-9;
const NO_BOUND: Bound = { value: 0, kind: 'none' };
/** Lines of what is wrong, and groups without a place, that are shown. */
const SHOWN = 8;

export function measureWorkload(request: MeasureRequest): Measured {
  const workload = readWorkload(request.inputs, request.entry);
  const { typesFile } = request;
  const types = typesFile === undefined ? [workload.template] : readNodeTypes(typesFile);
  const offered: Offered = { types, zones: request.zones };
  const loaded = loadWorkload(workload, offered);
  const first = decide(loaded.snapshot);
  const rssMiB = round(process.resourceUsage().maxRSS / 1024, 0);
  const asked: Asked = { request, workload, offered };
  const answer = answerOf(asked, first);
  const wrong = [...answer.wrong];
  const timesMs = wrong.length > 0 ? [] : furtherDecisions(loaded, first, request.repeat);
  const polished = wrong.length > 0 ? undefined : polishedAnswer(asked, loaded, first);
  wrong.push(...(polished?.wrong ?? []));
  const { packing, bound } = answer;
  const figures: WorkloadFigures = {
    input: workload.name,
    mode: typesFile === undefined ? 'one-type' : 'mixed',
    decode_ms: round(loaded.decodeMs),
    intern_ms: round(loaded.internMs),
    first_ms: round(first.tookMs),
    p50_ms: round(percentile(timesMs, 0.5)),
    p99_ms: round(percentile(timesMs, 0.99)),
    nodes: packing.nodes.length,
    cost_per_hour: round(first.plan.report.costPerHour, 4),
    unplaced: packing.unplaced.length,
    lower_bound: round(bound.value, 4),
    lower_bound_kind: bound.kind,
    gap: answer.gap,
    polished_gap: polished?.gap ?? null,
    rss_mb: rssMiB,
    verified: wrong.length === 0,
  };
  const notes = [
    ...wrong,
    ...first.plan.report.cutShort.map((what) => `cut short: ${what}`),
    ...(polished === undefined ? [] : [polishedNote(polished)]),
    ...leftNotes(workload, packing),
  ];
  return { figures, notes: notes.map((note) => `${workload.name}: ${note}`) };
}

interface Asked {
  readonly request: MeasureRequest;
  readonly workload: Workload;
  readonly offered: Offered;
}

interface Answer {
  readonly plan: Plan;
  readonly packing: PlannedPacking;
  readonly bound: Bound;
  /** null: pods are left out that a node could hold. */
  readonly gap: number | null;
  /** Empty when the plan holds. */
  readonly wrong: readonly string[];
}

/** The plan verified and held against the bound, and written where it was asked for. */
function answerOf({ request, workload, offered }: Asked, decision: Decision, suffix = ''): Answer {
  const { plan } = decision;
  const packing = packingOf(plan);
  const wrong = [...faultsOf({ workload, offered, decision, packing })];
  if (request.packingOut !== undefined) {
    mkdirSync(request.packingOut, { recursive: true });
    writeFileSync(join(request.packingOut, `${workload.name}${suffix}.ndjson`), packingLines(packing.nodes));
  }
  const oneType = request.typesFile === undefined;
  const value = oneType ? packing.nodes.length : plan.report.costPerHour;
  // A plan for some of the pods cannot be held against a bound for all of them.
  const complete = packing.unplaced.length === hopelessPods(workload, offered);
  const bound = bestBound(decision, complete ? simpleBound(workload, offered.types, oneType) : NO_BOUND, oneType);
  if (bound.value > value * ROUNDING) wrong.push(`the bound (${bound.kind}) is ${bound.value}, above ${value}`);
  return { plan, packing, bound, gap: complete ? round(value / bound.value - 1, 5) : null, wrong };
}

/** The first plan polished, verified like it; undefined: nobody asked. */
function polishedAnswer(asked: Asked, { snapshot }: Loaded, first: Decision): Answer | undefined {
  const seconds = asked.request.polishSeconds;
  return seconds === 0 ? undefined : answerOf(asked, polishDecision(snapshot, first, seconds), '.polished');
}

function polishedNote({ plan, packing, bound }: Answer): string {
  const cost = plan.report.costPerHour.toFixed(4);
  return `polished: ${packing.nodes.length} nodes for ${cost} per hour, bound ${round(bound.value, 4)} (${bound.kind})`;
}

/** The sharper of what the plan proves for the pods that it places and what is plain for all of them. */
function bestBound({ plan }: Decision, plain: Bound, oneType: boolean): Bound {
  const { cost } = plan.report;
  if (cost === undefined) return plain;
  const value = oneType ? cost.lowerBoundNodes : cost.lowerBoundPerHour;
  return value * ROUNDING < plain.value ? plain : { value, kind: cost.lowerBoundKind };
}

/** Findings of the product's checker and of the independent one; empty when the plan holds. */
function faultsOf(of: {
  readonly workload: Workload;
  readonly offered: Offered;
  readonly decision: Decision;
  readonly packing: PlannedPacking;
}): readonly string[] {
  const { workload, offered, decision, packing } = of;
  const fatal = decision.findings.filter(({ severity }) => severity === 'fatal').map(({ message }) => message);
  const wrong = [...fatal, ...verifyPacking({ workload, ...offered, ...packing })];
  return wrong.length <= SHOWN ? wrong : [...wrong.slice(0, SHOWN), `and ${wrong.length - SHOWN} more of the kind`];
}

function furtherDecisions(loaded: Loaded, first: Decision, repeat: number | undefined): readonly number[] {
  const timesMs: number[] = [];
  let version = 1;
  const decideAgain = (): number => {
    version += 1;
    const snapshot = freshSnapshot(loaded.objects, version);
    // A decision pays for its own garbage, not for what making fresh state for it left in the young generation.
    globalThis.gc?.({ type: 'minor' });
    const { plan, tookMs } = decide(snapshot);
    // Also what keeps the work from being thought useless.
    if (plan.report.costPerHour !== first.plan.report.costPerHour) {
      throw new Error(`decision ${version} on the same objects costs ${plan.report.costPerHour}, not as the first`);
    }
    return tookMs;
  };
  const repeatMax = repeat ?? REPEAT_MAX;
  for (let turn = 0, spentMs = 0; turn < WARM_UP_MIN || (turn < repeatMax && spentMs < WARM_UP_MS); turn += 1) {
    spentMs += decideAgain();
  }
  for (let spentMs = 0; timesMs.length < repeatMax; ) {
    if (repeat === undefined && timesMs.length >= REPEAT_MIN && spentMs > DECIDING_MS) break;
    const tookMs = decideAgain();
    spentMs += tookMs;
    timesMs.push(tookMs);
  }
  return timesMs;
}

/** Pods that no type holds even alone. */
function hopelessPods(workload: Workload, { types }: Offered): number {
  return workload.groups.reduce((sum, group) => sum + (types.some((type) => holds(type, group)) ? 0 : group.count), 0);
}

function leftNotes(workload: Workload, { unplaced, reasons }: PlannedPacking): readonly string[] {
  const groupOfPod = workload.groups.flatMap((group, index) => Array.from({ length: group.count }, () => index));
  const left = new Map<number, number[]>();
  for (const pod of unplaced) {
    const group = groupOfPod[pod] ?? -1;
    left.set(group, [...(left.get(group) ?? []), pod]);
  }
  const notes = [...left].slice(0, SHOWN).map(([index, pods]) => {
    const group = workload.groups[index];
    const asks = group === undefined ? '' : `${group.cpuMillis}m cpu, ${group.memoryMiB} MiB, ${group.gpus} GPU`;
    const numbers = pods.length <= SHOWN ? pods.join(', ') : `${pods[0]} and ${pods.length - 1} more`;
    return `without a node: pod ${numbers} of group ${index} (${asks}): ${reasons.get(pods[0] ?? -1) ?? ''}`;
  });
  return left.size <= SHOWN ? notes : [...notes, `without a node: pods of ${left.size - SHOWN} more groups`];
}
