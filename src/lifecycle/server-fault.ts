// What a server in ERROR says about the next try. The adapter knows OpenStack's words and gives them a meaning.
import type { ServerFault } from './claim-facts.ts';
import type { ClaimFailure } from './claim-step.ts';

/** Failure of a claim whose server went to ERROR. Without a known meaning it holds against this flavor in this zone for
 *  a while, as missing capacity does: the next choice is taken, and where there is none, servers are not made and broken
 *  every few seconds. */
export function serverFailure(fault: ServerFault | undefined): ClaimFailure {
  const unexplained = { code: 'ServerError', backoff: 'capacity' } as const;
  if (fault === undefined) return { ...unexplained, message: 'The server is in ERROR and Nova gives no fault.' };
  const message = `The server is in ERROR (${fault.code}): ${fault.message}`;
  if (fault.meaning === 'quota' || fault.meaning === 'capacity') {
    return { code: fault.meaning, message, backoff: fault.meaning };
  }
  return { ...unexplained, message };
}
