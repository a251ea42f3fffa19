// One node's life as one pure function: claim + what was seen + now → the next step. The shell carries it out, looks
// again, and asks again; so every step must be safe to repeat after a crash at any point.
//
//   Pending → PortReady → Creating ─┬→ Building → Booting → Registered → Ready → Draining → Deleting → (gone)
//                                   └→ Unknown (answer lost: look, adopt or give up)      ↘ Failed → Deleting
import { FINALIZERS } from '../api/names.ts';
import { type AdvanceInput, type ClaimStep, record } from './claim-step.ts';
import { afterLostAnswer, beforeAttempt } from './create-steps.ts';
import { leaving } from './delete-steps.ts';
import { withServer } from './live-steps.ts';

/** The next step of this claim. Total: every claim in every state has exactly one. */
export function advanceClaim(input: AdvanceInput): ClaimStep {
  const { metadata, status } = input.claim;
  const held = metadata.finalizers?.includes(FINALIZERS.nodeClaim) ?? false;
  if (metadata.deletionTimestamp !== undefined && !held) return { kind: 'settled' };
  if (!held) return { kind: 'addFinalizer' };
  if (metadata.deletionTimestamp !== undefined || status?.removal !== undefined) return leaving(input);
  if (status?.failure !== undefined) {
    return status.phase === 'Failed' ? { kind: 'settled' } : record({ phase: 'Failed' }, status.failure.message);
  }
  if (status?.serverId !== undefined) return withServer(input);
  return status?.createAttemptedAt === undefined ? beforeAttempt(input) : afterLostAnswer(input);
}
