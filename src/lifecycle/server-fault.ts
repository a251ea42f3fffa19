// What a server in ERROR says about the next try. The adapter knows OpenStack's words and gives them a meaning.
import type { ServerFault } from './claim-facts.ts';
import type { ClaimFailure } from './claim-step.ts';

/** Failure of a claim whose server went to ERROR. Without a known meaning it is a fault of this server alone. */
export function serverFailure(fault: ServerFault | undefined): ClaimFailure {
  if (fault === undefined) return { code: 'ServerError', message: 'The server is in ERROR and Nova gives no fault.' };
  const message = `The server is in ERROR (${fault.code}): ${fault.message}`;
  if (fault.meaning === 'quota' || fault.meaning === 'capacity') {
    return { code: fault.meaning, message, backoff: fault.meaning };
  }
  return { code: 'ServerError', message };
}
