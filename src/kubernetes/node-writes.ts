// Writes to one Node: read it live, work out the patch, send it if there is one. The kubelet and others write to the
// same object all the time, so a conflict is met by reading again, a few times.
import { FIELD_MANAGERS } from '../api/names.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { isPortError, PortError } from '../controllers/port-errors.ts';
import { deleteObject, getObject, hasUid, mergePatch } from './api-requests.ts';
import type { NodePatch } from './node-patch.ts';
import { RESOURCES } from './resource-path.ts';
import type { Transport } from './transport.ts';

type NodeName = Pick<NodeObject, 'name' | 'uid'>;

/** Between a read and its patch lie milliseconds; three conflicts in a row are somebody's loop, not chance. */
const ATTEMPTS_MAX = 3;

/** Sends what `patchFor` makes of the live Node; nothing when that is undefined. Rejects with notFound when the Node is
 *  gone or another one has its name, with conflict when others write faster than we. */
export async function patchNode(
  transport: Transport,
  node: NodeName,
  patchFor: (raw: unknown) => NodePatch | undefined,
): Promise<void> {
  const address = { resource: RESOURCES.nodes, name: node.name };
  for (let attempt = 1; ; attempt += 1) {
    const raw = await getObject(transport, address);
    if (raw === undefined || !hasUid(raw, node.uid)) {
      throw new PortError('notFound', `Cannot write to node '${node.name}' as the node of uid ${node.uid} is gone`);
    }
    const patch = patchFor(raw);
    if (patch === undefined) return;
    try {
      await mergePatch(transport, address, { body: patch, manager: FIELD_MANAGERS.nodes });
      return;
    } catch (error) {
      if (!isPortError(error, 'conflict') || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** Deletes the Node of this uid. That it is gone, or that another one has its name, is done. */
export async function deleteNode(transport: Transport, node: NodeName): Promise<void> {
  const address = { resource: RESOURCES.nodes, name: node.name };
  const outcome = await deleteObject(transport, address, node.uid);
  if (outcome !== 'conflict') return;
  if (hasUid(await getObject(transport, address), node.uid)) {
    throw new PortError('conflict', `Cannot delete node '${node.name}' as it changed at the same moment`);
  }
}
