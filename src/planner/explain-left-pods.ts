// Why no new node helps a pod that has no place, for each pool, in words that a person can act on; and which pools are
// held back by a limit that a person can lift.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { belongsToNode } from '../cluster/pending-groups.ts';
import { carriesTerms } from '../scheduling/carried-terms.ts';
import { takesPods } from './pack-new-nodes.ts';
import type { Refusal } from '../scheduling/refusal.ts';
import type { Refused } from './node-limits.ts';
import { block, draftOffers, type PlanDraft } from './plan-draft.ts';
import type { PodPlace } from './plan.ts';
import { isEntangled } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import type { PoolState } from './pool-state.ts';

/** Kinds of pods that are explained in full in one plan: each costs a trial per pool, flavor and zone. */
const EXPLAINED_MAX = 100;
/** Those trials, over the whole plan: some microseconds each. */
const TRIALS_MAX = 20_000;

type Refusals = PodPlace['refusals'];

/** A function that explains one pod; equal pods are worked out once. */
export function openExplainer(draft: PlanDraft, options: { readonly cutoff: number }): (pod: PodObject) => Refusals {
  const known = new Map<string, Refusals>();
  let keptApart: boolean | undefined;
  let trials = 0;
  return (pod) => {
    if (pod.priority < options.cutoff) {
      return everyPool(
        draft,
        `priority ${pod.priority} is below the cutoff ${options.cutoff}: no node is added for it`,
      );
    }
    if (belongsToNode(pod)) return everyPool(draft, 'it belongs to one node, which has no room for it');
    keptApart ??=
      carriesTerms(draft.snapshot) ||
      draft.snapshot.pendingGroups.some(({ shape }) => shape.podAntiAffinity.length > 0);
    const key = kindOf(pod.shape, keptApart);
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= EXPLAINED_MAX || trials >= TRIALS_MAX) {
      draft.cutShort.add(`only ${known.size} kinds of pods without a place were explained in full`);
      return everyPool(draft, 'not worked out in this plan: too many kinds of pods have no place');
    }
    const refusals = draft.pools.map((pool) => ({ pool: pool.name, message: refusalOf(draft, pool, pod) }));
    known.set(key, refusals);
    for (const { offers, held } of draft.offers.values()) trials += offers.length + held.length;
    return refusals;
  };
}

/** Equal for pods of which a new node says the same. Who asks for size, labels and taints only is not told apart by its own
 *  name and labels, unless somebody's anti-affinity may look at them. */
function kindOf(shape: PodShape, keptApart: boolean): string {
  const { requests, nodeSelector, nodeAffinity, tolerations, features } = shape;
  if (keptApart || isEntangled(shape) || requests.exact !== undefined || shape.faults !== undefined)
    return `${shape.index}`;
  const { cpuMillis, memoryBytes, ephemeralBytes } = requests;
  const size = [cpuMillis, memoryBytes, ephemeralBytes, ...requests.extended];
  return JSON.stringify([size, [...nodeSelector], nodeAffinity, tolerations, features]);
}

function everyPool(draft: PlanDraft, message: string): Refusals {
  return draft.pools.map((pool) => ({ pool: pool.name, message }));
}

function refusalOf(draft: PlanDraft, pool: PoolState, pod: PodObject): string {
  if (pool.deleting) return 'the pool is being deleted';
  const [problem] = pool.problems;
  if (problem !== undefined) return `the pool is left as it stands: ${problem.message}`;
  const fit = fitOf(draft, pool, pod);
  if (fit.kind === 'no') return fit.why;
  if (!pool.settings.autoscale) {
    return 'a node of it would take the pod, but spec.autoscale is false: raise spec.desiredNodes or turn it on';
  }
  if (!takesPods(pool)) return 'spec.template.spec.unschedulable is true: its nodes take no new pods';
  for (const refused of fit.limits) block(draft, pool.name, refused);
  return fit.limits[0]?.message ?? 'a node of it would take the pod; the search was cut short, the next plan goes on';
}

type Fit =
  | { readonly kind: 'no'; readonly why: string }
  /** Would take the pod; `limits` is what stands against adding one. */
  | { readonly kind: 'yes'; readonly limits: readonly Refused[] };

function fitOf(draft: PlanDraft, pool: PoolState, pod: PodObject): Fit {
  const { offers, held, refused } = draftOffers(draft, pool);
  const reasons = new Map<string, Set<string>>();
  const limits: Refused[] = [];
  let fits = false;
  for (const { offer, why } of [...offers.map((one) => ({ offer: one, why: undefined })), ...held]) {
    const { flavor } = offer.template;
    const refusal = trialRefusal(draft, offer, pod);
    for (const reason of refusal?.reasons ?? []) {
      const flavors = reasons.get(reason) ?? new Set();
      reasons.set(reason, flavors.add(flavor.name));
    }
    if (refusal !== undefined) continue;
    fits = true;
    const limit = why ?? draft.budget.refusal(pool, flavor);
    if (limit !== undefined) limits.push(limit);
  }
  if (fits) return { kind: 'yes', limits };
  const words = [...reasons].map(([reason, flavors]) => `${[...flavors].join(', ')}: ${reason}`);
  const missing = refused.map((one) => one.message);
  return { kind: 'no', why: [...words, ...missing].join('; ') || 'the pool has no flavor to offer' };
}

function trialRefusal(draft: PlanDraft, offer: Offer, pod: PodObject): Refusal | undefined {
  const mark = draft.fork.mark();
  const index = draft.fork.addTemplateNode(offer.template, '~explained');
  const refusal = draft.fork.whyNot(pod, index);
  draft.fork.rollback(mark);
  return refusal;
}
