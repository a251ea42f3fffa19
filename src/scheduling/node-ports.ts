// NodePorts: a host port is taken once per node and address. `0.0.0.0` meets every address, `::` only itself and that.
import type { HostPort, PodShape } from '../cluster/cluster-objects.ts';
import { type Refusal, refuse } from './refusal.ts';

const ANY_ADDRESS = '0.0.0.0';

/** `others`: shapes of the pods on the node. */
export function nodePorts(shape: PodShape, others: Iterable<{ readonly shape: PodShape }>): Refusal | undefined {
  if (shape.hostPorts.length === 0) return undefined;
  for (const other of others) {
    for (const taken of other.shape.hostPorts) {
      if (shape.hostPorts.some((wanted) => conflicts(wanted, taken))) {
        return refuse('NodePorts', "node(s) didn't have free ports for the requested pod ports");
      }
    }
  }
  return undefined;
}

function conflicts(left: HostPort, right: HostPort): boolean {
  if (left.port !== right.port || left.protocol !== right.protocol) return false;
  return left.hostIp === right.hostIp || left.hostIp === ANY_ADDRESS || right.hostIp === ANY_ADDRESS;
}
