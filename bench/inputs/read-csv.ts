// CSV as the traces have it: a header, then a line per record, no quotes; `NAME.csv` or `NAME.csv.gz`. Every reading of a
// field names file, line and field when it is not what it must be.
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError } from './input-error.ts';

/** One line of a file, by the names of its header. */
export class CsvRecord {
  readonly #at: { readonly file: string; readonly line: number };
  readonly #fields: ReadonlyMap<string, string>;

  constructor(at: { readonly file: string; readonly line: number }, fields: ReadonlyMap<string, string>) {
    this.#at = at;
    this.#fields = fields;
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  /** The field; empty when the line leaves it empty. */
  text(field: string): string {
    return this.#fields.get(field) ?? this.fail(field, 'is missing');
  }

  /** A number of at least `least`. */
  number(field: string, least = 0): number {
    const text = this.text(field);
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value;
    return this.fail(field, `must be a number of at least ${least}: '${text}'`);
  }

  /** A whole number of at least `least`. */
  integer(field: string, least = 0): number {
    const value = this.number(field, least);
    return Number.isSafeInteger(value) ? value : this.fail(field, `must be a whole number: ${value}`);
  }

  fail(field: string, message: string): never {
    throw new InputError({ ...this.#at, field }, message);
  }
}

/** The records of `file`; of `file`.gz when only that is there. Throws an InputError when neither can be read, a column of
 *  `columns` is missing, or a line has another number of fields than the header. */
export function readCsv(file: string, columns: readonly string[]): readonly CsvRecord[] {
  const [header = '', ...lines] = textOf(file).split(/\r?\n/);
  const names = header.split(',').map((name) => name.trim());
  const missing = columns.find((column) => !names.includes(column));
  if (missing !== undefined) throw new InputError({ file, line: 1, field: missing }, 'is missing in the header');
  const records: CsvRecord[] = [];
  lines.forEach((text, index) => {
    if (text.trim() === '') return;
    const line = index + 2;
    const fields = text.split(',');
    if (fields.length !== names.length) {
      throw new InputError({ file, line }, `must have ${names.length} fields as its header has: ${fields.length}`);
    }
    records.push(
      new CsvRecord({ file, line }, new Map(names.map((name, column) => [name, (fields[column] ?? '').trim()]))),
    );
  });
  return records;
}

function textOf(file: string): string {
  const packed = `${file}.gz`;
  try {
    if (file.endsWith('.gz')) return gunzipSync(readFileSync(file)).toString('utf8');
    if (!existsSync(file) && existsSync(packed)) return gunzipSync(readFileSync(packed)).toString('utf8');
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError({ file }, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
