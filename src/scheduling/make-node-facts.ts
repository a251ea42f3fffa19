// Facts of nodes, made when somebody asks: of a snapshot's nodes once for all forks, of template nodes by name.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { CsiNodeObject } from '../cluster/cluster-objects.ts';
import { expectedLabels } from '../cluster/expected-node.ts';
import { driversPending, type NodeFacts } from './node-facts.ts';
import type { TemplateNode } from './template-node.ts';

const NO_DRIVERS: ReadonlySet<string> = new Set();
const NO_LIMITS: ReadonlyMap<string, number> = new Map();

/** Facts of the snapshot's node at an index below its count. */
export type FactsOf = (index: number) => NodeFacts;

interface Known {
  readonly snapshot: ClusterSnapshot;
  readonly factsOf: FactsOf;
}

/** Of the last snapshot of each line of them. By the snapshot itself, each would stay until the next collection of all: while
 *  V8 collects young objects only, a map's values hold on to what they refer to, also to their own key. */
const known = new WeakMap<ClusterSnapshot['lineage'], Known>();

/** Reads a snapshot's nodes. Nothing is made before it is asked for. */
export function snapshotFacts(snapshot: ClusterSnapshot): FactsOf {
  const last = known.get(snapshot.lineage);
  if (last?.snapshot === snapshot) return last.factsOf;
  const factsOf = openFacts(snapshot);
  known.set(snapshot.lineage, { snapshot, factsOf });
  return factsOf;
}

/** What a node made from the template will show under this name. */
export function templateFacts(template: TemplateNode, name: string): NodeFacts {
  const { zone, labels, taints, unschedulable, volumeLimits, drivers, features, devicesLike } = template;
  return {
    name,
    labels: expectedLabels({ name, zone, labels }),
    taints,
    unschedulable,
    volumeLimits,
    ...(drivers === undefined ? {} : { drivers }),
    ...(features === undefined ? {} : { features }),
    ...(devicesLike === undefined ? {} : { devicesLike }),
  };
}

function openFacts(snapshot: ClusterSnapshot): FactsOf {
  const facts: (NodeFacts | undefined)[] = [];
  let csiNodes: ReadonlyMap<string, CsiNodeObject> | undefined;
  return (index) => {
    const made = facts[index];
    if (made !== undefined) return made;
    const node = snapshot.nodes[index];
    if (node === undefined) throw new Error(`node index must be below ${snapshot.nodes.length}: ${index}`);
    csiNodes ??= new Map(snapshot.objects.csiNodes.map((one) => [one.name, one]));
    const fresh = nodeFacts(node, { csi: csiNodes.get(node.name), nowMs: snapshot.objects.observedAtMs });
    facts[index] = fresh;
    return fresh;
  };
}

function nodeFacts(
  node: SnapshotNode,
  of: { readonly csi: CsiNodeObject | undefined; readonly nowMs: number },
): NodeFacts {
  const { name, labels, taints, unschedulable } = node;
  const { csi, nowMs } = of;
  return {
    name,
    labels,
    taints,
    unschedulable,
    volumeLimits: csi?.limits ?? NO_LIMITS,
    ...(csi === undefined ? {} : { csi }),
    ...(driversPending(node, nowMs) ? {} : { drivers: csi?.drivers ?? NO_DRIVERS }),
    // Before it has joined nothing is known of its features.
    ...(node.node === undefined ? {} : { features: new Set(node.node.declaredFeatures) }),
  };
}
