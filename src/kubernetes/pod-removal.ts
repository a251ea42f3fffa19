// Takes one pod off its node: by the Eviction API, which keeps budgets, or by deleting it. Both name the pod's uid, so
// that a new pod of the same name is never touched. Decides nothing about when.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { EvictionOutcome } from '../controllers/ports.ts';
import { ApiError, errorOfStatus, statusText } from './api-error.ts';
import { deleteObject, hasUid, listObjects } from './api-requests.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

type PodName = Pick<PodObject, 'namespace' | 'name' | 'uid'>;

/** Asks once. A webhook that refuses and a budget that two objects claim are `refused`: waiting does not mend them. */
export async function evictPod(transport: Transport, pod: PodName): Promise<EvictionOutcome> {
  const { namespace, name, uid } = pod;
  const path = resourcePath(RESOURCES.pods, { namespace, name, subresource: 'eviction' });
  const answer = await transport.send({
    method: 'POST',
    path,
    repeatable: true,
    body: {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    },
  });
  const { httpStatus } = answer;
  if (httpStatus >= 200 && httpStatus < 300) return { kind: 'evicted' };
  switch (httpStatus) {
    case 404:
      return { kind: 'gone' };
    case 409:
      // Another uid, or somebody wrote at the same moment.
      return (await podStands(transport, pod))
        ? { kind: 'blocked', message: statusText(answer.body), retryAfterMs: answer.retryAfterMs }
        : { kind: 'gone' };
    case 429:
      return { kind: 'blocked', message: statusText(answer.body), retryAfterMs: answer.retryAfterMs };
    case 401:
    case 502:
    case 503:
    case 504:
      throw errorOfStatus({ what: `POST ${path}`, repeatable: true }, answer);
    default:
      return { kind: 'refused', message: `HTTP ${httpStatus}: ${statusText(answer.body)}` };
  }
}

/** Deletes the pod with its own grace period. What is gone already is done. */
export async function deletePod(transport: Transport, pod: PodName): Promise<void> {
  const { namespace, name, uid } = pod;
  const outcome = await deleteObject(transport, { resource: RESOURCES.pods, namespace, name }, uid);
  if (outcome !== 'conflict' || !(await podStands(transport, pod))) return;
  throw new ApiError('conflict', `Cannot delete pod '${namespace}/${name}' as it changed at the same moment`, {
    fault: 'status',
    httpStatus: 409,
  });
}

/** Through a list, because the right to get single pods is not asked for. */
async function podStands(transport: Transport, pod: PodName): Promise<boolean> {
  const { namespace, name, uid } = pod;
  const fieldSelector = `metadata.name=${name}`;
  const found = await listObjects(transport, { resource: RESOURCES.pods, namespace, fieldSelector });
  return found.some((raw) => hasUid(raw, uid));
}
