// What is wrong with a file that a benchmark was told to read: file, line and field, in one line for a person.

/** Ends the benchmark with exit code 2. */
export class InputError extends Error {
  constructor(where: { readonly file: string; readonly line?: number; readonly field?: string }, message: string) {
    const line = where.line === undefined ? '' : `:${where.line}`;
    const field = where.field === undefined ? '' : `${where.field} `;
    super(`${where.file}${line}: ${field}${message}`);
    this.name = 'InputError';
  }
}
