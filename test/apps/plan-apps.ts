// One application, planned as Sluice plans (parsed objects → snapshot → makePlan → checkPlan) and judged by the twin: every pod
// is on a node that takes it, or no node of any pool could.
import { buildSnapshot } from '../../src/cluster/build-snapshot.ts';
import { checkPlan } from '../../src/planner/check-plan.ts';
import { makePlan } from '../../src/planner/make-plan.ts';
import { type Plan, podsIn, podVerdicts } from '../../src/planner/plan.ts';
import { singleSteps } from '../../src/planner/single-steps.ts';
import { allocatableOf } from '../../src/scheduling/template-node.ts';
import { affinityTerms, antiAffinityTerms } from '../twin/inter-pod-affinity.ts';
import { wantsNode } from '../twin/node-affinity.ts';
import { hardConstraints } from '../twin/pod-topology-spread.ts';
import { whyNot } from '../twin/run-filters.ts';
import { toleratesAll } from '../twin/taint-toleration.ts';
import type { V1Node, V1Objects, V1Pod } from '../twin/v1.ts';
import { type Placement, verifyPacking } from '../twin/verify-packing.ts';
import { namespaceOf, worldOf } from '../twin/world.ts';
import type { AppFacts } from './app-facts.ts';
import { appCluster, type AppCluster } from './app-cluster.ts';
import { newNode } from './new-node.ts';
import type { V1DaemonSet } from './expand-app.ts';

export interface AppOutcome {
  readonly app: string;
  readonly copies: number;
  readonly pods: number;
  readonly placed: number;
  readonly nodes: number;
  /** Of the scheduler's rules and of the plan's own; each in words. */
  readonly violations: readonly string[];
  /** Pods said to have no place: why, and how many. */
  readonly unplaceable: ReadonlyMap<string, number>;
  readonly cutShort: readonly string[];
  /** Of those, pods that a node would take: only where the plan says that it was cut short, and the next one goes on. */
  readonly forNextPlan: number;
  readonly planMs: number;
}

/** What the DaemonSet controller adds to each of its pods. */
const DAEMON_TOLERATIONS = [
  'not-ready',
  'unreachable',
  'disk-pressure',
  'memory-pressure',
  'pid-pressure',
  'unschedulable',
];

/** Plans `copies` copies from an empty cluster and checks the plan. `nowMs` is a clock, for planMs alone. */
export function planApp(facts: AppFacts, copies: number, nowMs: () => number): AppOutcome {
  const cluster = appCluster(facts, copies);
  const startedMs = nowMs();
  const snapshot = buildSnapshot(cluster.objects, 1);
  const plan = makePlan(snapshot, { nameSeed: facts.app });
  const findings = checkPlan(plan, snapshot);
  const planMs = nowMs() - startedMs;
  const nodes = singleSteps(plan.steps).flatMap((step) =>
    step.kind === 'createClaim' ? [newNode({ name: step.name, zone: step.spec.zone, claim: step.spec })] : [],
  );
  const objects: V1Objects = {
    ...cluster.raw,
    nodes,
    pods: nodes.flatMap((node) => daemonPods(node, cluster.daemonSets)),
  };
  const placements = placementsOf(plan, cluster);
  const violations = [
    ...findings.map((finding) => `plan: ${JSON.stringify(finding)}`),
    ...verifyPacking(objects, placements).map(
      (one) => `${one.pod} on ${one.node}: ${one.plugin} ${one.reasons.join(', ')}`,
    ),
    ...verdictViolations(plan, cluster, placements),
  ];
  const unplaceable = new Map<string, number>();
  let forNextPlan = 0;
  const told = new Map<string, string | undefined>();
  for (const verdict of podVerdicts(plan.report)) {
    if (verdict.outcome !== 'unplaceable') continue;
    const pod = cluster.pods.find((one) => one.metadata.uid === verdict.podUid);
    if (pod === undefined) throw new Error(`the plan speaks of pod ${verdict.podUid}, which is not there`);
    const words = verdict.refusals.map(({ pool, message }) => `${pool}: ${message}`).join(' | ');
    unplaceable.set(words, (unplaceable.get(words) ?? 0) + 1);
    const kind = JSON.stringify([pod.metadata.namespace, pod.metadata.labels, pod.spec]);
    if (!told.has(kind)) told.set(kind, nodeThatFits(pod, { cluster, objects, placements }));
    const fits = told.get(kind);
    if (fits === undefined) continue;
    if (plan.report.cutShort.length > 0) forNextPlan += 1;
    else violations.push(`${pod.metadata.uid} is called unplaceable, yet ${fits} would take it: ${words}`);
  }
  return {
    app: facts.app,
    copies,
    pods: cluster.pods.length,
    placed: placements.length,
    nodes: nodes.length,
    violations,
    unplaceable,
    cutShort: plan.report.cutShort,
    forNextPlan,
    planMs,
  };
}

