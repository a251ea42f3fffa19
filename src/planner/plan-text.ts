// A plan for people: what will be done, what cannot be and why, what it costs. Used by `sluice plan`.
import type { LowerBound } from './bounds/packing-problem.ts';
import { countPods, type Plan, type PlanReport, podVerdicts, type PodPlace } from './plan.ts';
import { type SingleStep, singleSteps } from './single-steps.ts';

/** Pods without a place that are listed; the JSON output has all. */
const PODS_SHOWN = 20;
/** Same for nodes that are kept. */
const NODES_SHOWN = 50;

/** Lines of text, ending with a newline. The same plan gives the same text. */
export function planText(plan: Plan): string {
  const { report } = plan;
  const lines = [
    ...stepLines(singleSteps(plan.steps)),
    ...blockedLines(plan),
    ...podLines(report),
    ...poolLines(plan),
    ...nodeLines(plan),
    ...costLines(report),
    ...firstRoundLines(report),
    ...(report.consolidation === undefined ? [] : [`Consolidation: ${report.consolidation}`]),
    `Cost after the plan: ${report.costPerHour.toFixed(4)} per hour${report.costIsRelative ? ' (by the built-in price model: comparable, not money)' : ''}`,
    ...report.cutShort.map((note) => `Cut short: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

function stepLines(steps: readonly SingleStep[]): readonly string[] {
  if (steps.length === 0) return ['Nothing to do.'];
  return ['Steps:', ...steps.map((step) => `  ${stepText(step)}`)];
}

function stepText(step: SingleStep): string {
  if (step.kind === 'createClaim') {
    const zone = step.spec.zone === '' ? '' : ` in zone ${step.spec.zone}`;
    return `+ create ${step.name} (flavor ${step.spec.flavor}${zone}): ${step.reason}`;
  }
  if (step.kind === 'removeClaim') return `- remove ${step.claim} (${step.reason}): ${step.message}`;
  if (step.kind === 'setDesiredNodes') {
    return `= set desiredNodes of ${step.pool} from ${step.from ?? 'nothing'} to ${step.to}: ${step.reason}`;
  }
  const what = { unneededSince: 'unneeded', unreadySince: 'not Ready', replaceableSince: 'replaceable' }[step.timer];
  if (step.sinceMs === undefined) return `~ ${step.claim} is no longer ${what}`;
  return `~ ${step.claim} is ${what} since ${new Date(step.sinceMs).toISOString()}`;
}

function blockedLines({ blocked }: Plan): readonly string[] {
  if (blocked.length === 0) return [];
  return ['Blocked:', ...blocked.map(({ pool, reason, message }) => `  ${pool}: ${reason}: ${message}`)];
}

function podLines(report: PlanReport): readonly string[] {
  const left = podVerdicts({ ...report, pods: report.pods.filter((run) => run.outcome === 'unplaceable') });
  const count = (outcome: PodPlace['outcome']): number => countPods(report, outcome);
  const all = report.pods.reduce((sum, run) => sum + run.to - run.from, 0);
  if (all === 0) return [];
  const lines = [
    `Pending pods: ${all} (${count('onExistingNode')} fit on nodes that stand, ${count('onUpcomingNode')} on nodes coming up, ` +
      `${count('onNewNode')} on new nodes, ${count('waitingForPreemption')} wait for preemption, ${left.length} have no place)`,
  ];
  for (const pod of left.slice(0, PODS_SHOWN)) {
    lines.push(`  ${pod.namespace}/${pod.name} has no place:`);
    for (const { pool, message } of pod.refusals) lines.push(`    ${pool}: ${message}`);
    if (pod.refusals.length === 0) lines.push('    there is no NodePool that could get a node for it');
  }
  if (left.length > PODS_SHOWN) lines.push(`  and ${left.length - PODS_SHOWN} more`);
  return lines;
}

function poolLines({ report }: Plan): readonly string[] {
  if (report.pools.length === 0) return ['There are no NodePools.'];
  const lines = report.pools.map(
    (pool) =>
      `  ${pool.pool}: ${pool.claims} nodes (${pool.readyNodes} ready) of ${pool.desiredNodes} desired, ` +
      `${pool.minNodes} to ${pool.maxNodes}; ${pool.pricePerHour.toFixed(4)} per hour`,
  );
  return ['Pools after the plan:', ...lines];
}

const BOUND_NAMES: Readonly<Record<LowerBound['kind'], string>> = {
  axis: 'by the scarcest resource',
  clique: 'by pods that share no node',
  typesLp: 'by the linear program over flavors',
  configurationLp: 'by the linear program over fillings of nodes',
};

function costLines({ cost }: Plan['report']): readonly string[] {
  if (cost === undefined) return [];
  const over = (cost.overLowerBound * 100).toFixed(2);
  return [
    `New nodes for pods: ${cost.nodes} for ${cost.perHour.toFixed(4)} per hour; no plan needs less than ${cost.lowerBoundNodes} ` +
      `or ${cost.lowerBoundPerHour.toFixed(4)} (${BOUND_NAMES[cost.lowerBoundKind]}): ${over} % over it`,
  ];
}

function firstRoundLines({ firstRound }: Plan['report']): readonly string[] {
  if (firstRound === undefined) return [];
  const { pods, leftAsPlanned, left, amendedNodes } = firstRound;
  if (amendedNodes === 0) return [`First round: the scheduler is expected to leave ${left} of ${pods} pods pending`];
  return [
    `First round: the scheduler would leave ${leftAsPlanned} of ${pods} pods pending; with ${amendedNodes} more nodes, which ` +
      `those pods would ask for later, ${left}`,
  ];
}

function nodeLines({ report }: Plan): readonly string[] {
  if (report.nodes.length === 0) return [];
  const lines = report.nodes
    .slice(0, NODES_SHOWN)
    .map(
      (node) =>
        `  ${node.claim}: used to ${Math.round(node.utilization * 100)} %, ${node.keptBecause === undefined ? 'may go' : `kept because ${node.keptBecause}`}`,
    );
  if (report.nodes.length > NODES_SHOWN) lines.push(`  and ${report.nodes.length - NODES_SHOWN} more`);
  return ['Nodes:', ...lines];
}
