// From a recorded server id to a Ready node, and the watch over it from then on.
// A healthy Ready node costs no call to the cloud: the inventory's one listing notes servers that are missing
// (status.serverGoneAt), and only then is the server itself asked for.
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { conditionSinceMs, withCondition } from './claim-conditions.ts';
import type { ObservedServer } from './claim-facts.ts';
import { type AdvanceInput, type ClaimStep, record, timeMs, timeText } from './claim-step.ts';
import { isNodeOfClaim } from './ownership.ts';
import { serverFailure } from './server-fault.ts';

/** A server takes 5 to 60 s to build. A hundred at once must not use up the project's 20 calls a second, nor keep Nova from
 *  building: one listing of theirs costs it as much as a server, and who is looked for every 5 s shares it with the others. */
const BUILD_POLL_SHORTEST_MS = 5000;
const BUILD_POLL_LONGEST_MS = 30_000;
/** A Node that appears wakes its claim through the watch; this is the net below it. */
const BOOT_POLL_MS = 30_000;
/** A 404 counts when it stands for this long: one cell of Nova answers for another within seconds. */
export const SERVER_GONE_CONFIRM_MS = 15_000;
/** While frozen nothing is concluded; the freeze itself is judged every few seconds. */
const FROZEN_POLL_MS = 30_000;
/** A kubelet registers again only when it starts: a restart of it must fit in here. */
export const NODE_GONE_MS = 300_000;
/** Ready nodes are looked at on changes; this catches what no watch told. */
const READY_RECHECK_MS = 600_000;
/** Deleting a server takes seconds to minutes. */
const LEAVING_POLL_MS = 10_000;

/** The server id is written down, and the claim is neither failed nor leaving. */
export function withServer(input: AdvanceInput): ClaimStep {
  const { claim, facts } = input;
  const { status } = claim;
  const ready = status?.readyAt !== undefined;
  const booted = ready || status?.registeredAt !== undefined || status?.phase === 'Booting';
  // A Node of its own is the better sign of life, and the watch gives it for nothing.
  if (booted && status?.serverGoneAt === undefined) {
    const { node } = facts;
    if (node === undefined) return { kind: 'look', at: 'node' };
    if (!node.known) return (ready ? undefined : overdue(input)) ?? { kind: 'retry', fact: 'node', why: node.why };
    if (node.value !== undefined && isNodeOfClaim(claim, node.value)) {
      return ready ? readyNode(input, node.value) : joined(input, node.value);
    }
  }
  const { server } = facts;
  if (server === undefined) return { kind: 'look', at: 'server' };
  if (!server.known) return { kind: 'retry', fact: 'server', why: server.why };
  if (server.value === undefined || isGone(server.value)) return serverMissing(input);
  if (status?.serverGoneAt !== undefined) return record({}, 'the server is there after all', ['serverGoneAt']);
  if (server.value.taskState === 'deleting') {
    return { kind: 'wait', ms: LEAVING_POLL_MS, why: 'somebody is deleting the server' };
  }
  return ready ? nodeMissing(input) : comingUp(input, server.value);
}

/** Nova keeps a deleted server visible for administrators, and in soft delete for a while. */
export function isGone(server: ObservedServer): boolean {
  return server.status === 'DELETED' || server.status === 'SOFT_DELETED';
}

function readyNode(input: AdvanceInput, node: NodeObject): ClaimStep {
  const { claim } = input;
  if (claim.status?.phase !== 'Ready') return record({ phase: 'Ready' }, 'the node is there');
  if (claim.status.bootstrapTokenId !== undefined) {
    return { kind: 'deleteToken', tokenId: claim.status.bootstrapTokenId };
  }
  if (node.uid !== claim.status.nodeUid) return record({ nodeUid: node.uid }, 'the node registered again');
  if (conditionSinceMs(claim, 'NodePresent', 'False') !== undefined) {
    const conditions = withCondition(
      claim,
      { type: 'NodePresent', status: 'True', reason: 'Registered', message: '' },
      input.nowMs,
    );
    if (conditions !== undefined) return record({ conditions }, 'the node is back');
  }
  return { kind: 'wait', ms: READY_RECHECK_MS, why: 'ready' };
}

function serverMissing(input: AdvanceInput): ClaimStep {
  const { claim, nowMs } = input;
  const goneMs = timeMs(claim.status?.serverGoneAt);
  if (goneMs === undefined) return record({ serverGoneAt: timeText(nowMs) }, 'the server is not there');
  const leftMs = goneMs + SERVER_GONE_CONFIRM_MS - nowMs;
  if (leftMs > 0) return { kind: 'wait', ms: leftMs, why: 'the server is not there: asking once more' };
  if (input.frozen !== undefined) return { kind: 'wait', ms: FROZEN_POLL_MS, why: input.frozen };
  return {
    kind: 'fail',
    failure: {
      code: 'ServerRemovedByUser',
      message: `Server ${claim.status?.serverId ?? ''} is gone from project ${claim.spec.projectId}, and Sluice did not delete it.`,
    },
  };
}

