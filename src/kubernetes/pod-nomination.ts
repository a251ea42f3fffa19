// Names to the scheduler the node that it is to try first for a pod. A JSON patch, because only that one can ask for the
// pod's uid and for the absence of names: a pod that was made anew, that has a node, or that preemption has named one for, is
// left alone.
import { FIELD_MANAGERS } from '../api/names.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { PortError } from '../controllers/port-errors.ts';
import { errorOfStatus, statusText } from './api-error.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

const PATH = '/status/nominatedNodeName';

/** Asks once. Rejects with conflict when the pod is gone, is another one, or has a name or a node (404, 409, 422). */
export async function nominateNode(
  transport: Transport,
  pod: Pick<PodObject, 'namespace' | 'name' | 'uid'>,
  nodeName: string,
): Promise<void> {
  const { namespace, name, uid } = pod;
  const path = resourcePath(RESOURCES.pods, { namespace, name, subresource: 'status' });
  const answer = await transport.send({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGERS.autoscaler },
    contentType: 'application/json-patch+json',
    repeatable: true,
    body: [
      { op: 'test', path: '/metadata/uid', value: uid },
      // Null is how the server's JSON patch says absent.
      { op: 'test', path: PATH, value: null },
      { op: 'test', path: '/spec/nodeName', value: null },
      { op: 'add', path: PATH, value: nodeName },
    ],
  });
  const { httpStatus } = answer;
  if (httpStatus >= 200 && httpStatus < 300) return;
  if (httpStatus === 404 || httpStatus === 409 || httpStatus === 422) {
    const why = `HTTP ${httpStatus}: ${statusText(answer.body)}`;
    throw new PortError('conflict', `Cannot name a node to pod '${namespace}/${name}' as it is not as it was: ${why}`);
  }
  throw errorOfStatus({ what: `PATCH ${path}`, repeatable: true }, answer);
}
