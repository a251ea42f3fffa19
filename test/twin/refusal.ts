// What a rule says when it says no.

export interface TwinRefusal {
  readonly plugin: string;
  /** The scheduler's words. One that ends in `…` gives only their beginning: the rest is a parser's complaint. */
  readonly reasons: readonly string[];
  /** The scheduler calls it an error. */
  readonly error?: true;
}

/** An allocation of devices that the scheduler cannot carry through, in its words or their beginning. */
export class AllocationError extends Error {}

export function no(plugin: string, ...reasons: readonly string[]): TwinRefusal {
  return { plugin, reasons };
}

export function error(plugin: string, reason: string): TwinRefusal {
  return { plugin, reasons: [reason], error: true };
}

/** The same plugin, the same reasons in any order (the scheduler lists some in map order), both errors or none. */
export function sameRefusal(twin: TwinRefusal | undefined, other: TwinRefusal | undefined): boolean {
  if (twin === undefined || other === undefined) return twin === other;
  if (twin.plugin !== other.plugin || twin.error !== other.error) return false;
  const words = [...other.reasons].sort();
  return (
    words.length === twin.reasons.length &&
    [...twin.reasons].sort().every((reason, index) => sameReason(reason, words[index] ?? ''))
  );
}

function sameReason(twin: string, other: string): boolean {
  return twin.endsWith('…') ? other.startsWith(twin.slice(0, -1)) : twin === other;
}
