// What a person can do when a new node of a pool would not take a pod. Decides by the plugin that refused, and by facts of
// the pod and the template, never by reading a reason's text.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { Refusal } from '../scheduling/refusal.ts';
import { tolerates } from '../scheduling/taint-toleration.ts';
import type { TemplateNode } from '../scheduling/template-node.ts';

const MIB = 1024 ** 2;

/** One sentence that names a field to change; undefined when there is nothing useful to say. */
export function adviceFor(
  refusal: Refusal,
  about: { readonly pod: PodObject; readonly template: TemplateNode },
): string | undefined {
  const { pod, template } = about;
  const pool = `pool '${template.poolName}'`;
  switch (refusal.plugin) {
    case 'NodeUnschedulable':
      return `New nodes of ${pool} are cordoned: take spec.template.spec.unschedulable off.`;
    case 'TaintToleration':
      return taintAdvice(pod, template);
    case 'NodeAffinity':
      return affinityAdvice(pod, template);
    case 'NodePorts':
      return `A DaemonSet uses the pod's host port on every node of ${pool}: change the pod's hostPort.`;
    case 'NodeResourcesFit':
      return resourceAdvice(pod, template);
    case 'NodeVolumeLimits':
      return `The pod has more volumes than a node of this kind takes, or their driver does not come to nodes of ${pool}: split the pod, use another flavor, or see the driver's DaemonSet.`;
    case 'VolumeRestrictions':
    case 'VolumeBinding':
    case 'VolumeZone':
      return volumeAdvice(template);
    case 'PodTopologySpread':
      return `Another node in zone '${template.zone}' would leave pods uneven: add a pool or spec.availabilityZones for the emptier domain, or raise maxSkew.`;
    case 'InterPodAffinity':
      return `The pod's affinity, or the anti-affinity of a pod that runs, rules out zone '${template.zone}': see topologyKey of its terms.`;
    default:
      return undefined;
  }
}

function taintAdvice(pod: PodObject, template: TemplateNode): string {
  const taint = template.taints.find(
    (one) => one.effect !== 'PreferNoSchedule' && !tolerates(pod.shape.tolerations, one),
  );
  const text =
    taint === undefined ? 'a taint' : `${taint.key}${taint.value === '' ? '' : `=${taint.value}`}:${taint.effect}`;
  return `Add a toleration for ${text} to the pod, or take the taint off pool '${template.poolName}' (spec.template.spec.taints).`;
}

function affinityAdvice(pod: PodObject, template: TemplateNode): string {
  for (const [key, value] of pod.shape.nodeSelector) {
    const actual = template.labels.get(key);
    if (actual === value) continue;
    const found = actual === undefined ? 'does not have it' : `has '${actual}'`;
    return `The pod's nodeSelector wants ${key}=${value} and pool '${template.poolName}' ${found}: set it in spec.template.metadata.labels, or change the pod.`;
  }
  const keys = new Set((pod.shape.nodeAffinity ?? []).flatMap((term) => term.expressions.map((one) => one.key)));
  const named = keys.size === 0 ? 'names other nodes' : `asks for other values of ${[...keys].sort().join(', ')}`;
  return `The pod's required node affinity ${named}: change it, or the pool's flavor, zones or spec.template.metadata.labels.`;
}

function resourceAdvice(pod: PodObject, template: TemplateNode): string {
  const { requests } = pod.shape;
  const { allocatable, flavor } = template;
  const daemons = template.daemonShapes;
  const left = {
    cpuMillis: allocatable.cpuMillis - total(daemons.map((shape) => shape.requests.cpuMillis)),
    memoryBytes: allocatable.memoryBytes - total(daemons.map((shape) => shape.requests.memoryBytes)),
  };
  const missing = [...requests.extended].find(([name, amount]) => amount > (allocatable.extended.get(name) ?? 0));
  if (missing !== undefined) {
    return `A new ${flavor.name} is not known to offer ${missing[0]}: use a flavor that has it, in a pool with at least one node.`;
  }
  return (
    `The pod asks for ${requests.cpuMillis}m cpu and ${Math.ceil(requests.memoryBytes / MIB)} MiB; a new ${flavor.name} has ` +
    `${left.cpuMillis}m and ${Math.floor(left.memoryBytes / MIB)} MiB left for pods: use a bigger flavor or lower the requests.`
  );
}

function volumeAdvice(template: TemplateNode): string {
  const where = template.zone === '' ? 'this pool' : `zone '${template.zone}'`;
  return `The pod's volume cannot be used from ${where}, or not be made there: see its PersistentVolumeClaim, and use a pool in the volume's zone, or where its driver has storage left (CSIStorageCapacity).`;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
