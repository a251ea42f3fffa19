// Reads fields of an untrusted JSON object, with a limit on everything, and throws a ParseError that names the field.
// Absent and null are the same, as in Kubernetes. The path is put together only when something is wrong.
// Above 250 lines because there is one reader for each kind of field, with its limit.
import { ParseError } from './parse-error.ts';
import { type Amount, NO_AMOUNT, parseAmount } from './quantity.ts';

/** Longest list that is read. The API server bounds none of ours; real pods stay below 100 of anything. */
export const LIST_ITEMS_MAX = 1024;
/** Longest text that is read: names are ≤ 253, label keys ≤ 317; our own annotations are ≤ 4 KiB. */
export const TEXT_LENGTH_MAX = 4096;

type Raw = Readonly<Record<string, unknown>>;

export class Fields {
  readonly #raw: Raw;
  /** Of the field that this is; of the outermost object its kind. */
  readonly #name: string;
  readonly #parent: Fields | undefined;
  /** Place in a list, −1: it is in none; key in a map. */
  #item: number | string = -1;
  /** Lists that were asked for, as some are again and again. */
  #lists: Map<string, readonly Fields[]> | undefined;

  private constructor(raw: Raw, name: string, parent: Fields | undefined) {
    this.#raw = raw;
    this.#name = name;
    this.#parent = parent;
  }

  /** The object itself. Throws a ParseError when `raw` is not a JSON object. */
  static of(kind: string, raw: unknown): Fields {
    if (!isRaw(raw)) throw new ParseError({ kind, key: '', field: 'object', must: 'be an object' });
    return new Fields(raw, kind, undefined);
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  object(name: string): Fields | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!isRaw(value)) throw this.error(name, 'be an object');
    return new Fields(value, name, this);
  }

  objects(name: string): readonly Fields[] {
    const list = this.#list(name);
    if (list.length === 0) return NO_FIELDS;
    const known = this.#lists?.get(name);
    if (known !== undefined) return known;
    const found = list.map((value, index) => this.#itemAt(name, index, value));
    this.#lists ??= new Map();
    this.#lists.set(name, found);
    return found;
  }

  #itemAt(name: string, at: number | string, value: unknown): Fields {
    const raw = value ?? {};
    if (!isRaw(raw)) throw this.error(itemName(name, at), 'be an object');
    const item = new Fields(raw, name, this);
    item.#item = at;
    return item;
  }

  texts(name: string): readonly string[] {
    const list = this.#list(name);
    return list.length === 0 ? NO_TEXTS : list.map((value, index) => this.#text(name, value, index));
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
    return this.#text(name, map.#raw[key], key);
  }

  /** A map of text to text, in the order of its keys; only the keys wanted, when the caller says which. */
  textMap(name: string, wanted?: (key: string) => boolean): ReadonlyMap<string, string> {
    if (this.#value(name) === undefined) return NO_MAP;
    const map = new Map<string, string>();
    for (const [key, value] of this.#entries(name)) {
      if (wanted === undefined || wanted(key)) map.set(key, this.#text(name, value, key));
    }
    return map;
  }

  /** A map of quantities. */
  quantities(name: string): ReadonlyMap<string, Amount> {
    if (this.#value(name) === undefined) return NO_MAP;
    const map = new Map<string, Amount>();
    for (const [key, value] of this.#entries(name)) {
      map.set(key, value === null ? NO_AMOUNT : this.#amount(name, value, key));
    }
    return map;
  }

  /** A map of objects. */
  objectMap(name: string): ReadonlyMap<string, Fields> {
    const map = new Map<string, Fields>();
    for (const [key, value] of this.#entries(name)) map.set(key, this.#itemAt(name, key, value));
    return map;
  }

  quantityList(name: string): readonly Amount[] {
    return this.#list(name).map((value, index) => (value === null ? NO_AMOUNT : this.#amount(name, value, index)));
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
      kind: this.#kind(),
      key: namespace === '' ? part('name') : `${namespace}/${part('name')}`,
      field: this.#path(name),
      must,
    });
  }

  #root(): Raw {
    return this.#parent === undefined ? this.#raw : this.#parent.#root();
  }

  #kind(): string {
    return this.#parent === undefined ? this.#name : this.#parent.#kind();
  }

  #path(name: string): string {
    return this.#parent === undefined ? name : this.#parent.#path(`${itemName(this.#name, this.#item)}.${name}`);
  }

  /** JSON has no functions: one is inherited by every object, and nobody's word. */
  #value(name: string): unknown {
    const value = this.#raw[name] ?? undefined;
    return typeof value === 'function' ? undefined : value;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value(name);
    if (value === undefined) return NO_ITEMS;
    if (!Array.isArray(value)) throw this.error(name, 'be a list');
    if (value.length > LIST_ITEMS_MAX) throw this.error(name, `have at most ${LIST_ITEMS_MAX} items`);
    return value;
  }

  #entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.#value(name);
    if (value === undefined) return NO_ENTRIES;
    if (!isRaw(value)) throw this.error(name, 'be an object');
    const keys = Object.keys(value);
    if (keys.length > LIST_ITEMS_MAX) throw this.error(name, `have at most ${LIST_ITEMS_MAX} entries`);
    if (keys.length > 1) keys.sort();
    return keys.map((key) => {
      if (key.length > TEXT_LENGTH_MAX) throw this.error(name, `have keys of at most ${TEXT_LENGTH_MAX} characters`);
      return [key, value[key]] as const;
    });
  }

  #amount(name: string, value: unknown, at: number | string = -1): Amount {
    const amount = typeof value === 'string' || typeof value === 'number' ? parseAmount(value) : undefined;
    if (amount === undefined) throw this.error(itemName(name, at), 'be a quantity');
    return amount;
  }

  /** An item or an entry that is null is an empty one, as Go reads it. */
  #text(name: string, value: unknown, at: number | string = -1): string {
    if (value === null) return '';
    if (typeof value !== 'string') throw this.error(itemName(name, at), 'be text');
    if (value.length > TEXT_LENGTH_MAX) {
      throw this.error(itemName(name, at), `have at most ${TEXT_LENGTH_MAX} characters`);
    }
    return value;
  }
}

const NO_FIELDS: readonly Fields[] = [];
/** Shared by all who have nothing: most labels and selectors of a large cluster are empty. */
const NO_MAP: ReadonlyMap<string, never> = new Map<string, never>();
const NO_TEXTS: readonly string[] = [];
const NO_ITEMS: readonly unknown[] = [];
const NO_ENTRIES: readonly (readonly [string, unknown])[] = [];

/** As a person writes it: an item of a list (−1: the field itself), an entry of a map. */
function itemName(name: string, at: number | string): string {
  if (typeof at === 'string') return `${name}.${at.slice(0, 64)}`;
  return at === -1 ? name : `${name}[${at}]`;
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
