// NodePorts: host ports of containers and sidecars (not of plain init containers) must not meet those of pods on the node:
// equal protocol and port, and either address 0.0.0.0 or both the same text. No protocol is TCP, no address 0.0.0.0.
import { isSidecar } from './pod-requests.ts';
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Pod } from './v1.ts';

export interface HostPort {
  readonly protocol: string;
  readonly port: number;
  readonly ip: string;
}

export function nodePorts(pod: V1Pod, others: readonly V1Pod[]): TwinRefusal | undefined {
  const wanted = hostPortsOf(pod);
  const taken = others.flatMap(hostPortsOf);
  if (!wanted.some((one) => taken.some((other) => meet(one, other)))) return undefined;
  return no('NodePorts', "node(s) didn't have free ports for the requested pod ports");
}

export function meet(one: HostPort, other: HostPort): boolean {
  if (one.protocol !== other.protocol || one.port !== other.port) return false;
  return one.ip === '0.0.0.0' || other.ip === '0.0.0.0' || one.ip === other.ip;
}

export function hostPortsOf(pod: V1Pod): readonly HostPort[] {
  const holders = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  return holders
    .flatMap((container) => container.ports ?? [])
    .filter(({ hostPort }) => (hostPort ?? 0) > 0)
    .map(({ hostPort, protocol, hostIP }) => ({
      protocol: protocol || 'TCP',
      port: hostPort ?? 0,
      ip: hostIP || '0.0.0.0',
    }));
}
