// The one POST of a claim and everything that must be written down around it. In this order, so that a crash between any
// two lines costs a token or a port that is known to the claim, and never a second server:
//   user data → token id on the claim → token in the cluster → createAttemptedAt on the claim → POST → server id.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClaimFailure } from '../lifecycle/claim-step.ts';
import { timeText } from '../lifecycle/claim-step.ts';
import { UserDataError } from '../lifecycle/kubelet-flags.ts';
import { serverMetadata } from '../lifecycle/ownership.ts';
import { renderUserData } from '../lifecycle/render-user-data.ts';
import { failClaim, recordFault, writeFact, writeStatus } from './claim-status.ts';
import type { ClusterContext } from './cluster-context.ts';
import { isPortError, type PortError, type PortErrorCode } from './port-errors.ts';
import type { BootstrapToken } from './ports.ts';

/** The token outlives the provision timeout by this: clocks differ, and a kubelet may be in the middle of its CSR. */
const TOKEN_MARGIN_MS = 600_000;

/** Answers of POST /servers that say for certain that no server was made. All others may have made one. */
const REFUSALS: Partial<Record<PortErrorCode, ClaimFailure['code']>> = {
  quota: 'quota',
  capacity: 'capacity',
  invalidSpec: 'invalidSpec',
  notFound: 'invalidSpec',
  credentials: 'credentials',
  forbidden: 'credentials',
  throttled: 'unavailable',
};

/** The failure of a claim whose request was refused; undefined: the answer does not say so. */
export function refusal(error: PortError): ClaimFailure | undefined {
  const code = REFUSALS[error.code];
  return code === undefined ? undefined : { code, message: error.message };
}

/** Tries once. Returns the claim with its server id, failed, or with only the attempt written down (outcome unknown). */
export async function createServer(
  context: ClusterContext,
  claim: NodeClaim,
  options: {
    readonly portId: string;
    readonly additionalPortIds: readonly string[];
    readonly staleTokenId: string | undefined;
  },
): Promise<NodeClaim> {
  const { cloud, workload } = context;
  const { spec } = claim;
  // A token of an earlier try: its secret went with the process that made it.
  if (options.staleTokenId !== undefined) await workload.deleteBootstrapToken(options.staleTokenId);
  const token = mintToken(context, claim);
  const userData = userDataOf(context, claim, token);
  if (userData.kind === 'failure') return failClaim(context, claim, { failure: userData.failure });
  const group = await serverGroupOf(context, claim);
  if (group.kind === 'refused') return failClaim(context, claim, group);
  let current = await writeStatus(context, claim, { set: { bootstrapTokenId: token.id } });
  try {
    await workload.createBootstrapToken(token);
  } catch (error) {
    if (!isPortError(error, 'conflict')) throw error;
    // The id is somebody else's: it must not be deleted as ours later on. The next try draws another.
    return writeStatus(context, current, { set: {}, clear: ['bootstrapTokenId'] });
  }
  const { epoch } = context.lease();
  current = await writeStatus(context, current, {
    set: { phase: 'Creating', createAttemptedAt: timeText(context.clock.nowMs()), epoch },
  });
  const lease = context.lease();
  if (!lease.held || lease.epoch !== epoch) return current;
  let serverId: string;
  try {
    serverId = await cloud.createServer({
      name: claim.metadata.name,
      flavorId: spec.flavorId,
      imageId: spec.imageId,
      portId: options.portId,
      additionalPortIds: options.additionalPortIds,
      zone: spec.zone,
      keyPair: spec.keyPair,
      serverGroupId: group.id,
      userData: userData.text,
      metadata: serverMetadata(claim),
    });
  } catch (error) {
    if (!isPortError(error)) throw error;
    const failure = refusal(error);
    if (failure !== undefined) return failClaim(context, current, { failure, error });
    context.telemetry.log('warn', 'the answer to a create request was lost', {
      claim: claim.metadata.name,
      code: error.code,
      requestId: error.requestId,
    });
    return current;
  }
  return writeFact(context, current, { serverId, phase: 'Building' });
}

type Group =
  | { readonly kind: 'group'; readonly id: string | undefined }
  | { readonly kind: 'refused'; readonly failure: ClaimFailure; readonly error: PortError };

/** What a new try cannot mend, such as a quota of groups, ends the claim, as it does for a port. */
async function serverGroupOf(context: ClusterContext, claim: NodeClaim): Promise<Group> {
  const { serverGroup, serverGroupPolicy } = claim.spec;
  if (serverGroup === undefined) return { kind: 'group', id: undefined };
  try {
    return { kind: 'group', id: await context.cloud.ensureServerGroup(serverGroup, serverGroupPolicy) };
  } catch (error) {
    if (!isPortError(error)) throw error;
    const failure = isPortError(error, 'quota', 'invalidSpec') ? refusal(error) : undefined;
    if (failure !== undefined) return { kind: 'refused', failure, error };
    recordFault(context, claim, error);
    throw error;
  }
}

function mintToken(context: ClusterContext, claim: NodeClaim): BootstrapToken {
  const lifeMs = claim.spec.provisionTimeoutSeconds * 1000 + TOKEN_MARGIN_MS;
  return {
    id: context.random.hex(6),
    secret: context.random.hex(16),
    expiresAt: timeText(context.clock.nowMs() + lifeMs),
    description: `Sluice: node ${claim.metadata.name}`,
  };
}

function userDataOf(
  context: ClusterContext,
  claim: NodeClaim,
  token: BootstrapToken,
): { readonly kind: 'text'; readonly text: string } | { readonly kind: 'failure'; readonly failure: ClaimFailure } {
  const cluster = context.cluster();
  try {
    const text = renderUserData({
      cluster,
      claim,
      token,
      apiEndpoint: cluster.spec.bootstrap?.apiEndpoint ?? context.workload.apiEndpoint,
      caCertificate: cluster.spec.bootstrap?.caCertificate ?? context.workload.caCertificate,
    });
    return { kind: 'text', text };
  } catch (error) {
    if (!(error instanceof UserDataError)) throw error;
    const failure: ClaimFailure = { code: 'invalidSpec', message: error.message, backoff: 'invalidSpec' };
    return { kind: 'failure', failure };
  }
}
