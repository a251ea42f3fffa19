// From nothing to a recorded server id: port, look, one POST, and what to do when its answer was lost.
// Nova has no idempotency key; at most one server per claim rests on createAttemptedAt, which is written before the POST
// and never cleared: whoever finds it set without a server id may look, but never POST.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClaimFacts, ObservedPort, ObservedServer } from './claim-facts.ts';
import { type AdvanceInput, type ClaimStep, record, timeMs, timeText } from './claim-step.ts';
import { networkBefore } from './network-steps.ts';
import { ownsServer } from './ownership.ts';

/** How long an adapter waits for the answer to POST /servers; a proxy in front of Nova gives up no later. */
const CREATE_ANSWER_TIMEOUT_MS = 60_000;
/** How long a lost POST may still turn into a server: twice that, and never below a minute. */
export const UNKNOWN_WINDOW_MS = Math.max(60_000, 2 * CREATE_ANSWER_TIMEOUT_MS);
/** Between two looks for it; a listing per claim is cheap, and few claims are in doubt at once. */
const UNKNOWN_POLL_MS = 5000;
/** Clocks of Nova and of the management cluster may differ by this much before something else breaks first. */
const CLOCK_SKEW_MS = 600_000;

/** The claim has no server id and no POST was tried. */
export function beforeAttempt(input: AdvanceInput): ClaimStep {
  const { claim, facts, nowMs } = input;
  const { servers } = facts;
  if (overdue(claim, nowMs)) {
    return {
      kind: 'fail',
      failure: {
        code: 'unavailable',
        message: `No server could be asked for within ${claim.spec.provisionTimeoutSeconds} s.`,
        backoff: 'unavailable',
      },
    };
  }
  const network = networkBefore(input);
  if (network.kind === 'step') return network.step;
  const { port, additional } = network;
  if (servers === undefined) return { kind: 'look', at: 'servers' };
  if (!servers.known) return { kind: 'retry', fact: 'servers', why: servers.why };
  const found = findOwn(claim, servers.value, port);
  if (found !== undefined) return adopt(input, found);
  const taken = [port, ...additional].find(({ deviceId }) => deviceId !== '');
  if (taken !== undefined) {
    return {
      kind: 'fail',
      failure: { code: 'invalidSpec', message: `Port ${taken.id} is used by a server that is not ours.` },
    };
  }
  const additionalPortIds = additional.map(({ id }) => id);
  return { kind: 'createServer', portId: port.id, additionalPortIds, staleTokenId: claim.status?.bootstrapTokenId };
}

/** A POST was tried and no server id is written down: it may have happened. */
export function afterLostAnswer(input: AdvanceInput): ClaimStep {
  const { claim, nowMs } = input;
  if (claim.status?.phase !== 'Unknown') {
    return record({ phase: 'Unknown' }, 'the answer to the create request was lost');
  }
  const looked = lookForServer(input.facts);
  if (looked.kind === 'step') return looked.step;
  const found = findOwn(claim, looked.servers, looked.ports[0]);
  if (found !== undefined) return adopt(input, found);
  const leftMs = unknownWindowLeftMs(claim, nowMs);
  if (leftMs > 0) {
    return { kind: 'wait', ms: Math.min(UNKNOWN_POLL_MS, leftMs), why: 'looking for the server of a lost answer' };
  }
  // Without its port a request that is still under way somewhere ends in ERROR instead of a node.
  const port = freePort(looked.ports, looked.servers);
  if (port !== undefined) return { kind: 'deletePort', portId: port.id, why: 'no server came of it' };
  return {
    kind: 'fail',
    failure: {
      code: 'outcomeUnknown',
      message: `OpenStack gave no answer to the create request, and no server appeared within ${UNKNOWN_WINDOW_MS / 1000} s.`,
      backoff: 'unavailable',
    },
  };
}

/** Milliseconds in which a lost POST may still show; 0 when it cannot any more, or none was tried. */
export function unknownWindowLeftMs(claim: NodeClaim, nowMs: number): number {
  const attemptedMs = timeMs(claim.status?.createAttemptedAt);
  return attemptedMs === undefined ? 0 : Math.max(0, attemptedMs + UNKNOWN_WINDOW_MS - nowMs);
}

export function adopt(input: AdvanceInput, server: ObservedServer): ClaimStep {
  return record(
    {
      serverId: server.id,
      phase: 'Building',
      epoch: input.epoch,
      createAttemptedAt: input.claim.status?.createAttemptedAt ?? timeText(server.createdMs),
    },
    'adopted: cluster, pool, claim and project match',
  );
}

/** The claim's own server, if one stands: the one on its port first, then the oldest. One that is older than the claim
 *  cannot be its own: somebody copied our metadata onto it. */
export function findOwn(
  claim: NodeClaim,
  servers: readonly ObservedServer[],
  port: ObservedPort | undefined,
): ObservedServer | undefined {
  const madeMs = (timeMs(claim.metadata.creationTimestamp) ?? 0) - CLOCK_SKEW_MS;
  const own = servers.filter((server) => ownsServer(claim, server) && server.createdMs >= madeMs);
  return (
    own.find((server) => port !== undefined && server.id === port.deviceId) ??
    own.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1))[0]
  );
}

/** A port that no existing server uses. */
export function freePort(ports: readonly ObservedPort[], servers: readonly ObservedServer[]): ObservedPort | undefined {
  const standing = new Set(servers.map((server) => server.id));
  return ports.find((port) => port.deviceId === '' || !standing.has(port.deviceId));
}

/** Both lists, or the step that gets them. Ports first: the servers behind them are part of the second answer. */
export function lookForServer(
  facts: ClaimFacts,
):
  | { readonly kind: 'step'; readonly step: ClaimStep }
  | { readonly kind: 'seen'; readonly ports: readonly ObservedPort[]; readonly servers: readonly ObservedServer[] } {
  const { ports, servers } = facts;
  if (ports === undefined) return { kind: 'step', step: { kind: 'look', at: 'ports' } };
  if (!ports.known) return { kind: 'step', step: { kind: 'retry', fact: 'ports', why: ports.why } };
  if (servers === undefined) return { kind: 'step', step: { kind: 'look', at: 'servers' } };
  if (!servers.known) return { kind: 'step', step: { kind: 'retry', fact: 'servers', why: servers.why } };
  return { kind: 'seen', ports: ports.value, servers: servers.value };
}

function overdue(claim: NodeClaim, nowMs: number): boolean {
  const createdMs = timeMs(claim.metadata.creationTimestamp);
  return createdMs !== undefined && nowMs - createdMs > claim.spec.provisionTimeoutSeconds * 1000;
}
