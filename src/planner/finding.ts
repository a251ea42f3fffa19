// What the checkers of a plan say.
export interface Finding {
  readonly severity: 'fatal' | 'warning';
  readonly kind: string;
  readonly message: string;
}
