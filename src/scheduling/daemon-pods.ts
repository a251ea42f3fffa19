// The pods that DaemonSets will run on a node that has none of them yet, so that their room is not planned away.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { DaemonSetObject, PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { nodesInState, UPCOMING } from '../cluster/snapshot-columns.ts';
import { namedNodes } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { runsDaemon } from './static-verdicts.ts';

/** DaemonSets whose pods a node with these facts gets, by namespace and name. */
export function daemonsFor(facts: NodeFacts, daemonSets: readonly DaemonSetObject[]): readonly DaemonSetObject[] {
  return daemonSets
    .filter((daemonSet) => runsDaemon(daemonSet.shape, facts))
    .sort((left, right) => (daemonKey(left) < daemonKey(right) ? -1 : 1));
}

/** A pod of this shape as its DaemonSet would make it on the node. Its uid is not one of the cluster. */
export function daemonPod(shape: PodShape, of: { readonly nodeName: string; readonly number: number }): PodObject {
  const name = `daemon-${of.number}-on-${of.nodeName}`;
  return {
    uid: name,
    namespace: shape.namespace,
    name,
    createdMs: 0,
    version: 0,
    deleting: false,
    phase: 'Pending',
    nodeName: of.nodeName,
    nominatedNodeName: '',
    schedulerName: '',
    priority: 0,
    gated: false,
    unschedulable: false,
    controller: { kind: 'DaemonSet', name, uid: '' },
    mirror: false,
    safeToEvict: undefined,
    doNotDisrupt: false,
    localStorage: false,
    shape,
  };
}

/** Per index of an upcoming node, the shapes of the daemon pods still to come: those whose DaemonSet has no pod there,
 *  neither bound nor pending for it. */
export function daemonShapesToCome(snapshot: ClusterSnapshot): ReadonlyMap<number, readonly PodShape[]> {
  const upcoming = nodesInState(snapshot.columns, UPCOMING)
    .flatMap((index) => snapshot.nodes[index] ?? [])
    .filter((node) => !node.draining);
  const shapes = new Map<number, readonly PodShape[]>();
  if (upcoming.length === 0 || snapshot.objects.daemonSets.length === 0) return shapes;
  const present = new Set<string>();
  for (const pod of snapshot.pendingPods) {
    if (pod.controller?.kind !== 'DaemonSet') continue;
    for (const name of namedNodes(pod.shape.nodeAffinity) ?? []) present.add(`${pod.controller.uid} ${name}`);
  }
  for (const { index, name, labels, taints, unschedulable, pods } of upcoming) {
    for (const pod of pods) if (pod.controller !== undefined) present.add(`${pod.controller.uid} ${name}`);
    const facts = { name, labels, taints, unschedulable, volumeLimits: new Map<string, number>() };
    const toCome = daemonsFor(facts, snapshot.objects.daemonSets).filter((one) => !present.has(`${one.uid} ${name}`));
    if (toCome.length > 0)
      shapes.set(
        index,
        toCome.map((one) => one.shape),
      );
  }
  return shapes;
}

function daemonKey(daemonSet: DaemonSetObject): string {
  return `${daemonSet.namespace}/${daemonSet.name}`;
}
