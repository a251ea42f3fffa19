// What a server in ERROR says about the next try. Nova gives no machine-readable class for the fault of an asynchronous
// create, only a code and its own fixed texts; this is the one place that knows them (seen in nova/conductor, 2025.2).
import type { ClaimFailure } from './claim-step.ts';

interface KnownFault {
  readonly failure: Omit<ClaimFailure, 'message'>;
  readonly texts: readonly string[];
}

const KNOWN: readonly KnownFault[] = [
  // Conductor's recheck of the quota after the request was accepted (CAPO#3375).
  {
    failure: { code: 'QuotaExceeded', backoff: 'quota' },
    texts: ['quota exceeded', 'exceeded quota', 'maximum number of ports exceeded'],
  },
  // NoValidHost, and what is left of it after the retries of the scheduler.
  {
    failure: { code: 'OutOfCapacity', backoff: 'capacity' },
    texts: ['no valid host', 'exceeded maximum number of retries', 'exhausted all hosts', 'insufficient compute'],
  },
];
/** Nova's code for a request over quota. */
const OVER_QUOTA_CODE = 413;

/** Failure of a claim whose server went to ERROR. Anything unknown is a fault of this server alone. */
export function serverFailure(fault: { readonly code: number; readonly message: string } | undefined): ClaimFailure {
  if (fault === undefined) return { code: 'ServerError', message: 'The server is in ERROR and Nova gives no fault.' };
  const text = fault.message.toLowerCase();
  const message = `The server is in ERROR (${fault.code}): ${fault.message}`;
  if (fault.code === OVER_QUOTA_CODE) return { code: 'QuotaExceeded', backoff: 'quota', message };
  const known = KNOWN.find(({ texts }) => texts.some((part) => text.includes(part)));
  return known === undefined ? { code: 'ServerError', message } : { ...known.failure, message };
}
