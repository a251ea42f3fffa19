// Reads fields of an untrusted JSON object, with a limit on everything, and throws a ParseError that names the field.
// Absent and null are the same, as in Kubernetes. The path is put together only when something is wrong.
import { ParseError } from './parse-error.ts';
import { type Amount, NO_AMOUNT, parseAmount } from './quantity.ts';

/** Longest list that is read. The API server bounds none of ours; real pods stay below 100 of anything. */
export const LIST_ITEMS_MAX = 1024;
/** Longest text that is read: names are ≤ 253, label keys ≤ 317; our own annotations are ≤ 4 KiB. */
export const TEXT_LENGTH_MAX = 4096;

type Raw = Readonly<Record<string, unknown>>;

export class Fields {
  readonly #raw: Raw;
  readonly #name: string;
  readonly #parent: Fields | undefined;
  readonly #kind: string;

  private constructor(raw: Raw, place: { name: string; parent: Fields | undefined; kind: string }) {
    this.#raw = raw;
    this.#name = place.name;
    this.#parent = place.parent;
    this.#kind = place.kind;
  }

  /** The object itself. Throws a ParseError when `raw` is not a JSON object. */
  static of(kind: string, raw: unknown): Fields {
    if (!isRaw(raw)) throw new ParseError({ kind, key: '', field: 'object', must: 'be an object' });
    return new Fields(raw, { name: '', parent: undefined, kind });
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  object(name: string): Fields | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!isRaw(value)) throw this.error(name, 'be an object');
    return new Fields(value, { name, parent: this, kind: this.#kind });
  }

  objects(name: string): readonly Fields[] {
    return this.#list(name).map((value, index) => {
      const at = `${name}[${index}]`;
      const item = value ?? {};
      if (!isRaw(item)) throw this.error(at, 'be an object');
      return new Fields(item, { name: at, parent: this, kind: this.#kind });
    });
  }

  texts(name: string): readonly string[] {
    return this.#list(name).map((value, index) => this.#text(`${name}[${index}]`, value));
  }

  text(name: string): string {
    const value = this.#value(name);
    return value === undefined ? '' : this.#text(name, value);
  }

  /** Text or undefined, where absent and empty differ. */
  optionalText(name: string): string | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : this.#text(name, value);
  }

