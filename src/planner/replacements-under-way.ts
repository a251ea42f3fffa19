// Which nodes are being replaced by which, read from claims alone: a restart or another leader sees the same. Claims that
// name the same nodes in `spec.replaces` are one replacement. It is under way as long as one of those nodes stands, their pools
// still want it, and its time is not over; after that all of them are nodes like others.
import type { NodeClaim } from '../api/node-claim.ts';
import { compareText, isStanding, isUpcoming, timeMs } from './claim-facts.ts';
import type { PlanDraft } from './plan-draft.ts';
import { consolidates } from './pool-state.ts';

/** How long after the last new node became Ready the old ones may wait for their turn (a budget at 0, pods that do not fit
 *  just now): both are paid for. So long are pods awaited on the node that was made for them, too. */
const SWITCH_MS = 10 * 60_000;

export interface UnderWay {
  /** Made in place of the others, by name. */
  readonly added: readonly NodeClaim[];
  /** Those that still stand, by name. */
  readonly replaced: readonly NodeClaim[];
}

/** In the order of their first names. Claims that this plan removes do not count. */
export function replacementsUnderWay(draft: PlanDraft): readonly UnderWay[] {
  const { claims } = draft.objects;
  const byList = replacing(claims);
  if (byList.length === 0) return [];
  const byName = new Map(claims.map((claim) => [claim.metadata.name, claim]));
  return byList.flatMap(({ names, added }): readonly UnderWay[] => {
    const stands = (claim: NodeClaim | undefined): claim is NodeClaim =>
      claim !== undefined && isStanding(claim) && !draft.removals.has(claim.metadata.name);
    const standing = added.filter(stands);
    const replaced = names.map((name) => byName.get(name)).filter(stands);
    if (standing.length === 0 || replaced.length === 0) return [];
    if (!replaced.every((claim) => wantsIt(draft, claim))) return [];
    // One of them is on its way: the others follow when it is gone.
    const goesOn = names.some((name) => byName.has(name) && !stands(byName.get(name)));
    return goesOn || isInTime(standing, draft.nowMs) ? [{ added: standing, replaced }] : [];
  });
}

interface Replacing {
  readonly names: readonly string[];
  readonly added: readonly NodeClaim[];
}

/** Claims that replace others, by what they replace; looked for once per list. */
function replacing(claims: readonly NodeClaim[]): readonly Replacing[] {
  let found = known.get(claims);
  if (found !== undefined) return found;
  const byList = new Map<string, { readonly names: readonly string[]; readonly added: NodeClaim[] }>();
  const all = claims.filter((claim) => claim.spec.replaces !== undefined);
  for (const claim of all.sort((a, b) => compareText(a.metadata.name, b.metadata.name))) {
    const names = [...(claim.spec.replaces ?? [])].sort(compareText);
    const key = names.join(' ');
    const same = byList.get(key);
    if (same === undefined) byList.set(key, { names, added: [claim] });
    else same.added.push(claim);
  }
  found = [...byList].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one);
  known.set(claims, found);
  return found;
}

const known = new WeakMap<readonly NodeClaim[], readonly Replacing[]>();

function wantsIt(draft: PlanDraft, claim: NodeClaim): boolean {
  const pool = draft.poolsByName.get(claim.spec.poolName);
  return pool !== undefined && consolidates(pool);
}

/** New nodes that do not come up are given up by their provision timeout (plan-replacement.ts). */
function isInTime(added: readonly NodeClaim[], nowMs: number): boolean {
  const readyMs = added.map((claim) => (isUpcoming(claim) ? nowMs : (timeMs(claim.status?.readyAt) ?? 0)));
  return nowMs - Math.max(...readyMs) <= SWITCH_MS;
}
