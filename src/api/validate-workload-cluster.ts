// The rules between a WorkloadCluster's fields, in code: the CRD's CEL rules again, and the fields that do nothing yet.
import { notImplemented, type SpecProblem } from './validate-node-pool.ts';
import type { WorkloadCluster } from './workload-cluster.ts';

/** Why this cluster cannot be served; empty = valid. */
export function validateWorkloadCluster(cluster: WorkloadCluster): readonly SpecProblem[] {
  const { kubeconfig, openstack, autoscaler } = cluster.spec;
  const problems: SpecProblem[] = [];
  const ways = [kubeconfig.inCluster === true, kubeconfig.secretRef !== undefined, kubeconfig.from !== undefined];
  if (ways.filter(Boolean).length !== 1)
    problems.push({
      field: 'spec.kubeconfig',
      reason: 'InvalidSpec',
      message: 'spec.kubeconfig must have exactly one of inCluster: true, secretRef and from',
    });
  openstack.images.forEach((image, index) => {
    if ((image.name === undefined) !== (image.id === undefined)) return;
    const field = `spec.openstack.images[${index}]`;
    problems.push({ field, reason: 'InvalidSpec', message: `${field} must have exactly one of name and id` });
  });
  const { leastNode } = autoscaler ?? {};
  if (leastNode !== undefined && leastNode.cpu === undefined && leastNode.memory === undefined) {
    const field = 'spec.autoscaler.leastNode';
    problems.push({ field, reason: 'InvalidSpec', message: `${field} must have cpu or memory` });
  }
  if (kubeconfig.from !== undefined) problems.push(notImplemented('spec.kubeconfig.from'));
  return problems;
}
