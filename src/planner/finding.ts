// What the checkers of a plan say.
export interface Finding {
  readonly severity: 'fatal' | 'warning';
  readonly kind: string;
  readonly message: string;
  /** Where the fault lies with the steps of one pool, and goes with them. Absent: with the plan as a whole. */
  readonly pool?: string;
}
