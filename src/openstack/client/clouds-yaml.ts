// The text of clouds.yaml, secure.yaml and clouds-public.yaml → sections of texts: every value stays what was written, keys
// have one spelling, and no error quotes the text, which holds passwords. Knows no key.
import { parse } from 'yaml';
import { OpenStackError } from './openstack-error.ts';

export type Section = { readonly [key: string]: Value };
export type Value = string | readonly Value[] | Section;

/** Real files are below 10 KB; more is not a clouds.yaml. */
const YAML_CHARS_MAX = 256 * 1024;
/** Anchors are used to share a few settings between clouds; more is an expansion attack. */
const YAML_ALIASES_MAX = 64;

/** The sections below `root`, by name; none of an absent or empty text. Throws `config` that names the file. */
export function readSections(
  text: string | undefined,
  from: { readonly file: string; readonly root: 'clouds' | 'public-clouds' },
): Map<string, Section> {
  const { file, root } = from;
  const named = new Map<string, Section>();
  if (text === undefined || text.trim() === '') return named;
  if (text.length > YAML_CHARS_MAX) throw config(`${file} must have at most ${YAML_CHARS_MAX} characters`);
  let parsed: unknown;
  try {
    // failsafe: every scalar stays the text that was written, so a password 0123 is not a number
    parsed = parse(text, { schema: 'failsafe', merge: true, maxAliasCount: YAML_ALIASES_MAX, logLevel: 'error' });
  } catch {
    throw config(`${file} is not YAML`); // the parser's message quotes the line, and the line may hold a password
  }
  const sections = isSection(parsed) ? parsed[root] : undefined;
  if (!isSection(sections)) throw config(`${file} must have a mapping '${root}'`);
  for (const [name, section] of Object.entries(sections)) {
    if (!isSection(section)) throw config(`${file}: ${root}.${name} must be a mapping`);
    named.set(name, normalize(section));
  }
  return named;
}

/** `over` laid over `under`, key by key down to the values. */
export function merge(under: Section, over: Section): Section {
  const merged: Record<string, Value> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isSection(below) && isSection(value) ? merge(normalize(below), normalize(value)) : value;
  }
  return merged;
}

/** region-name and region_name are the same key. */
export function normalize(section: Section): Section {
  const entries = Object.entries(section).map(([key, value]) => [key.replaceAll('-', '_'), value] as const);
  return Object.assign(Object.create(null) as Record<string, Value>, Object.fromEntries(entries));
}

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent, empty and YAML's null all mean: not set. */
export function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' && value !== 'null' && value !== '~' && value !== '' ? value : undefined;
}

/** YAML 1.1's words, as PyYAML reads them. Anything else is a mistake that must not decide about certificates. */
export function booleanOf(value: Value | undefined, where: string): boolean | undefined {
  const text = textOf(value)?.toLowerCase();
  if (text === undefined) return undefined;
  if (['true', 'yes', 'on', '1'].includes(text)) return true;
  if (['false', 'no', 'off', '0'].includes(text)) return false;
  throw config(`${where} must be true or false`);
}

/** A URL without a slash at its end. Throws `config` for any that is not plain http or https. */
export function httpUrl(text: string, where: string): string {
  if (/[{}]/.test(text)) throw config(`${where} may have {region_name} in it, and only where a region is set`);
  if (!URL.canParse(text)) throw config(`${where} must be a URL`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw config(`${where} must start with http:// or https://`);
  if (url.username !== '' || url.password !== '') throw config(`${where} must not hold a user name or password`);
  return url.href.replace(/\/+$/, '');
}

export function config(message: string): OpenStackError {
  return new OpenStackError('config', message);
}
