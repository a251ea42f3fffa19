// The steps of a plan one by one, as they are carried out and told to people: a plan holds equal new claims as one step.
import type { NodeClaimSpec } from '../api/node-claim.ts';
import { nameAt } from './node-names.ts';
import { type Plan, podsIn, type PlanStep, type PodRange, podVerdicts, shareOf } from './plan.ts';
import { plannedPodsOf } from './planned-pods.ts';

/** Pods named in the reason of a new node; the step lists all of them. */
const PODS_NAMED = 3;

/** One of the claims of a `createClaims`. */
export interface CreateClaim {
  readonly kind: 'createClaim';
  readonly pool: string;
  readonly name: string;
  /** The whole intent: with the pods that it is made for. */
  readonly spec: NodeClaimSpec;
  readonly reason: string;
  /** Whom the node is for. */
  readonly pods: readonly PodRange[];
}

/** A step that is done or not, as a whole. */
export type SingleStep = Exclude<PlanStep, CreateClaims> | CreateClaim;

type CreateClaims = PlanStep & { readonly kind: 'createClaims' };

/** `steps` one by one, in their order. */
export function singleSteps(steps: readonly PlanStep[]): readonly SingleStep[] {
  return steps.flatMap((step): readonly SingleStep[] => (step.kind === 'createClaims' ? singleClaims(step) : [step]));
}

/** How many claims `step` creates. */
export function claimsCreated(step: PlanStep): number {
  return step.kind === 'createClaims' ? step.names.numbers.length : 0;
}

/** The plan as plain data for other programs: single steps, a verdict per pod, uids instead of pods. */
export function planJson(plan: Plan): Readonly<Record<string, unknown>> {
  const steps = singleSteps(plan.steps).map((step) => {
    if (step.kind !== 'createClaim') return step;
    const { pods, ...rest } = step;
    return { ...rest, podUids: podsIn(pods).map((pod) => pod.uid) };
  });
  const { polishable: _numbers, ...said } = plan;
  return { ...said, steps, report: { ...plan.report, pods: podVerdicts(plan.report) } };
}

function singleClaims({ pool, names, spec: common, reason, pods }: CreateClaims): readonly CreateClaim[] {
  const { numbers } = names;
  const plannedPods = plannedPodsOf(pods, numbers.length);
  const spec = plannedPods.length === 0 ? common : { ...common, plannedPods };
  return numbers.map((_, index) => {
    const own = pods.map((range) => shareOf(range, index, numbers.length));
    const forWhom = podsText(own);
    const why = reason === '' || forWhom === '' ? `${reason}${forWhom}` : `${reason}; ${forWhom}`;
    return { kind: 'createClaim', pool, name: nameAt(names, index), spec, reason: why, pods: own };
  });
}

/** "for a/b, a/c and 7 more". */
function podsText(ranges: readonly PodRange[]): string {
  const named: string[] = [];
  let count = 0;
  for (const { pods, from, to } of ranges) {
    for (const pod of pods.slice(from, Math.min(to, from + PODS_NAMED - named.length))) {
      named.push(`${pod.namespace}/${pod.name}`);
    }
    count += to - from;
  }
  if (count === 0) return '';
  return `for ${named.join(', ')}${count > PODS_NAMED ? ` and ${count - PODS_NAMED} more` : ''}`;
}