/** The server stands, its Node was Ready once and is not there. */
function nodeMissing(input: AdvanceInput): ClaimStep {
  const { claim, nowMs } = input;
  const sinceMs = conditionSinceMs(claim, 'NodePresent', 'False');
  if (sinceMs === undefined) {
    const conditions = withCondition(
      claim,
      { type: 'NodePresent', status: 'False', reason: 'NodeGone', message: 'The Node object is gone.' },
      nowMs,
    );
    if (conditions !== undefined) return record({ conditions }, 'the Node object is gone');
  }
  const leftMs = (sinceMs ?? nowMs) + NODE_GONE_MS - nowMs;
  if (leftMs > 0) return { kind: 'wait', ms: leftMs, why: 'the Node object is gone: the kubelet may register again' };
  if (input.frozen !== undefined) return { kind: 'wait', ms: FROZEN_POLL_MS, why: input.frozen };
  return {
    kind: 'fail',
    failure: {
      code: 'NodeGone',
      message: `The Node object has been gone for ${NODE_GONE_MS / 1000} s while its server stands.`,
    },
  };
}

/** The server stands and its Node does not yet. */
function comingUp(input: AdvanceInput, server: ObservedServer): ClaimStep {
  const { claim, facts } = input;
  const { status } = claim;
  if (server.status === 'ERROR' && status?.registeredAt === undefined) {
    return { kind: 'fail', failure: serverFailure(server.fault) };
  }
  if (server.status === 'BUILD') {
    if (status?.phase !== 'Building') return record({ phase: 'Building' }, 'Nova builds the server');
    return overdue(input) ?? { kind: 'wait', ms: buildPollMs(input), why: 'Nova builds the server' };
  }
  if (status?.registeredAt === undefined && status?.phase !== 'Booting') {
    return record({ phase: 'Booting', serverAddresses: [...server.addresses] }, 'the server is ACTIVE');
  }
  const node = facts.node?.known === true ? facts.node.value : undefined;
  const why =
    node === undefined ? 'the node has not joined yet' : 'a Node of this name names another server in its provider id';
  return overdue(input) ?? { kind: 'wait', ms: BOOT_POLL_MS, why };
}

/** A quarter of the time that it has taken so far: soon after quick builds, seldom in slow ones. */
function buildPollMs(input: AdvanceInput): number {
  const sinceMs = input.nowMs - (timeMs(input.claim.status?.createAttemptedAt) ?? input.nowMs);
  return Math.min(BUILD_POLL_LONGEST_MS, Math.max(BUILD_POLL_SHORTEST_MS, Math.round(sinceMs / 4)));
}

function joined(input: AdvanceInput, node: NodeObject): ClaimStep {
  const { status } = input.claim;
  if (status?.registeredAt === undefined || status.nodeUid !== node.uid) {
    return record(
      {
        phase: 'Registered',
        nodeName: node.name,
        nodeUid: node.uid,
        registeredAt: status?.registeredAt ?? timeText(input.nowMs),
      },
      'the node has joined',
    );
  }
  // Its only use is over: the kubelet has credentials of its own.
  if (status.bootstrapTokenId !== undefined) return { kind: 'deleteToken', tokenId: status.bootstrapTokenId };
  if (node.ready === 'True') return record({ phase: 'Ready', readyAt: timeText(input.nowMs) }, 'the node is ready');
  return overdue(input) ?? { kind: 'wait', ms: BOOT_POLL_MS, why: 'the node is not ready yet' };
}

/** Fails a claim that did not become a Ready node in its time. */
function overdue(input: AdvanceInput): ClaimStep | undefined {
  const { claim, nowMs, frozen } = input;
  const attemptedMs = timeMs(claim.status?.createAttemptedAt);
  const limitMs = claim.spec.provisionTimeoutSeconds * 1000;
  if (attemptedMs === undefined || nowMs - attemptedMs <= limitMs) return undefined;
  // A sick control plane is why nodes cannot join: new servers would not do better.
  if (frozen !== undefined) return { kind: 'wait', ms: FROZEN_POLL_MS, why: frozen };
  return {
    kind: 'fail',
    failure: {
      code: 'ProvisionTimeout',
      message: `No ready node within ${limitMs / 1000} s: look at the server's console for why its kubelet does not join.`,
    },
  };
}
