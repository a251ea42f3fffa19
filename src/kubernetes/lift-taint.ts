// Takes one taint off a Node, most often with one request: nodes of a plan open together, and the sooner the last follows
// the first, the fewer pods find room on another node than theirs. A JSON patch, because it can ask for the Node's uid and
// for the taint in its place. Where the Node is not as the store has it, it is read and patched as any other.
import { FIELD_MANAGERS } from '../api/names.ts';
import type { NodeObject, Taint } from '../cluster/cluster-objects.ts';
import { errorOfStatus } from './api-error.ts';
import { liftPatch } from './node-patch.ts';
import { patchNode } from './node-writes.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

/** The Node changed or is gone; a test of the patch failed. */
const NOT_AS_IT_WAS: ReadonlySet<number> = new Set([404, 409, 422]);

/** Nothing is written when the taint is not there. Rejects with notFound when the Node is gone or another one has its name,
 *  with conflict when others write faster than we. */
export async function liftTaint(transport: Transport, node: NodeObject, taint: Taint): Promise<void> {
  const at = node.taints.findIndex(({ key, effect }) => key === taint.key && effect === taint.effect);
  if (at !== -1 && (await liftInPlace(transport, node, { taint, at }))) return;
  await patchNode(transport, node, (raw) => liftPatch(raw, taint));
}

/** False: it is not there. */
async function liftInPlace(
  transport: Transport,
  node: NodeObject,
  { taint, at }: { readonly taint: Taint; readonly at: number },
): Promise<boolean> {
  const path = resourcePath(RESOURCES.nodes, { name: node.name });
  const answer = await transport.send({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGERS.nodes },
    contentType: 'application/json-patch+json',
    repeatable: true,
    body: [
      { op: 'test', path: '/metadata/uid', value: node.uid },
      { op: 'test', path: `/spec/taints/${at}/key`, value: taint.key },
      { op: 'test', path: `/spec/taints/${at}/effect`, value: taint.effect },
      { op: 'remove', path: `/spec/taints/${at}` },
    ],
  });
  if (NOT_AS_IT_WAS.has(answer.httpStatus)) return false;
  if (answer.httpStatus >= 200 && answer.httpStatus < 300) return true;
  throw errorOfStatus({ what: `PATCH ${path}`, repeatable: true }, answer);
}
