// Why a node does not take a pod: the plugin of kube-scheduler that says no, and its own words for it.

export interface Refusal {
  /** e.g. NodeResourcesFit. `Sluice` for reasons that only we know (node on its way out). */
  readonly plugin: string;
  /** At least one. */
  readonly reasons: readonly string[];
  /** The scheduler would call it an error and try no node at all. */
  readonly error?: true;
}

/** A refusal with one reason. */
export function refuse(plugin: string, reason: string): Refusal {
  return { plugin, reasons: [reason] };
}

/** A refusal that is an error to the scheduler. */
export function fail(plugin: string, reason: string): Refusal {
  return { plugin, reasons: [reason], error: true };
}

/** Counts of reasons as kube-scheduler prints them: "3 Insufficient cpu, 2 node(s) were unschedulable", sorted as text. */
export function countReasons(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
