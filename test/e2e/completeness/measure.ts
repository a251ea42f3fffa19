// One measurement: pods wait in a real control plane, the product decides and carries out with the playground's cloud, the
// nodes of its first plan join one by one, and the real scheduler binds. Counted by the cluster's own books.
import { customResourceDefinition } from '../../../src/api/custom-resource-definition.ts';
import { GROUP_VERSION } from '../../../src/api/names.ts';
import { startController } from '../../../src/cli/start-controller.ts';
import { startPlayground } from '../../../src/playground/start-playground.ts';
import type { Playground } from '../../../src/playground/playground.ts';
import { Random } from '../../oracle/cases/random.ts';
import { inParallel } from '../in-parallel.ts';
import { secret } from '../world.ts';
import { sleep } from '../wait-until.ts';
import { boundWherePlanned, firstPlanOf } from './bound-where-planned.ts';
import type { CompletenessInput } from './completeness-input.ts';
import { JoiningNodes } from './joining-nodes.ts';
import type { PlacementTrace } from './placement-trace.ts';
import type { PodsOfInput, Unbound } from './pods-of-input.ts';
import { VolumeProvisioner } from './volume-provisioner.ts';

export interface MeasureOptions {
  /** Text; admin of the control plane under test. */
  readonly kubeconfig: string;
  readonly hints: boolean;
  readonly seed: number;
  /** Between two nodes that join, or two lots of them. */
  readonly joinMs: number;
  /** Nodes that join at the same time. */
  readonly together: number;
  /** So long nothing is bound, all being tried: the scheduler is idle. Its longest backoff is 10 s. */
  readonly quietMs: number;
  readonly logLevel: 'error' | 'silent' | 'info';
  readonly say: (text: string) => void;
  /** For looking into what went elsewhere. */
  readonly trace?: PlacementTrace;
}

export interface Completeness {
  readonly input: string;
  readonly hints: boolean;
  readonly seed: number;
  readonly pods: number;
  readonly unplaceable: number;
  readonly nodesPlanned: number;
  readonly nodesInTheEnd: number;
  readonly leftAfterFirstRound: number;
  /** Of the DaemonSets: others took the room that was kept for them. */
  readonly daemonPodsLeft: number;
  readonly leftShare: number;
  readonly boundWherePlanned: number;
  readonly boundWherePlannedShare: number;
  /** Pods that got the name of their node, and nodes that were opened without that when their time was over. */
  readonly named: number;
  readonly openedLate: number;
  readonly seconds: number;
}

const NAMESPACE = 'default';
const CLUSTER = 'measured';
/** The claims of a first plan are written within seconds; more come only when pods were left. */
const PLAN_SETTLED_MS = 4000;
const LOOK_MS = 1000;
const PLAN_LIMIT_MS = 1_200_000;
const ROUND_LIMIT_MS = 1_800_000;
/** So long nothing is bound although pods have not been tried on all nodes: the scheduler will not try them. On a busy machine
 *  it needs more than a minute to get through three thousand. */
const UNTRIED_QUIET_MS = 180_000;
const ELSEWHERE_SHOWN = 20;
const TIMINGS = { buildMs: 50, bootMs: 10, deleteMs: 50 };

/** Needs an empty control plane; leaves it empty. */
export async function measure(
  input: CompletenessInput,
  pods: PodsOfInput,
  options: MeasureOptions,
): Promise<Completeness> {
  const { cluster } = pods;
  const startedMs = Date.now();
  const nodes = new JoiningNodes(cluster, input.sizeOf);
  const playground = await startPlayground({
    flavors: input.flavors,
    zones: input.zones,
    quota: { servers: 10_000, cores: 10_000_000, memoryMiB: 10_000_000_000, ports: 10_000 },
    timings: TIMINGS,
    bootServer: (server) => {
      nodes.boots(server);
    },
  });
  await registerCluster(playground, input, options);
  const controller = await startController({
    management: { kind: 'kubeconfigText', text: playground.managementKubeconfig },
    namespaces: [NAMESPACE],
    listen: '127.0.0.1:0',
    logLevel: options.logLevel,
    // It is not the cloud that is measured.
    openstackRequestsPerSecond: 200,
    identity: 'completeness',
  });
  const volumes = new VolumeProvisioner(cluster);
  nodes.start();
  volumes.start();
  try {
    await pods.create(input.objects, input.pods);
    options.say(`${input.pods.length} pods wait`);
    await nodePools(pods, input);
    const planned = await firstPlan(playground, nodes);
    const plan = firstPlanOf(playground.management.list('nodeclaims'));
    options.say(`${planned.length} nodes planned`);
    await joinAll(nodes, planned, options);
    await nodes.allOpen();
    const { unplaceable } = input;
    const pending = await idle(pods, { nodes: planned.length, unplaceable, quietMs: options.quietMs });
    const left = pending.pods - input.unplaceable;
    options.say(`${left} pods left after the first round`);
    const bound = boundWherePlanned(plan, await pods.all());
    const shown = options.trace === undefined ? ELSEWHERE_SHOWN : bound.elsewhere.length;
    for (const { pod, node, planned } of bound.elsewhere.slice(0, shown)) {
      options.say(`${pod} is on ${node}, planned for ${planned.join(', ')} ${options.trace?.ofPod(pod) ?? ''}`);
    }
    await joinTheRest(nodes, pods, { input, options });
    if (volumes.fault !== undefined) throw new Error('a volume could not be made', { cause: volumes.fault });
    const metrics = await (await fetch(`${controller.url}/metrics`)).text();
    const placeable = input.pods.length - input.unplaceable;
    return {
      input: input.name,
      hints: options.hints,
      seed: options.seed,
      pods: input.pods.length,
      unplaceable: input.unplaceable,
      nodesPlanned: planned.length,
      nodesInTheEnd: nodes.joined.size,
      leftAfterFirstRound: left,
      daemonPodsLeft: pending.daemonPods,
      leftShare: share(left, placeable),
      boundWherePlanned: bound.pods,
      boundWherePlannedShare: share(bound.pods, placeable),
      named: counted(metrics, 'sluice_placement_hints_total', 'outcome="written"'),
      openedLate: counted(metrics, 'sluice_placing_taints_lifted_total', 'why="deadline"'),
      seconds: Math.round((Date.now() - startedMs) / 1000),
    };
  } finally {
    await controller.close();
    await nodes.stop();
    await playground.close();
    await pods.remove(input.objects);
    await volumes.stop();
    await nodes.removeAll();
    for (const pool of input.pools) await pods.removePool(pool);
  }
}

