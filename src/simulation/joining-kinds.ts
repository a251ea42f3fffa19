// Nodes that are to join, as numbers: what pods ask for, and what a node of each kind has for them and takes by its labels
// and taints. One column per amount: cpu, memory, ephemeral storage, pods, then extended resources.
import type { PodShape, Resources } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { TemplateNode } from '../scheduling/template-node.ts';
import type { QueuedGroup } from './scheduling-queue.ts';

/** What pods of each group ask for: `amounts[group * axes + axis]`. */
export interface Requests {
  readonly axes: number;
  readonly extended: readonly string[];
  readonly amounts: Float64Array;
}

export interface NodeKind {
  readonly template: TemplateNode;
  /** What its pods may have altogether, by axis. */
  readonly allocatable: Float64Array;
  /** What its daemon pods leave of that. */
  readonly room: Float64Array;
  /** 1: a node of this kind without pods takes the group's, pods' rules on each other aside. */
  readonly takes: Uint8Array;
}

/** Rules of pods on each other: they depend on who is where, not on the kind of node. */
const MUTUAL_PLUGINS: ReadonlySet<string> = new Set(['PodTopologySpread', 'InterPodAffinity']);

export function requestsOf(groups: readonly QueuedGroup[]): Requests {
  const extended = [...new Set(groups.flatMap(({ shape }) => [...shape.requests.extended.keys()]))].sort();
  const axes = 4 + extended.length;
  const amounts = new Float64Array(groups.length * axes);
  groups.forEach(({ shape }, group) => {
    amounts.set(amountsOf(shape.requests, extended), group * axes);
    // A pod is one pod, whatever its shape says.
    amounts[group * axes + 3] = 1;
  });
  return { axes, extended, amounts };
}

/** One kind for each template, in their order. The fork is left as it was. */
export function kindsOf(
  fork: ForkedSnapshot,
  templates: readonly TemplateNode[],
  of: { readonly groups: readonly QueuedGroup[]; readonly requests: Requests },
): readonly NodeKind[] {
  const { groups, requests } = of;
  return templates.map((template, number) => {
    const mark = fork.mark();
    const index = fork.addTemplateNode(template, `~kind-${number}`);
    const allocatable = amountsOf(fork.allocatableOn(index), requests.extended);
    const used = amountsOf(fork.requestedOn(index), requests.extended);
    const takes = Uint8Array.from(groups, ({ pods: [pod] }) => {
      const refusal = pod === undefined ? undefined : fork.whyNot(pod, index);
      return refusal === undefined || MUTUAL_PLUGINS.has(refusal.plugin) ? 1 : 0;
    });
    fork.rollback(mark);
    return { template, allocatable, takes, room: allocatable.map((amount, axis) => amount - (used[axis] ?? 0)) };
  });
}

/** Amounts alone do not say whether the pod fits: others may keep it off a node, or something outside of it decides. */
export function needsFork(shape: PodShape, rules: { readonly devicesServeExtended: boolean }): boolean {
  return (
    shape.spread.length > 0 ||
    shape.podAffinity.length > 0 ||
    shape.podAntiAffinity.length > 0 ||
    shape.volumes.length > 0 ||
    shape.hostPorts.length > 0 ||
    shape.disks !== undefined ||
    shape.resourceClaims !== undefined ||
    shape.features !== undefined ||
    shape.faults !== undefined ||
    shape.requests.exact !== undefined ||
    (rules.devicesServeExtended && shape.requests.extended.size > 0)
  );
}

function amountsOf(resources: Resources, extended: readonly string[]): Float64Array {
  const { cpuMillis, memoryBytes, ephemeralBytes, pods } = resources;
  return Float64Array.from([
    cpuMillis,
    memoryBytes,
    ephemeralBytes,
    pods,
    ...extended.map((name) => resources.extended.get(name) ?? 0),
  ]);
}