  /** Text that may be longer than others: what it is says how long. */
  longText(name: string, lengthMax: number): string {
    const value = this.#value(name);
    if (value === undefined) return '';
    if (typeof value !== 'string') throw this.error(name, 'be text');
    if (value.length > lengthMax) throw this.error(name, `have at most ${lengthMax} characters`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw this.error(name, 'be a boolean');
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.error(name, 'be an integer');
    return value;
  }

  integers(name: string): readonly number[] {
    return this.#list(name).map((value, index) => {
      const item = value ?? 0;
      if (typeof item === 'number' && Number.isSafeInteger(item)) return item;
      throw this.error(`${name}[${index}]`, 'be an integer');
    });
  }

  booleans(name: string): readonly boolean[] {
    return this.#list(name).map((value, index) => {
      const item = value ?? false;
      if (typeof item === 'boolean') return item;
      throw this.error(`${name}[${index}]`, 'be a boolean');
    });
  }

  /** RFC 3339 text as epoch milliseconds; 0 when absent. */
  timeMs(name: string): number {
    const value = this.text(name);
    if (value === '') return 0;
    const timeMs = Date.parse(value);
    if (Number.isNaN(timeMs)) throw this.error(name, 'be a time');
    return timeMs;
  }

  /** One entry of a map of text to text; undefined: it has none of this key. */
  entry(name: string, key: string): string | undefined {
    const map = this.object(name);
    if (map === undefined || !Object.hasOwn(map.#raw, key)) return undefined;
    return this.#text(`${name}.${key.slice(0, 64)}`, map.#raw[key]);
  }

  /** A map of text to text, in the order of its keys; only the keys wanted, when the caller says which. */
  textMap(name: string, wanted?: (key: string) => boolean): ReadonlyMap<string, string> {
    const map = new Map<string, string>();
    for (const [key, value] of this.#entries(name)) {
      if (wanted === undefined || wanted(key)) map.set(key, this.#text(`${name}.${key.slice(0, 64)}`, value));
    }
    return map;
  }

  /** A map of quantities. */
  quantities(name: string): ReadonlyMap<string, Amount> {
    const map = new Map<string, Amount>();
    for (const [key, value] of this.#entries(name)) {
      map.set(key, value === null ? NO_AMOUNT : this.#amount(`${name}.${key.slice(0, 64)}`, value));
    }
    return map;
  }

  /** A map of objects. */
  objectMap(name: string): ReadonlyMap<string, Fields> {
    const map = new Map<string, Fields>();
    for (const [key, value] of this.#entries(name)) {
      const at = `${name}.${key.slice(0, 64)}`;
      const item = value ?? {};
      if (!isRaw(item)) throw this.error(at, 'be an object');
      map.set(key, new Fields(item, { name: at, parent: this, kind: this.#kind }));
    }
    return map;
  }

  quantityList(name: string): readonly Amount[] {
    return this.#list(name).map((value, index) =>
      value === null ? NO_AMOUNT : this.#amount(`${name}[${index}]`, value),
    );
  }

  /** A quantity; undefined when absent. */
  quantity(name: string): Amount | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : this.#amount(name, value);
  }

  /** Number of items of a list that is not read. */
  count(name: string): number {
    const value = this.#value(name);
    if (value === undefined) return 0;
    if (!Array.isArray(value)) throw this.error(name, 'be a list');
    return value.length;
  }

  error(name: string, must: string): ParseError {
    const metadata = this.#root()['metadata'];
    const part = (key: string): string => {
      const value = isRaw(metadata) ? metadata[key] : undefined;
      return typeof value === 'string' ? value.slice(0, 253) : '';
    };
    const namespace = part('namespace');
    return new ParseError({
      kind: this.#kind,
      key: namespace === '' ? part('name') : `${namespace}/${part('name')}`,
      field: this.#path(name),
      must,
    });
  }

  #root(): Raw {
    return this.#parent === undefined ? this.#raw : this.#parent.#root();
  }

  #path(name: string): string {
    return this.#parent === undefined ? name : this.#parent.#path(`${this.#name}.${name}`);
  }

  #value(name: string): unknown {
    const value = Object.hasOwn(this.#raw, name) ? this.#raw[name] : undefined;
    return value === null ? undefined : value;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.error(name, 'be a list');
    if (value.length > LIST_ITEMS_MAX) throw this.error(name, `have at most ${LIST_ITEMS_MAX} items`);
    return value;
  }

  #entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!isRaw(value)) throw this.error(name, 'be an object');
    const keys = Object.keys(value);
    if (keys.length > LIST_ITEMS_MAX) throw this.error(name, `have at most ${LIST_ITEMS_MAX} entries`);
    return keys.sort().map((key) => {
      if (key.length > TEXT_LENGTH_MAX) throw this.error(name, `have keys of at most ${TEXT_LENGTH_MAX} characters`);
      return [key, value[key]] as const;
    });
  }

  #amount(name: string, value: unknown): Amount {
    const amount = typeof value === 'string' || typeof value === 'number' ? parseAmount(value) : undefined;
    if (amount === undefined) throw this.error(name, 'be a quantity');
    return amount;
  }

  /** An item or an entry that is null is an empty one, as Go reads it. */
  #text(name: string, value: unknown): string {
    if (value === null) return '';
    if (typeof value !== 'string') throw this.error(name, 'be text');
    if (value.length > TEXT_LENGTH_MAX) throw this.error(name, `have at most ${TEXT_LENGTH_MAX} characters`);
    return value;
  }
}

/** An object of the API with its metadata, which must be there. Throws a ParseError. */
export function openObject(
  kind: string,
  raw: unknown,
): { object: Fields; metadata: Fields; identity: { readonly uid: string; readonly name: string } } {
  const object = Fields.of(kind, raw);
  const metadata = object.object('metadata');
  if (metadata === undefined) throw object.error('metadata', 'be set');
  return { object, metadata, identity: { uid: metadata.text('uid'), name: metadata.text('name') } };
}

function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