/** Value of one series; 0 when there is none. */
function counted(metrics: string, name: string, label: string): number {
  const line = metrics.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(label));
  return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 100_000) / 100_000;
}

async function registerCluster(
  playground: Playground,
  input: CompletenessInput,
  { kubeconfig, hints }: MeasureOptions,
): Promise<void> {
  await playground.apply([customResourceDefinition('WorkloadCluster'), customResourceDefinition('NodeClaim')]);
  await playground.apply([
    { ...secret(NAMESPACE, 'kubeconfig', { value: kubeconfig }) },
    { ...secret(NAMESPACE, 'cloud', { 'clouds.yaml': playground.cloudsYaml }) },
    {
      apiVersion: GROUP_VERSION,
      kind: 'WorkloadCluster',
      metadata: { name: CLUSTER, namespace: NAMESPACE },
      spec: {
        kubeconfig: { secretRef: { name: 'kubeconfig', key: 'value' } },
        openstack: {
          credentialsSecretRef: { name: 'cloud', key: 'clouds.yaml' },
          cloud: 'playground',
          projectId: playground.projectId,
          network: playground.networkName,
          images: [{ name: playground.imageName }],
        },
        reserved: input.reserved,
        // Long measurements: nothing may go, and a node that has not joined yet is still to come.
        autoscaler: {
          scaleDownUnneededTimeSeconds: 86_400,
          maxNodeProvisionSeconds: 86_400,
          ...(hints ? { placementHints: true } : {}),
        },
      },
    },
  ]);
}

/** Once the definition stands, which the product brings. */
async function nodePools(pods: PodsOfInput, input: CompletenessInput): Promise<void> {
  for (const pool of input.pools) await pods.applyPool(pool);
}

/** Waits until the servers of the first plan wait to join: their names. */
async function firstPlan(playground: Playground, nodes: JoiningNodes): Promise<readonly string[]> {
  let last = 0;
  let sinceMs = Date.now();
  for (const deadlineMs = Date.now() + PLAN_LIMIT_MS; Date.now() < deadlineMs; await sleep(LOOK_MS / 4)) {
    const claims = playground.management.list('nodeclaims').length;
    if (claims !== last) sinceMs = Date.now();
    last = claims;
    const settled = claims > 0 && Date.now() - sinceMs > PLAN_SETTLED_MS;
    if (settled && nodes.waiting.length === claims) return nodes.waiting.toSorted();
  }
  throw new Error(`the first plan has ${last} claims, of which ${nodes.waiting.length} servers became active`);
}

async function joinAll(nodes: JoiningNodes, names: readonly string[], options: MeasureOptions): Promise<void> {
  const random = new Random(options.seed);
  const order = names
    .map((name) => ({ name, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
  for (let from = 0; from < order.length; from += options.together) {
    const startedMs = Date.now();
    const lot = order.slice(from, from + options.together);
    await inParallel(lot, (name) => nodes.join(name));
    // Else more nodes than that pile up on a busy machine and open in a bunch, in which the scheduler leaves more pods over.
    await inParallel(lot, (name) => nodes.hasArrived(name));
    await sleep(Math.max(0, options.joinMs - (Date.now() - startedMs)));
  }
}

/** Waits until the scheduler has tried what is left on all nodes, and nothing has been bound for a while since: how many pods
 *  are not. Pods that fit nowhere it may know beforehand not to try again. */
async function idle(
  pods: PodsOfInput,
  of: { readonly nodes: number; readonly unplaceable: number; readonly quietMs: number },
): Promise<Unbound> {
  let last = -1;
  let sinceMs = Date.now();
  for (const deadlineMs = Date.now() + ROUND_LIMIT_MS; Date.now() < deadlineMs; await sleep(LOOK_MS)) {
    const left = await pods.unbound(of.nodes);
    const all = left.pods + left.daemonPods;
    if (all !== last) sinceMs = Date.now();
    last = all;
    const quietMs = left.untried > of.unplaceable ? UNTRIED_QUIET_MS : of.quietMs;
    if (all === 0 || Date.now() - sinceMs > quietMs) return left;
  }
  throw new Error(`the scheduler still binds; ${last} pods are left`);
}

/** Lets the servers in that were bought for what was left, until all that can run has a node. */
async function joinTheRest(
  nodes: JoiningNodes,
  pods: PodsOfInput,
  of: { readonly input: CompletenessInput; readonly options: MeasureOptions },
): Promise<void> {
  for (const deadlineMs = Date.now() + ROUND_LIMIT_MS; ; await sleep(LOOK_MS)) {
    for (const name of nodes.waiting) await nodes.join(name);
    const left = await pods.unbound();
    if (left.pods <= of.input.unplaceable) return;
    if (Date.now() > deadlineMs) throw new Error(`${left.pods} pods never got a node`);
  }
}
