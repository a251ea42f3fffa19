// The filters in the order of kube-scheduler's default profile, as the framework runs them: first what is said of the pod as a
// whole, then the node sets, then node by node until one refuses. What the twin has no opinion on, beyondTwin
// tells.
import { devicesBeyondTwin } from './device-reach.ts';
import { claimRefusal, dynamicResources } from './dynamic-resources.ts';
import { faultyAffinity, interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { neededFeatures, nodeDeclaredFeatures } from './node-declared-features.ts';
import { contradictoryNames, notNamed } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { faultySpread, podTopologySpread } from './pod-topology-spread.ts';
import { isOrdinary } from './quantity.ts';
import type { TwinRefusal } from './refusal.ts';
import { taintToleration } from './taint-toleration.ts';
import type { V1Node, V1Objects, V1Pod } from './v1.ts';
import { claimTrouble, volumeBinding } from './volume-binding.ts';
import { claimInUse, missingClaim, sharedDisk } from './volume-restrictions.ts';
import { missingVolume, volumeZone } from './volume-zone.ts';
import { podsOn, type World } from './world.ts';

/** Why the scheduler would not run the pod on the node; undefined: it would. */
export function whyNot(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  return podTrouble(pod, world) ?? notNamed(pod, node) ?? nodeTrouble(pod, node, world);
}

/** PreFilter: no node at all. */
export function podTrouble(pod: V1Pod, world: World): TwinRefusal | undefined {
  return (
    contradictoryNames(pod) ??
    missingClaim(pod, world) ??
    claimTrouble(pod, world) ??
    missingVolume(pod, world) ??
    faultySpread(pod) ??
    faultyAffinity(pod) ??
    claimRefusal(pod, world)
  );
}

function nodeTrouble(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  const others = podsOn(world, node);
  return (
    nodeUnschedulable(pod, node) ??
    taintToleration(pod, node) ??
    nodeAffinity(pod, node) ??
    nodePorts(pod, others) ??
    nodeResourcesFit(pod, { node, others }) ??
    sharedDisk(pod, others) ??
    claimInUse(pod, world) ??
    nodeVolumeLimits(pod, { node, others, world }) ??
    volumeBinding(pod, node, world) ??
    volumeZone(pod, node, world) ??
    podTopologySpread(pod, node, world) ??
    interPodAffinity(pod, node, world) ??
    dynamicResources(pod, node, world) ??
    (neededFeatures(pod).length === 0 ? undefined : nodeDeclaredFeatures(pod, node))
  );
}

/** Fields that hold quantities by name. */
const RESOURCE_LISTS = new Set(['requests', 'overhead', 'allocatable', 'allocatedResources', 'capacity']);

/** Why the twin has no opinion on such a case: its devices are beyond device-reach.ts, or an amount is negative, far too big
 *  or no quantity. undefined: it has one. */
export function beyondTwin(pod: V1Pod, objects: V1Objects): 'devices' | 'amounts' | undefined {
  if (devicesBeyondTwin(pod, objects)) return 'devices';
  return [pod, objects].every(ordinaryThroughout) ? undefined : 'amounts';
}

function ordinaryThroughout(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(ordinaryThroughout);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]: [string, unknown]) => {
    const isList = RESOURCE_LISTS.has(key) && isObject(inner);
    if (!isList) return ordinaryThroughout(inner);
    // Lists of a device's capacities have amounts one level below.
    return Object.values(inner).every((one) => isOrdinaryValue(one) || (isObject(one) && ordinaryThroughout(one)));
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOrdinaryValue(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && isOrdinary(value);
}
