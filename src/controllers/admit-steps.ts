// Between check and execute: which steps of a plan may be executed, by what the checker found. A fault of one pool's steps
// stops that pool alone, so that it cannot hold up the cluster; a fault of the plan stops all of it.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Finding } from '../planner/finding.ts';
import type { Plan, PlanStep } from '../planner/plan.ts';
import { type SingleStep, singleSteps } from '../planner/single-steps.ts';
import type { StepOutcome } from './execute-plan.ts';

export interface AdmittedSteps {
  /** `plan` less what is refused; undefined: nothing of it may be executed. */
  readonly plan: Plan | undefined;
  readonly refused: readonly StepOutcome[];
}

/** Removals that rest on the places that their pods have in the same plan. */
const NEEDS_PLACES: ReadonlySet<string> = new Set(['ScaleDown', 'Unready', 'Consolidated']);

/** A line of the decision log is said per step: a thousand findings in each of a thousand lines would be a flood. */
const MESSAGES_MAX = 3;

/** The part of `plan` that may be executed. A pool that gives nodes up by choice waits with a refused one that would have
 *  grown: the new nodes may be where its pods were to go. */
export function admitSteps(plan: Plan, findings: readonly Finding[], snapshot: ClusterSnapshot): AdmittedSteps {
  const fatal = findings.filter((finding) => finding.severity === 'fatal');
  const whole = fatal.filter((finding) => finding.pool === undefined);
  if (snapshot.objects.cluster.spec.paused === true) return { plan: undefined, refused: [] };
  if (whole.length > 0) {
    const why = `the plan is refused: ${messages(whole)}`;
    return { plan: undefined, refused: singleSteps(plan.steps).map((step) => refusal(step, why)) };
  }
  if (fatal.length === 0) return { plan, refused: [] };
  const stopped = new Map<string, string>();
  for (const { pool = '' } of fatal) {
    stopped.set(pool, `the pool's steps are refused: ${messages(fatal.filter((finding) => finding.pool === pool))}`);
  }
  if (plan.steps.some((step) => step.kind === 'createClaims' && stopped.has(step.pool))) {
    for (const step of plan.steps) {
      if (step.kind !== 'removeClaim' || !NEEDS_PLACES.has(step.reason) || stopped.has(step.pool)) continue;
      stopped.set(step.pool, 'its pods may have been meant for new nodes of a pool whose steps are refused');
    }
  }
  const poolOfClaim = new Map(snapshot.objects.claims.map(({ metadata, spec }) => [metadata.name, spec.poolName]));
  const whyStopped = (step: PlanStep): string | undefined =>
    stopped.get((step.kind === 'setTimer' ? poolOfClaim.get(step.claim) : step.pool) ?? '');
  const refused = plan.steps.flatMap((step) => {
    const why = whyStopped(step);
    return why === undefined ? [] : singleSteps([step]).map((single) => refusal(single, why));
  });
  return { plan: { ...plan, steps: plan.steps.filter((step) => whyStopped(step) === undefined) }, refused };
}

function refusal(step: SingleStep, why: string): StepOutcome {
  return { step, kind: 'dropped', why };
}

/** Findings that share a decision, as one text. */
function messages(findings: readonly Finding[]): string {
  const shown = findings.slice(0, MESSAGES_MAX).map((finding) => finding.message);
  const more = findings.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}
