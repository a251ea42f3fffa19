// NodePorts: a host port is taken once per node and address. `0.0.0.0` meets every address, `::` only itself and that.
import type { HostPort, PodShape } from '../cluster/cluster-objects.ts';
import { type Refusal, refuse } from './refusal.ts';

export const ANY_ADDRESS = '0.0.0.0';

/** `isTaken`: some pod on the node has the port on an address that meets this one. */
export function nodePorts(shape: PodShape, isTaken: (port: HostPort) => boolean): Refusal | undefined {
  if (!shape.hostPorts.some(isTaken)) return undefined;
  return refuse('NodePorts', "node(s) didn't have free ports for the requested pod ports");
}
