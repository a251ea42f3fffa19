// Reads clouds.yaml as openstacksdk does: named clouds, secure.yaml merged over them, OS_* variables, no vendor profiles.
// Decides which cloud, region, interface and credential are meant. Opens no file and reads no environment by itself.
// Above 250 lines because the format has grown many spellings, and this is the one place that knows them.
import { parse } from 'yaml';
import { OpenStackError } from './openstack-error.ts';

export type NameOrId = { readonly id: string } | { readonly name: string; readonly domain: DomainRef };
export type DomainRef = { readonly id: string } | { readonly name: string };

export type CloudAuth =
  | { readonly kind: 'password'; readonly user: NameOrId; readonly password: string; readonly project: NameOrId }
  | { readonly kind: 'applicationCredential'; readonly id: string; readonly secret: string }
  | {
      readonly kind: 'namedApplicationCredential';
      readonly name: string;
      readonly user: NameOrId;
      readonly secret: string;
    }
  | { readonly kind: 'token'; readonly token: string; readonly project: NameOrId };

export interface ServiceSettings {
  readonly interface?: CloudConfig['interface'];
  readonly region?: string;
  /** Under which the catalog lists it. */
  readonly type?: string;
  readonly name?: string;
  /** To be spoken instead of the client's own, if the two are compatible. */
  readonly microversion?: string;
}

export interface CloudConfig {
  readonly name: string;
  readonly authUrl: string;
  readonly auth: CloudAuth;
  /** undefined: the catalog must hold one region only. */
  readonly region: string | undefined;
  readonly interface: 'public' | 'internal' | 'admin';
  /** Service (compute, network, image, …) → base URL that is used instead of the catalog's. */
  readonly endpointOverrides: ReadonlyMap<string, string>;
  /** What is set for one service alone. */
  readonly services?: ReadonlyMap<string, ServiceSettings> | undefined;
  readonly verify: boolean;
  /** As written: a path, or the PEM itself (tls-files.ts). */
  readonly caCert: string | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
}

