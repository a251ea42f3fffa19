// Why the search for devices ended without an answer of yes or no.

export type AllocationFault =
  /** The scheduler would call it an error: nothing is tried any more. */
  | { readonly kind: 'error'; readonly message: string }
  /** Of this node alone, in the scheduler's words. */
  | { readonly kind: 'node'; readonly message: string }
  /** Sluice cannot say what the scheduler would: too much work, or something that it does not simulate. */
  | { readonly kind: 'unknown'; readonly message: string };

export function failed(message: string): AllocationFault {
  return { kind: 'error', message };
}

export function cannotSay(message: string): AllocationFault {
  return { kind: 'unknown', message };
}
