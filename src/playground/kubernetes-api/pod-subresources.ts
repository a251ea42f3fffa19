// pods/binding and pods/eviction: the two writes by which a scheduler places and a drain takes away.
import { fieldsOf, isFields, listOf, numberOf, textOf, type Fields } from '../untyped.ts';
import { ApiError, type KubeObject } from './kube-object.ts';
import { resourceKey, type ResourceCatalog } from './resource-catalog.ts';
import { timeNow, type ObjectName, type ObjectWriter } from './object-writer.ts';
import type { ObjectStorage } from './object-storage.ts';
import { labelSelectorMatches } from './selectors.ts';

export interface PodWrites {
  readonly storage: ObjectStorage;
  readonly catalog: ResourceCatalog;
  readonly writer: ObjectWriter;
  /** Told of every eviction that was granted. */
  readonly onEvicted: (pod: KubeObject) => void;
}

/** Sets spec.nodeName and PodScheduled=True in one write. Throws ApiError 404, 409 when it is bound already. */
export function bindPod(writes: PodWrites, name: ObjectName, target: string): void {
  const pods = writes.catalog.named('pods');
  const pod = writes.writer.read(pods, name);
  const bound = textOf(fieldsOf(pod['spec'])['nodeName']);
  if (bound !== '') {
    throw new ApiError(
      409,
      `Operation cannot be fulfilled on pods/binding "${name.name}": pod ${name.name} is already assigned to node "${bound}"`,
    );
  }
  // As from Kubernetes 1.35 on, the name of a node to try is of no use any more.
  const { nominatedNodeName: _tried, ...status } = fieldsOf(pod['status']);
  const conditions = listOf(status['conditions']).filter((each) => fieldsOf(each)['type'] !== 'PodScheduled');
  writes.storage.replace(resourceKey(pods), {
    ...pod,
    spec: { ...fieldsOf(pod['spec']), nodeName: target },
    status: {
      ...status,
      conditions: [...conditions, { type: 'PodScheduled', status: 'True', lastTransitionTime: timeNow() }],
    },
  });
}

/** Deletes the pod if its budget allows. Throws ApiError 404, 429 with the budget as cause, 500 with several budgets. */
export function evictPod(writes: PodWrites, name: ObjectName, body: unknown): Fields {
  const pods = writes.catalog.named('pods');
  const pod = writes.writer.read(pods, name);
  const deleteOptions = fieldsOf(fieldsOf(body)['deleteOptions']);
  const preconditions = fieldsOf(deleteOptions['preconditions']);
  const grace = deleteOptions['gracePeriodSeconds'];
  const remove = (): void => {
    writes.writer.remove(pods, name, {
      uid: textOf(preconditions['uid']),
      resourceVersion: textOf(preconditions['resourceVersion']),
      ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    });
    writes.onEvicted(pod);
  };
  const phase = textOf(fieldsOf(pod['status'])['phase']);
  const needsBudget = phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
  if (needsBudget) spendBudget(writes, pod);
  remove();
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

function spendBudget(writes: PodWrites, pod: KubeObject): void {
  const resource = writes.catalog.named('poddisruptionbudgets');
  const budgets = writes.storage
    .list(resourceKey(resource), pod.metadata.namespace)
    .filter((budget) => labelSelectorMatches(fieldsOf(budget['spec'])['selector'], pod.metadata.labels ?? {}));
  if (budgets.length > 1) {
    throw new ApiError(
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const status = fieldsOf(budget['status']);
  const allowed = numberOf(status['disruptionsAllowed'], 0);
  if (allowed <= 0) {
    const needs = numberOf(status['desiredHealthy'], 0);
    const has = numberOf(status['currentHealthy'], 0);
    throw new ApiError(429, "Cannot evict pod as it would violate the pod's disruption budget.", {
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: `The disruption budget ${budget.metadata.name} needs ${needs} healthy pods and has ${has} currently`,
          },
        ],
      },
    });
  }
  const disrupted = isFields(status['disruptedPods']) ? status['disruptedPods'] : {};
  writes.storage.replace(resourceKey(resource), {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disrupted, [pod.metadata.name]: timeNow() },
    },
  });
}