export interface CloudSource {
  readonly cloudsYaml?: string | undefined;
  readonly secureYaml?: string | undefined;
  /** Name in clouds.yaml; absent: OS_CLOUD, else the variables' own cloud, else the only cloud there is. */
  readonly cloud?: string | undefined;
  /** Wins over region_name. */
  readonly region?: string | undefined;
  /** OS_* variables; absent: none. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

type Section = { readonly [key: string]: Value };
type Value = string | readonly Value[] | Section;

/** Real files are below 10 KB; more is not a clouds.yaml. */
const YAML_CHARS_MAX = 256 * 1024;
/** Anchors are used to share a few settings between clouds; more is an expansion attack. */
const YAML_ALIASES_MAX = 64;

/** Keys that older files put beside `auth` instead of in it. */
const AUTH_KEYS = [
  'auth_url',
  'username',
  'user_id',
  'password',
  'token',
  'project_name',
  'project_id',
  'tenant_name',
  'tenant_id',
  'user_domain_name',
  'user_domain_id',
  'project_domain_name',
  'project_domain_id',
  'default_domain',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
] as const;

/** The cloud that is meant, complete. Throws an OpenStackError of kind `config` that names the key at fault. */
export function readCloudConfig(source: CloudSource): CloudConfig {
  const environment = source.environment ?? {};
  const clouds = readClouds(source.cloudsYaml, 'clouds.yaml');
  for (const [name, secret] of readClouds(source.secureYaml, 'secure.yaml')) {
    clouds.set(name, merge(clouds.get(name) ?? {}, secret));
  }
  const variables = environmentSection(environment);
  if (variables !== undefined) clouds.set(ENVIRONMENT_CLOUD, variables);
  const name = source.cloud ?? nonEmpty(environment.OS_CLOUD) ?? defaultCloud(clouds);
  const section = clouds.get(name);
  if (section === undefined) {
    throw config(`clouds.yaml has no cloud '${name}'; it has: ${[...clouds.keys()].toSorted().join(', ') || 'none'}`);
  }
  return cloudOf(name, withRegionValues(section, source.region), source.region);
}

const ENVIRONMENT_CLOUD = 'envvars'; // openstacksdk's name for the cloud that OS_* variables make

function defaultCloud(clouds: ReadonlyMap<string, Section>): string {
  if (clouds.has(ENVIRONMENT_CLOUD)) return ENVIRONMENT_CLOUD;
  const names = [...clouds.keys()];
  if (names.length === 1 && names[0] !== undefined) return names[0];
  throw config(
    names.length === 0
      ? 'clouds.yaml has no clouds'
      : `clouds.yaml has several clouds (${names.toSorted().join(', ')}) and none was chosen`,
  );
}

function readClouds(text: string | undefined, file: string): Map<string, Section> {
  const clouds = new Map<string, Section>();
  if (text === undefined || text.trim() === '') return clouds;
  if (text.length > YAML_CHARS_MAX) throw config(`${file} must have at most ${YAML_CHARS_MAX} characters`);
  let root: unknown;
  try {
    // failsafe: every scalar stays the text that was written, so a password 0123 is not a number
    root = parse(text, { schema: 'failsafe', merge: true, maxAliasCount: YAML_ALIASES_MAX, logLevel: 'error' });
  } catch {
    throw config(`${file} is not YAML`); // the parser's message quotes the line, and the line may hold a password
  }
  const sections = isSection(root) ? root.clouds : undefined;
  if (!isSection(sections)) throw config(`${file} must have a mapping 'clouds'`);
  for (const [name, section] of Object.entries(sections)) {
    if (!isSection(section)) throw config(`${file}: clouds.${name} must be a mapping`);
    clouds.set(name, normalize(section));
  }
  return clouds;
}

/** OS_PROJECT_NAME and so on → the section that a file would hold; undefined without OS_AUTH_URL. */
function environmentSection(environment: Readonly<Record<string, string | undefined>>): Section | undefined {
  if (nonEmpty(environment.OS_AUTH_URL) === undefined) return undefined;
  const section: Record<string, Value> = Object.create(null) as Record<string, Value>;
  for (const [key, value] of Object.entries(environment)) {
    const isSetting = key.startsWith('OS_') && key !== 'OS_CLOUD' && !key.startsWith('OS_CLIENT_');
    if (isSetting && value !== undefined && value !== '') section[key.slice('OS_'.length).toLowerCase()] = value;
  }
  return section;
}

/** `regions: [{name, values}]`: the chosen region's values lie over the cloud's; the first region is the default. */
function withRegionValues(section: Section, wanted: string | undefined): Section {
  const { regions } = section;
  if (!Array.isArray(regions)) return section;
  const named = (regions as readonly Value[]).map((entry) => (isSection(entry) ? normalize(entry) : { name: entry }));
  const name = wanted ?? textOf(section.region_name) ?? textOf(named[0]?.name);
  const chosen = named.find((entry) => entry.name === name);
  const values = chosen !== undefined && 'values' in chosen ? chosen.values : undefined;
  const base: Section = name === undefined ? section : { ...section, region_name: name };
  return isSection(values) ? merge(base, normalize(values)) : base;
}

function cloudOf(name: string, section: Section, region: string | undefined): CloudConfig {
  const where = `clouds.${name}`;
  const auth: Record<string, string> = Object.create(null) as Record<string, string>;
  const inner = isSection(section.auth) ? normalize(section.auth) : {};
  for (const key of AUTH_KEYS) {
    const value = textOf(inner[key]) ?? textOf(section[key]);
    if (value !== undefined) auth[key] = value;
  }
  const version = textOf(section.identity_api_version);
  if (version !== undefined && !/^v?3(\.\d+)?$/.test(version)) {
    throw config(`${where}.identity_api_version must be 3, not ${version}`);
  }
  const insecure = textOf(section.insecure);
  const verify = textOf(section.verify);
  return {
    name,
    authUrl: httpUrl(required(auth, 'auth_url', where), `${where}.auth.auth_url`),
    auth: readAuth(auth, textOf(section.auth_type), where),
    region: region ?? textOf(section.region_name),
    interface: readInterface(textOf(section.interface) ?? textOf(section.endpoint_type), where),
    endpointOverrides: readOverrides(section, where),
    verify: !(isFalse(verify) || (insecure !== undefined && !isFalse(insecure))),
    caCert: textOf(section.cacert),
    clientCert: textOf(section.cert),
    clientKey: textOf(section.key),
  };
}

function readAuth(auth: Readonly<Record<string, string>>, type: string | undefined, where: string): CloudAuth {
  const chosen = type ?? (auth.application_credential_secret === undefined ? 'password' : 'v3applicationcredential');
  switch (chosen) {
    case 'password':
    case 'v3password':
      return {
        kind: 'password',
        user: readUser(auth, where),
        password: required(auth, 'password', where),
        project: readProject(auth, where),
      };
    case 'v3applicationcredential': {
      const secret = required(auth, 'application_credential_secret', where);
      const id = auth.application_credential_id;
      if (id !== undefined) return { kind: 'applicationCredential', id, secret };
      const name = required(auth, 'application_credential_name', where);
      return { kind: 'namedApplicationCredential', name, user: readUser(auth, where), secret };
    }
    case 'token':
    case 'v3token':
      return { kind: 'token', token: required(auth, 'token', where), project: readProject(auth, where) };
    default:
      throw config(`${where}.auth_type must be password, v3applicationcredential or token, not ${chosen}`);
  }
}

function readUser(auth: Readonly<Record<string, string>>, where: string): NameOrId {
  if (auth.user_id !== undefined) return { id: auth.user_id };
  return { name: required(auth, 'username', where), domain: readDomain(auth, 'user') };
}

function readProject(auth: Readonly<Record<string, string>>, where: string): NameOrId {
  const id = auth.project_id ?? auth.tenant_id;
  if (id !== undefined) return { id };
  const name = auth.project_name ?? auth.tenant_name;
  if (name === undefined) throw config(`${where}.auth must have project_id or project_name`);
  return { name, domain: readDomain(auth, 'project') };
}

function readDomain(auth: Readonly<Record<string, string>>, of: 'user' | 'project'): DomainRef {
  const id = auth[`${of}_domain_id`];
  if (id !== undefined) return { id };
  const name = auth[`${of}_domain_name`];
  return name === undefined ? { id: auth.default_domain ?? 'default' } : { name };
}

function readInterface(written: string | undefined, where: string): CloudConfig['interface'] {
  const name = written === undefined ? 'public' : written.replace(/URL$/, ''); // publicURL: Keystone v2's word
  if (name === 'public' || name === 'internal' || name === 'admin') return name;
  throw config(`${where}.interface must be public, internal or admin, not ${name}`);
}

function readOverrides(section: Section, where: string): ReadonlyMap<string, string> {
  const overrides = new Map<string, string>();
  for (const [key, value] of Object.entries(section)) {
    const service = /^([a-z_]+)_endpoint_override$/.exec(key)?.[1];
    const url = textOf(value);
    if (service !== undefined && url !== undefined) overrides.set(service, httpUrl(url, `${where}.${key}`));
  }
  return overrides;
}

function httpUrl(text: string, where: string): string {
  if (!URL.canParse(text)) throw config(`${where} must be a URL`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw config(`${where} must start with http:// or https://`);
  if (url.username !== '' || url.password !== '') throw config(`${where} must not hold a user name or password`);
  return url.href.replace(/\/+$/, '');
}

function required(auth: Readonly<Record<string, string>>, key: string, where: string): string {
  const value = auth[key];
  if (value === undefined) throw config(`${where}.auth.${key} must be set`);
  return value;
}

function merge(under: Section, over: Section): Section {
  const merged: Record<string, Value> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isSection(below) && isSection(value) ? merge(normalize(below), normalize(value)) : value;
  }
  return merged;
}

/** region-name and region_name are the same key. */
function normalize(section: Section): Section {
  const entries = Object.entries(section).map(([key, value]) => [key.replaceAll('-', '_'), value] as const);
  return Object.assign(Object.create(null) as Record<string, Value>, Object.fromEntries(entries));
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent, empty and YAML's null all mean: not set. */
function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' && value !== 'null' && value !== '~' ? nonEmpty(value) : undefined;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function isFalse(text: string | undefined): boolean {
  return text !== undefined && ['false', 'no', 'off', '0'].includes(text.toLowerCase());
}

function config(message: string): OpenStackError {
  return new OpenStackError('config', message);
}
