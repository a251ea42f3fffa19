// Why a pod runs nowhere yet: what each node says, in kube-scheduler's words, and what a new node of each pool would say,
// with what a person can do about it. Also for pods that would fit: then it says where.
import { poolSettings } from '../api/defaults.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Flavor, PodObject } from '../cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { countReasons, type Refusal } from '../scheduling/refusal.ts';
import { type TemplateNode, templateNode } from '../scheduling/template-node.ts';
import { adviceFor } from './refusal-advice.ts';

export interface NodeExplanation {
  readonly name: string;
  readonly fits: boolean;
  readonly plugin?: string;
  readonly reasons?: readonly string[];
}

export interface PoolExplanation {
  readonly pool: string;
  readonly flavor: string;
  /** Empty: the cloud chooses. */
  readonly zone: string;
  /** A new node of this kind would take the pod. */
  readonly fits: boolean;
  readonly plugin?: string;
  readonly reasons?: readonly string[];
  readonly advice?: string;
}

export interface PodExplanation {
  /** `namespace/name`. */
  readonly pod: string;
  /** As kube-scheduler says it: "0/12 nodes are available: 7 Insufficient cpu, …". */
  readonly summary: string;
  /** By name; upcoming nodes too. */
  readonly nodes: readonly NodeExplanation[];
  /** By pool name, then flavors and zones in the pool's order. */
  readonly pools: readonly PoolExplanation[];
}

/** Explains where `pod` could run in the snapshot, pods pending beside it left out of account. */
export function explainPod(snapshot: ClusterSnapshot, pod: PodObject): PodExplanation {
  const fork = new ForkedSnapshot(snapshot);
  const counts = new Map<string, number>();
  const nodes: NodeExplanation[] = [];
  for (let index = 0; index < fork.nodeCount; index += 1) {
    const refusal = fork.whyNot(pod, index);
    for (const reason of refusal?.reasons ?? []) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    nodes.push({ name: fork.nodeName(index), fits: refusal === undefined, ...refusal });
  }
  const fitting = nodes.filter((node) => node.fits).length;
  const head = `${fitting}/${nodes.length} nodes are available`;
  return {
    pod: `${pod.namespace}/${pod.name}`,
    summary: counts.size === 0 ? `${head}.` : `${head}: ${countReasons(counts)}.`,
    nodes,
    pools: explainPools(fork, pod),
  };
}

function explainPools(fork: ForkedSnapshot, pod: PodObject): readonly PoolExplanation[] {
  const { objects } = fork.snapshot;
  const flavors = new Map(objects.flavors.map((flavor) => [flavor.name, flavor]));
  const pools = [...objects.nodePools].sort((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  return pools.flatMap((pool) => {
    const settings = poolSettings(pool, objects.cluster);
    return settings.flavors.flatMap((name): readonly PoolExplanation[] => {
      const flavor = flavors.get(name);
      if (flavor === undefined) return [unknownFlavor(pool.metadata.name, name)];
      const zones = settings.zones.length > 0 ? settings.zones : objects.targets.zones;
      return (zones.length > 0 ? zones : ['']).map((zone) => explainNewNode(fork, pod, { pool, flavor, zone }));
    });
  });
}

function explainNewNode(
  fork: ForkedSnapshot,
  pod: PodObject,
  kind: { readonly pool: NodePool; readonly flavor: Flavor; readonly zone: string },
): PoolExplanation {
  const template = templateNode({ ...kind, objects: fork.snapshot.objects });
  const mark = fork.mark();
  const refusal = fork.whyNot(pod, fork.addTemplateNode(template, newNodeName(fork, template)));
  fork.rollback(mark);
  const head = { pool: template.poolName, flavor: template.flavor.name, zone: template.zone };
  if (refusal !== undefined) return { ...head, fits: false, ...refusal, ...advice(refusal, { pod, template }) };
  const held = sizeAdvice(kind.pool, fork);
  return { ...head, fits: true, ...(held === undefined ? {} : { advice: held }) };
}

function advice(
  refusal: Refusal,
  about: { readonly pod: PodObject; readonly template: TemplateNode },
): { readonly advice?: string } {
  const text = adviceFor(refusal, about);
  return text === undefined ? {} : { advice: text };
}

/** What keeps a pool from growing although its node would fit. */
function sizeAdvice(pool: NodePool, fork: ForkedSnapshot): string | undefined {
  const { cluster, claims } = fork.snapshot.objects;
  const settings = poolSettings(pool, cluster);
  const { name, uid } = pool.metadata;
  if (pool.metadata.deletionTimestamp !== undefined) return `Pool '${name}' is being deleted: use another one.`;
  if (!settings.autoscale)
    return `Pool '${name}' does not grow by itself: set spec.autoscale, or raise spec.desiredNodes.`;
  const claimed = claims.filter((claim) => claim.spec.poolUid === uid).length;
  if (claimed < settings.maxNodes) return undefined;
  return `Pool '${name}' has its ${settings.maxNodes} nodes: raise spec.maxNodes.`;
}

function newNodeName(fork: ForkedSnapshot, template: TemplateNode): string {
  const base = `${template.poolName}-node-new`;
  return fork.snapshot.nodeIndexByName.has(base) ? `${base}-${fork.nodeCount}` : base;
}

function unknownFlavor(pool: string, flavor: string): PoolExplanation {
  return {
    pool,
    flavor,
    zone: '',
    fits: false,
    plugin: 'Sluice',
    reasons: [`the project has no flavor '${flavor}'`],
    advice: `Name a flavor of the OpenStack project in the pool's spec.flavor or spec.flavors.`,
  };
}
