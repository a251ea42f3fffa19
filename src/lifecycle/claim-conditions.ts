// Conditions on a claim: what keeps it where it is, for the operator who looks at it. Also the durable memory of "since
// when" for things that have no timer of their own.
import type { Condition } from '../api/conditions.ts';
import type { NodeClaim } from '../api/node-claim.ts';

export interface ClaimConditionInput {
  /** NodePresent: the Node exists although its server does. Removable: nothing stands against taking it away. */
  readonly type: 'NodePresent' | 'Removable';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** As the API server keeps messages of ours short, so do we: etcd is shared. */
const MESSAGE_LENGTH_MAX = 1024;

/** All conditions with this one applied; undefined when it already stands so. */
export function withCondition(
  claim: NodeClaim,
  input: ClaimConditionInput,
  nowMs: number,
): readonly Condition[] | undefined {
  const before = claim.status?.conditions ?? [];
  const old = before.find((condition) => condition.type === input.type);
  const message = input.message.slice(0, MESSAGE_LENGTH_MAX);
  if (old?.status === input.status && old.reason === input.reason && old.message === message) return undefined;
  const lastTransitionTime =
    old?.status === input.status ? old.lastTransitionTime : `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return [
    ...before.filter((condition) => condition.type !== input.type),
    { type: input.type, status: input.status, reason: input.reason, message, lastTransitionTime },
  ];
}

/** Since when the condition has this status; undefined: it has not. */
export function conditionSinceMs(
  claim: NodeClaim,
  type: ClaimConditionInput['type'],
  status: 'True' | 'False',
): number | undefined {
  const found = claim.status?.conditions?.find((condition) => condition.type === type && condition.status === status);
  return found === undefined ? undefined : Date.parse(found.lastTransitionTime);
}
