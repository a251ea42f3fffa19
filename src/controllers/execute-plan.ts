// Stage 8: writes a plan's steps as intent. Takes no decision: a step whose precondition no longer holds on fresh state
// is dropped, and planned again on the next pass. Executing the same plan twice changes nothing the second time.
//
// Order within a pool: finalizer, desiredNodes, creations, removals. desiredNodes goes first in both directions, because
// after a crash the next plan converges the claims to it: grown first, the missing claims are created; shrunk first, the
// superfluous ones are removed. The other way round a removed claim would be created again.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Plan } from '../planner/plan.ts';
import { type SingleStep, singleSteps } from '../planner/single-steps.ts';
import type { ClaimExpectations } from './claim-expectations.ts';
import type { ClusterContext } from './cluster-context.ts';
import {
  createClaim,
  deleteMarked,
  deletionIsMeant,
  type Execution,
  removeClaim,
  setDesiredNodes,
  setTimer,
} from './execute-step.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import { holdPool } from './pool-finalizer.ts';
import { isPortError } from './port-errors.ts';

export interface StepOutcome {
  readonly step: SingleStep;
  /** dropped: its precondition no longer holds; failed: an operating failure. Both are planned again. */
  readonly kind: 'done' | 'dropped' | 'failed';
  /** Empty when done. */
  readonly why: string;
}

interface Run extends Execution {
  readonly outcomes: StepOutcome[];
  /** Set once a service did not answer: asking it again for every pool would take a timeout each. */
  away: string | undefined;
}

/** Writes under way at once: keeps a burst of a hundred claims within a second without crowding out other clusters. */
const PARALLEL_WRITES = 8;

/** Carries out `plan`, which stands on `snapshot`. Operating failures are outcomes of their steps; only a programmer
 *  error rejects. */
export async function executePlan(
  context: ClusterContext,
  plan: Plan,
  options: { readonly snapshot: ClusterSnapshot; readonly expectations: ClaimExpectations },
): Promise<readonly StepOutcome[]> {
  const run: Run = { context, ...options, outcomes: [], away: undefined };
  await finishRemovals(run);
  const all = singleSteps(plan.steps);
  const names = all.flatMap((step) => (step.kind === 'createClaim' ? [step.name] : []));
  const taken =
    names.length === 0
      ? new Set<string>()
      : await ask(run, 'server names in use', () => context.cloud.serverNamesTaken(names));
  const pools = new Set(all.flatMap((step) => (step.kind === 'setTimer' ? [] : [step.pool])));
  for (const pool of pools) {
    const steps = all.filter((step) => step.kind !== 'setTimer' && step.pool === pool);
    await executePool(run, steps, taken);
  }
  const timers = all.filter((step) => step.kind === 'setTimer');
  await inParallel(timers, (step) => attempt(run, step, () => setTimer(run, step)));
  return run.outcomes;
}

/** The steps of one pool; without its desiredNodes the rest of the pool is dropped. */
async function executePool(
  run: Run,
  steps: readonly SingleStep[],
  taken: ReadonlySet<string> | undefined,
): Promise<void> {
  const desired = steps.filter((step) => step.kind === 'setDesiredNodes');
  const creates = steps.filter((step) => step.kind === 'createClaim');
  const removes = steps.filter((step) => step.kind === 'removeClaim');
  const frozen = removes.length > 0 ? run.context.frozen() : undefined;
  if (run.away !== undefined) return drop(run, steps, run.away);
  if (frozen !== undefined) return drop(run, steps, `frozen: ${frozen}`);
  if (taken === undefined && creates.length > 0) return drop(run, steps, 'server names in use are not known');
  if (removes.some((step) => step.reason === 'PoolDeleted')) {
    const meant = await ask(run, 'deletion of the pool', () => deletionIsMeant(run, removes));
    if (meant !== true) return drop(run, steps, 'the pool itself is not being deleted');
  }
  for (const step of desired) {
    if (!(await attempt(run, step, () => setDesiredNodes(run, step)))) {
      return drop(run, [...creates, ...removes], 'desiredNodes could not be set');
    }
  }
  const first = creates[0];
  if (first !== undefined && taken !== undefined) {
    const held = await ask(run, 'hold on the pool', () => holdPool(run.context, first.pool, first.spec.poolUid));
    if (held === undefined) drop(run, creates, 'the pool is gone, going or out of reach');
    else await inParallel(creates, (step) => attempt(run, step, () => createClaim(run, step, taken)));
  }
  await inParallel(removes, (step) => attempt(run, step, () => removeClaim(run, step)));
}

function drop(run: Run, steps: readonly SingleStep[], why: string): void {
  for (const step of steps) run.outcomes.push({ step, kind: 'dropped', why });
}

/** Does one step; text is the precondition that does not hold. Returns whether it was done. */
async function attempt(run: Run, step: SingleStep, write: () => Promise<string | undefined>): Promise<boolean> {
  if (!mayWrite(run)) {
    drop(run, [step], 'the lease is not held');
    return false;
  }
  try {
    const why = await write();
    run.outcomes.push({ step, kind: why === undefined ? 'done' : 'dropped', why: why ?? '' });
    return why === undefined;
  } catch (error) {
    if (!isPortError(error)) throw error;
    if (error.code === 'unavailable') run.away = error.message;
    run.outcomes.push({ step, kind: error.code === 'conflict' ? 'dropped' : 'failed', why: error.message });
    return false;
  }
}

/** An answer that steps depend on; undefined when it could not be had, which drops them. */
async function ask<T>(run: Run, what: string, question: () => Promise<T>): Promise<T | undefined> {
  if (!mayWrite(run) || run.away !== undefined) return undefined;
  try {
    return await question();
  } catch (error) {
    if (!isPortError(error)) throw error;
    if (error.code === 'unavailable') run.away = error.message;
    run.context.telemetry.log('warn', 'a precondition could not be checked', {
      ...clusterFields(run.context),
      what,
      ...errorFields(error),
    });
    return undefined;
  }
}

function mayWrite({ context }: Run): boolean {
  return context.lease().held && !context.signal.aborted;
}

/** A lost controller may have marked a claim without deleting it: its decision stands, the second half is done now. */
async function finishRemovals(run: Run): Promise<void> {
  if (run.context.frozen() !== undefined) return;
  const halfDone = run.snapshot.objects.claims.filter(
    (claim) => claim.status?.removal !== undefined && claim.metadata.deletionTimestamp === undefined,
  );
  await inParallel(halfDone, (claim) => ask(run, `removal of ${claim.metadata.name}`, () => deleteMarked(run, claim)));
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += PARALLEL_WRITES) {
    await Promise.all(items.slice(from, from + PARALLEL_WRITES).map(run));
  }
}
