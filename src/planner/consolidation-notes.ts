// What a plan says of replacements: in the report, in the verdicts on nodes, and as the reason of claims.
import type { SearchResult } from './cheaper-nodes.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { Replaceable } from './replaceable-nodes.ts';
import type { CheaperNodes } from './try-cheaper-nodes.ts';

/** Puts another verdict on the nodes in question; `because` undefined: they go. */
export function judgeAnew(draft: PlanDraft, of: Pick<CheaperNodes, 'candidates'>, because: string | undefined): void {
  const names = new Set(of.candidates.map(({ claim }) => claim.metadata.name));
  draft.nodeVerdicts = draft.nodeVerdicts.map((verdict) =>
    names.has(verdict.claim) ? { ...verdict, keptBecause: because } : verdict,
  );
}

/** `2 × b3-32 (a-node-1, a-node-2) → 1 × b3-16: 0.1200 less per hour, 14 pods move`. */
export function changeText({ candidates, nodes, savesPerHour, podsMoved }: CheaperNodes): string {
  const names = candidates.map(({ claim }) => claim.metadata.name).join(', ');
  const old = counted(candidates.map(({ claim }) => claim.spec.flavor));
  const made =
    nodes.length === 0 ? 'room on other nodes' : counted(nodes.map(({ offer }) => offer.template.flavor.name));
  const pods = podsMoved === 1 ? '1 pod moves' : `${podsMoved} pods move`;
  return `${old} (${names}) → ${made}: ${savesPerHour.toFixed(4)} less per hour, ${pods}`;
}

function counted(flavors: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const flavor of [...flavors].sort()) counts.set(flavor, (counts.get(flavor) ?? 0) + 1);
  return [...counts].map(([flavor, count]) => `${count} × ${flavor}`).join(', ');
}

/** Why nothing is replaced, with the first of what stood in the way. */
export function nothingText(results: readonly SearchResult[], tiers: readonly Replaceable[]): string {
  const tried = results.reduce((sum, result) => sum + result.tried, 0);
  const limit = results.find((result) => result.limit !== undefined)?.limit;
  const candidates = tiers.reduce((sum, tier) => sum + tier.candidates.length, 0);
  const kept = tiers.flatMap((tier) => tier.kept);
  const [first] = kept;
  const others = kept.length > 1 ? ` (and ${kept.length - 1} more)` : '';
  return [
    `no cheaper nodes for any of ${candidates} nodes that could go, in ${tried} sets of them`,
    ...(limit === undefined ? [] : [`new nodes beside the old ones are not allowed: ${limit.message}`]),
    ...(first === undefined ? [] : [`not thought of: ${first}${others}`]),
  ].join('; ');
}
