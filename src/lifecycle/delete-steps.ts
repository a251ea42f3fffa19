// From the wish that a node should go to nothing left of it. Order: mark and taint, cordon, drain, volumes, server,
// floating IP, ports, Node, token, finalizer. A claim in the middle of its create is resolved first: no server is ever left behind.
// Only the server whose id is recorded, whose live metadata names this claim and which lies in the pinned project goes.
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { TAINTS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import { withCondition } from './claim-conditions.ts';
import type { ObservedServer } from './claim-facts.ts';
import { type AdvanceInput, type ClaimStep, record, timeMs, timeText } from './claim-step.ts';
import { adopt, findOwn, freePort, lookForServer, unknownWindowLeftMs } from './create-steps.ts';
import { drainOrder } from './drain-order.ts';
import { isGone, SERVER_GONE_CONFIRM_MS } from './live-steps.ts';
import { floatingIpAfter } from './network-steps.ts';
import { isNodeOfClaim, ownsServer } from './ownership.ts';

const FROZEN_POLL_MS = 15_000;
const UNKNOWN_POLL_MS = 5000;
const VOLUME_POLL_MS = 5000;
const SERVER_POLL_MS = 3000;
/** Kubernetes itself detaches by force after 6 minutes; a server that goes with its volumes attached corrupts nothing
 *  that this wait would save. */
export const VOLUME_DETACH_MAX_MS = 360_000;
/** What a person must mend is looked at this seldom. */
const REFUSED_POLL_MS = 300_000;

/** The claim is marked for removal or being deleted. */
export function leaving(input: AdvanceInput): ClaimStep {
  const { claim, frozen } = input;
  if (claim.metadata.deletionTimestamp === undefined) return { kind: 'markDeleted' };
  // A cluster that the operator deletes is not frozen by its own end; the fleet decides when its API is gone for good.
  const clusterDeleted = claim.status?.removal?.reason === 'ClusterDeleted';
  if (frozen !== undefined && !clusterDeleted) return { kind: 'wait', ms: FROZEN_POLL_MS, why: frozen };
  return claim.status?.serverId === undefined ? withoutServerId(input) : withServerId(input);
}

function withoutServerId(input: AdvanceInput): ClaimStep {
  const { claim } = input;
  const looked = lookForServer(input.facts);
  if (looked.kind === 'step') return looked.step;
  const found = findOwn(claim, looked.servers, looked.ports[0]);
  if (found !== undefined) return adopt(input, found);
  // A recorded failure means that the answer was a clear no, or that the window is over.
  const leftMs = claim.status?.failure === undefined ? unknownWindowLeftMs(claim, input.nowMs) : 0;
  if (leftMs > 0) {
    return { kind: 'wait', ms: Math.min(UNKNOWN_POLL_MS, leftMs), why: 'a create request may still be under way' };
  }
  const floatingIp = floatingIpAfter(input);
  if (floatingIp !== undefined) return floatingIp;
  const port = freePort(looked.ports, looked.servers);
  if (port !== undefined) return { kind: 'deletePort', portId: port.id, why: 'the claim is leaving' };
  if (looked.ports.length > 0) return refuse(input, 'PortInUse', 'A port of this claim is used by a foreign server.');
  return tokenThenFinalizer(input);
}

function withServerId(input: AdvanceInput): ClaimStep {
  const { claim, facts } = input;
  if (isDraining(claim)) {
    // A drain may take an hour of rounds; while its Node is well, the server need not be asked for in each.
    if (facts.node === undefined) return { kind: 'look', at: 'node' };
    const node = facts.node.known ? facts.node.value : undefined;
    if (node?.ready === 'True' && isNodeOfClaim(claim, node)) return emptyNode(input);
  }
  const { server } = facts;
  if (server === undefined) return { kind: 'look', at: 'server' };
  if (!server.known) return { kind: 'retry', fact: 'server', why: server.why };
  if (server.value === undefined || isGone(server.value)) return serverGone(input);
  if (!ownsServer(claim, server.value)) {
    return refuse(
      input,
      'NotOurs',
      `Server ${server.value.id} no longer carries this claim's metadata, or lies in another project: delete it by hand.`,
    );
  }
  return claim.status?.deleteStartedAt === undefined ? emptyNode(input) : takeServer(input, server.value);
}

/** Mark, taint, cordon, drain. Ends by writing deleteStartedAt: from then on nothing runs there that counts. */
function emptyNode(input: AdvanceInput): ClaimStep {
  const { claim, facts, nowMs } = input;
  if (facts.node === undefined) return { kind: 'look', at: 'node' };
  if (!facts.node.known) return { kind: 'retry', fact: 'node', why: facts.node.why };
  const node = facts.node.value;
  if (node === undefined || !isNodeOfClaim(claim, node)) return startDelete(input, 'there is no node to drain');
  const startedMs = timeMs(claim.status?.drainStartedAt);
  if (startedMs === undefined) {
    return record({ phase: 'Draining', drainStartedAt: timeText(nowMs) }, 'the node is leaving');
  }
  if (!isCordoned(node)) return { kind: 'cordon', node };
  if (facts.pods === undefined) return { kind: 'look', at: 'pods' };
  if (!facts.pods.known) return { kind: 'retry', fact: 'pods', why: facts.pods.why };
  const round = drainOrder({
    pods: facts.pods.value,
    nowMs,
    startedMs,
    timeoutMs: claim.spec.drainTimeoutSeconds * 1000,
    force: claim.spec.drainForce,
  });
  return round === 'empty' ? startDelete(input, 'the node is empty') : { kind: 'drain', node, round };
}

function startDelete(input: AdvanceInput, why: string): ClaimStep {
  return record({ phase: 'Deleting', deleteStartedAt: timeText(input.nowMs), epoch: input.epoch }, why);
}

function takeServer(input: AdvanceInput, server: ObservedServer): ClaimStep {
  const { claim, facts, nowMs } = input;
  if (server.taskState === 'deleting') return { kind: 'wait', ms: SERVER_POLL_MS, why: 'Nova deletes the server' };
  const startedMs = timeMs(claim.status?.deleteStartedAt) ?? nowMs;
  if (claim.status?.registeredAt !== undefined && nowMs - startedMs < VOLUME_DETACH_MAX_MS) {
    const { volumes } = facts;
    if (volumes === undefined) return { kind: 'look', at: 'volumes' };
    if (!volumes.known) return { kind: 'retry', fact: 'volumes', why: volumes.why };
    if (volumes.value.length > 0) {
      return { kind: 'wait', ms: VOLUME_POLL_MS, why: `${volumes.value.length} volumes are still attached` };
    }
  }
  return { kind: 'deleteServer', serverId: server.id };
}

function serverGone(input: AdvanceInput): ClaimStep {
  const { claim, nowMs } = input;
  // A 404 that did not follow our own DELETE is asked for twice, as it may be Nova's mistake.
  if (claim.status?.deleteStartedAt === undefined && claim.status?.failure?.code !== 'ServerRemovedByUser') {
    const goneMs = timeMs(claim.status?.serverGoneAt);
    if (goneMs === undefined) return record({ serverGoneAt: timeText(nowMs) }, 'the server is not there');
    const leftMs = goneMs + SERVER_GONE_CONFIRM_MS - nowMs;
    if (leftMs > 0) return { kind: 'wait', ms: leftMs, why: 'the server is not there: asking once more' };
  }
  if (claim.status?.phase !== 'Deleting') return record({ phase: 'Deleting' }, 'the server is gone');
  const looked = lookForServer(input.facts);
  if (looked.kind === 'step') return looked.step;
  // A listing may still show for a moment what a 404 has already denied.
  const others = looked.servers.filter((server) => server.id !== claim.status?.serverId && !isGone(server));
  const twin = findOwn(claim, others, undefined);
  if (twin !== undefined) return record({ serverId: twin.id, epoch: input.epoch }, 'a second server of this claim');
  const floatingIp = floatingIpAfter(input);
  if (floatingIp !== undefined) return floatingIp;
  const port = freePort(looked.ports, others);
  if (port !== undefined) return { kind: 'deletePort', portId: port.id, why: 'its server is gone' };
  if (looked.ports.length > 0) return refuse(input, 'PortInUse', 'A port of this claim is used by another server.');
  const { node } = input.facts;
  if (node === undefined) return { kind: 'look', at: 'node' };
  if (!node.known) return { kind: 'retry', fact: 'node', why: node.why };
  const found = node.value;
  if (found !== undefined && !found.deleting && isNodeOfClaim(claim, found)) {
    return { kind: 'deleteNode', name: found.name, uid: found.uid };
  }
  return tokenThenFinalizer(input);
}

function tokenThenFinalizer(input: AdvanceInput): ClaimStep {
  const tokenId = input.claim.status?.bootstrapTokenId;
  if (tokenId !== undefined) return { kind: 'deleteToken', tokenId };
  return { kind: 'removeFinalizer' };
}

function refuse(input: AdvanceInput, reason: string, message: string): ClaimStep {
  const conditions = withCondition(input.claim, { type: 'Removable', status: 'False', reason, message }, input.nowMs);
  if (conditions !== undefined) return record({ conditions }, message);
  return { kind: 'wait', ms: REFUSED_POLL_MS, why: message };
}

/** Its server was ours when the drain began, and is looked at again before it goes. */
function isDraining(claim: NodeClaim): boolean {
  return claim.status?.drainStartedAt !== undefined && claim.status.deleteStartedAt === undefined;
}

function isCordoned(node: NodeObject): boolean {
  return node.unschedulable && node.taints.some((taint) => taint.key === TAINTS.draining);
}