/** The plan's own order: node by node as they are added, on each as the pods were put there. */
function placementsOf(plan: Plan, cluster: AppCluster): readonly Placement[] {
  const raw = new Map(cluster.pods.map((pod) => [pod.metadata.uid ?? '', pod]));
  return singleSteps(plan.steps).flatMap((step) => {
    if (step.kind !== 'createClaim') return [];
    return podsIn(step.pods).map(({ uid, namespace, name }): Placement => {
      const pod = raw.get(uid);
      if (pod === undefined) throw new Error(`the plan places pod ${uid}, which is not there`);
      return { namespace, name, pod, node: step.name };
    });
  });
}

/** Each pending pod has one verdict, which says what the steps say, and a reason per pool when there is no place. */
function verdictViolations(plan: Plan, cluster: AppCluster, placements: readonly Placement[]): readonly string[] {
  const targets = new Map(placements.map((one) => [`${one.namespace}/${one.name}`, one.node]));
  const left = new Set(cluster.pods.map((pod) => pod.metadata.uid));
  const found: string[] = [];
  for (const { podUid, namespace, name, outcome, target, refusals } of podVerdicts(plan.report)) {
    if (!left.delete(podUid)) found.push(`${podUid} has two verdicts, or is not there`);
    const placed = targets.get(`${namespace}/${name}`) ?? '';
    if (placed !== target) found.push(`${podUid}: the step says '${placed}', the report '${target}'`);
    if ((outcome === 'unplaceable') !== (target === '')) found.push(`${podUid}: ${outcome} on '${target}'`);
    const reasons = refusals.filter(({ message }) => message !== '').length;
    if (target === '' && reasons < cluster.objects.nodePools.length) found.push(`${podUid}: a pool without a reason`);
  }
  return [...found, ...[...left].map((uid) => `${uid} has no verdict`)];
}

/** The pool, flavor and zone whose new node would take the pod, after all that the plan does; undefined: none. */
function nodeThatFits(
  pod: V1Pod,
  after: { readonly cluster: AppCluster; readonly objects: V1Objects; readonly placements: readonly Placement[] },
): string | undefined {
  const { cluster, objects, placements } = after;
  // Only these rules look beyond the node, and in the facts they stay within their namespace.
  const looksAround = affinityTerms(pod).length + hardConstraints(pod).length + antiAffinityTerms(pod).length > 0;
  const pods = placements
    .filter((one) => one.namespace === namespaceOf(pod))
    .map((one) => ({ ...one.pod, spec: { ...one.pod.spec, nodeName: one.node } }));
  for (const pool of cluster.objects.nodePools) {
    for (const flavorName of pool.spec.flavors ?? [pool.spec.flavor ?? '']) {
      const flavor = cluster.objects.flavors.find((one) => one.name === flavorName);
      for (const zone of pool.spec.availabilityZones ?? cluster.objects.targets.zones) {
        if (flavor === undefined) continue;
        const node = newNode({
          name: 'one-more',
          zone,
          claim: {
            labels: {
              ...pool.spec.template?.metadata?.labels,
              'node.kubernetes.io/instance-type': flavorName,
              'sluice.dev/nodepool': pool.metadata.name,
              nodepool: pool.metadata.name,
            },
            taints: pool.spec.template?.spec?.taints ?? [],
            expected: allocatableOf(flavor, cluster.objects.cluster),
          },
        });
        const world = worldOf({
          ...objects,
          nodes: looksAround ? [...objects.nodes, node] : [node],
          pods: [...(looksAround ? pods : []), ...daemonPods(node, cluster.daemonSets)],
        });
        if (whyNot(pod, node, world) === undefined) return `${pool.metadata.name}/${flavorName}/${zone}`;
      }
    }
  }
  return undefined;
}

/** The pods that DaemonSets run on a node: those whose affinity and tolerations admit it. */
function daemonPods(node: V1Node, daemonSets: readonly V1DaemonSet[]): readonly V1Pod[] {
  return daemonSets.flatMap(({ metadata, spec }) => {
    const template = spec.template.spec;
    const added = DAEMON_TOLERATIONS.map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists' }));
    const pod: V1Pod = {
      metadata: { name: `${metadata.name}-on-${node.metadata.name}`, namespace: metadata.namespace },
      spec: { ...template, tolerations: [...(template.tolerations ?? []), ...added], nodeName: node.metadata.name },
    };
    return wantsNode(pod, node) && toleratesAll(pod, node) ? [pod] : [];
  });
}
