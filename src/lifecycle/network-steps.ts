// What a server is plugged into: its port, ports on further networks, its floating IP. All of it stands before the server
// is asked for, so that a refusal costs no server, and goes after it. Each thing is found again by a mark of its own:
// looked for, made when it is not there, written down when it was seen. So a lost answer is one more look.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ObservedFloatingIp, ObservedPort } from './claim-facts.ts';
import { type AdvanceInput, type ClaimStep, record } from './claim-step.ts';

/** All that the server is plugged into stands and is written down, or the step that brings it closer. */
export type Network =
  | { readonly kind: 'step'; readonly step: ClaimStep }
  | { readonly kind: 'stands'; readonly port: ObservedPort; readonly additional: readonly ObservedPort[] };

/** Before the server. The first port is the one that makes a second server impossible, so it comes first. */
export function networkBefore(input: AdvanceInput): Network {
  const { claim, facts } = input;
  const { ports } = facts;
  if (ports === undefined) return step({ kind: 'look', at: 'ports' });
  if (!ports.known) return step({ kind: 'retry', fact: 'ports', why: ports.why });
  const wanted = 1 + (claim.spec.additionalNetworks?.length ?? 0);
  const chosen = choosePorts(claim, ports.value);
  const [port, ...additional] = chosen;
  if (port === undefined) return step({ kind: 'createPort', networkIndex: 0 });
  if (!isWrittenDown(claim, chosen)) return step(recordPorts(input, port, additional));
  if (chosen.length < wanted) return step({ kind: 'createPort', networkIndex: chosen.length });
  const extra = ports.value.find((other) => !chosen.includes(other) && other.deviceId === '');
  if (extra !== undefined) {
    return step({ kind: 'deletePort', portId: extra.id, why: 'a second port of the same claim on one network' });
  }
  const floating = floatingIpBefore(input, port);
  return floating === undefined ? { kind: 'stands', port, additional } : step(floating);
}

/** After the server, and before its port: the step that takes a floating IP of this claim away; undefined: none is left. */
export function floatingIpAfter(input: AdvanceInput): ClaimStep | undefined {
  const { claim, facts } = input;
  if (claim.spec.floatingNetworkId === undefined && claim.status?.floatingIpId === undefined) return undefined;
  const { floatingIps } = facts;
  if (floatingIps === undefined) return { kind: 'look', at: 'floatingIps' };
  if (!floatingIps.known) return { kind: 'retry', fact: 'floatingIps', why: floatingIps.why };
  const [left] = floatingIps.value;
  return left === undefined
    ? undefined
    : { kind: 'deleteFloatingIp', floatingIpId: left.id, why: 'its server is gone' };
}

/** One for each network in their order, as far as they stand without a gap. */
function choosePorts(claim: NodeClaim, ports: readonly ObservedPort[]): readonly ObservedPort[] {
  const chosen: ObservedPort[] = [];
  const recorded = recordedIds(claim);
  const wanted = 1 + (claim.spec.additionalNetworks?.length ?? 0);
  for (let index = 0; index < wanted; index++) {
    const here = ports.filter((port) => (port.networkIndex ?? 0) === index);
    const port = choosePort(here, recorded[index]);
    if (port === undefined) break;
    chosen.push(port);
  }
  return chosen;
}

/** The recorded one if it still stands, else the oldest that is free, else any: the list is oldest first. */
function choosePort(ports: readonly ObservedPort[], recordedId: string | undefined): ObservedPort | undefined {
  const recorded = ports.find((port) => port.id === recordedId);
  return recorded ?? ports.find((port) => port.deviceId === '') ?? ports[0];
}

function recordedIds({ status }: NodeClaim): readonly string[] {
  return status?.portId === undefined ? [] : [status.portId, ...(status.additionalPortIds ?? [])];
}

function isWrittenDown(claim: NodeClaim, chosen: readonly ObservedPort[]): boolean {
  const recorded = recordedIds(claim);
  return recorded.length === chosen.length && chosen.every((port, index) => port.id === recorded[index]);
}

function recordPorts(input: AdvanceInput, port: ObservedPort, additional: readonly ObservedPort[]): ClaimStep {
  const ids = additional.map(({ id }) => id);
  const more = ids.length === 0 ? {} : { additionalPortIds: ids };
  const clear = ids.length === 0 ? (['additionalPortIds'] as const) : [];
  return record({ portId: port.id, ...more, phase: 'PortReady', epoch: input.epoch }, 'the port stands', clear);
}

/** Made before the server: what cannot be had is known before anything costs money. undefined: it stands, or none is
 *  wanted. One that leads to another port is of an earlier try whose port went. */
function floatingIpBefore(input: AdvanceInput, port: ObservedPort): ClaimStep | undefined {
  const { claim, facts } = input;
  if (claim.spec.floatingNetworkId === undefined) return undefined;
  const { floatingIps } = facts;
  if (floatingIps === undefined) return { kind: 'look', at: 'floatingIps' };
  if (!floatingIps.known) return { kind: 'retry', fact: 'floatingIps', why: floatingIps.why };
  const chosen = chooseFloatingIp(claim, floatingIps.value, port);
  const extra = floatingIps.value.find((other) => other !== chosen);
  if (extra !== undefined) {
    return { kind: 'deleteFloatingIp', floatingIpId: extra.id, why: 'a second floating IP of the same claim' };
  }
  if (chosen === undefined) return { kind: 'createFloatingIp', portId: port.id };
  if (chosen.id === claim.status?.floatingIpId && chosen.address === claim.status.floatingIp) return undefined;
  const set = { floatingIpId: chosen.id, floatingIp: chosen.address, epoch: input.epoch };
  return record(set, 'the floating IP stands');
}

/** Of those that lead to the port the recorded one, else the oldest: the list is oldest first. */
function chooseFloatingIp(
  { status }: NodeClaim,
  floatingIps: readonly ObservedFloatingIp[],
  port: ObservedPort,
): ObservedFloatingIp | undefined {
  const leadingHere = floatingIps.filter(({ portId }) => portId === port.id);
  return leadingHere.find(({ id }) => id === status?.floatingIpId) ?? leadingHere[0];
}

function step(next: ClaimStep): Network {
  return { kind: 'step', step: next };
}
