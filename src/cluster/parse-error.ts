// What the parsers throw: an object of the workload cluster that cannot be read. It names the field, never its value
// (which may be as long and as odd as a tenant likes).

export class ParseError extends Error {
  readonly kind: string;
  /** `namespace/name`, or the name of a cluster-scoped object; as far as it could be read. */
  readonly key: string;
  /** Path of the field, e.g. `spec.containers[0].resources`. */
  readonly field: string;

  constructor(options: { readonly kind: string; readonly key: string; readonly field: string; readonly must: string }) {
    super(`${options.kind} '${options.key}' cannot be read as ${options.field} must ${options.must}`);
    this.name = 'ParseError';
    this.kind = options.kind;
    this.key = options.key;
    this.field = options.field;
  }
}
