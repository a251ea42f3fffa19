// Reads clouds.yaml as openstacksdk does: named clouds, profiles under them, secure.yaml over them, OS_* variables, regions.
// Decides which cloud, region, interface and credential are meant. Opens no file and reads no environment by itself.
import { readAuth, type CloudAuth } from './cloud-auth.ts';
import { readInterface, readOverrides, readServices, type Interface, type ServiceSettings } from './cloud-services.ts';
import { booleanOf, config, isSection, merge, normalize, readSections, textOf } from './clouds-yaml.ts';
import type { Section, Value } from './clouds-yaml.ts';
import { vendorProfile } from './vendor-profiles.ts';

export interface CloudConfig {
  readonly name: string;
  readonly authUrl: string;
  readonly auth: CloudAuth;
  /** undefined: the catalog must hold one region only. */
  readonly region: string | undefined;
  readonly interface: Interface;
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
  /** Text of clouds-public.yaml: profiles. */
  readonly publicYaml?: string | undefined;
  /** Name in clouds.yaml; absent: OS_CLOUD, else the variables' own cloud, else the only cloud there is. */
  readonly cloud?: string | undefined;
  /** Wins over OS_REGION_NAME, and that over region_name. */
  readonly region?: string | undefined;
  /** OS_* variables; absent: none. */
  readonly environment?: Environment | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The cloud that is meant, complete. Throws an OpenStackError of kind `config` that names the key at fault. */
export function readCloudConfig(source: CloudSource): CloudConfig {
  const environment = source.environment ?? {};
  const clouds = readSections(source.cloudsYaml, { file: 'clouds.yaml', root: 'clouds' });
  for (const [name, secret] of readSections(source.secureYaml, { file: 'secure.yaml', root: 'clouds' })) {
    clouds.set(name, merge(clouds.get(name) ?? {}, secret));
  }
  const ofVariables = setting(environment, 'OS_CLOUD_NAME') ?? VARIABLES_CLOUD;
  const variables = variablesSection(environment);
  if (variables !== undefined) {
    if (clouds.has(ofVariables)) {
      throw config(`clouds.${ofVariables} is also the name of the cloud that OS_* variables make: set OS_CLOUD_NAME`);
    }
    clouds.set(ofVariables, variables);
  }
  const name = source.cloud ?? setting(environment, 'OS_CLOUD') ?? defaultCloud(clouds, ofVariables);
  const section = clouds.get(name);
  if (section === undefined) {
    throw config(`clouds.yaml has no cloud '${name}'; it has: ${[...clouds.keys()].toSorted().join(', ') || 'none'}`);
  }
  const where = `clouds.${name}`;
  const whole = withProfile(section, { where, ofVariables, publicYaml: source.publicYaml });
  const wanted = source.region ?? setting(environment, 'OS_REGION_NAME');
  return cloudOf(name, withRegion(whole, { wanted, where }));
}

const VARIABLES_CLOUD = 'envvars'; // openstacksdk's name for the cloud that OS_* variables make

function defaultCloud(clouds: ReadonlyMap<string, Section>, ofVariables: string): string {
  if (clouds.has(ofVariables)) return ofVariables;
  const names = [...clouds.keys()];
  if (names.length === 1 && names[0] !== undefined) return names[0];
  throw config(
    names.length === 0
      ? 'clouds.yaml has no clouds'
      : `clouds.yaml has several clouds (${names.toSorted().join(', ')}) and none was chosen`,
  );
}

/** They choose among clouds and make none by themselves. */
const SELECTORS: ReadonlySet<string> = new Set([
  'OS_CLOUD',
  'OS_CLOUD_NAME',
  'OS_REGION_NAME',
  'OS_CLIENT_CONFIG_FILE',
  'OS_CLIENT_SECURE_FILE',
]);
/** Of test runners, which name them alike. */
const NOT_SETTINGS = ['OS_TEST', 'OS_STD', 'OS_LOG'];

/** OS_PROJECT_NAME and so on → the section that a file would hold; undefined when there are but selectors. */
function variablesSection(environment: Environment): Section | undefined {
  const section: Record<string, Value> = Object.create(null) as Record<string, Value>;
  let makesCloud = false;
  for (const key of Object.keys(environment)) {
    const value = setting(environment, key);
    const isSetting = key.startsWith('OS_') && !NOT_SETTINGS.some((start) => key.startsWith(start));
    if (!isSetting || value === undefined) continue;
    makesCloud ||= !SELECTORS.has(key);
    section[key.slice('OS_'.length).toLowerCase()] = value;
  }
  delete section['cloud']; // beside settings it would name a profile
  return makesCloud ? section : undefined;
}

/** `profile: ovh` (older files: `cloud: ovh`): the profile's settings lie under the cloud's own. */
function withProfile(
  section: Section,
  from: { readonly where: string; readonly ofVariables: string; readonly publicYaml: string | undefined },
): Section {
  const name = textOf(section['profile']) ?? textOf(section['cloud']);
  if (name === undefined || name === from.ofVariables) return section;
  const listed = readSections(from.publicYaml, { file: 'clouds-public.yaml', root: 'public-clouds' });
  const profile = listed.get(name) ?? vendorProfile(name);
  if (profile === undefined) {
    throw config(
      `${from.where}.profile '${name}' is not known here: put it into clouds-public.yaml, or its settings into the cloud`,
    );
  }
  if (textOf(profile['status']) === 'shutdown') throw config(`${from.where}.profile '${name}': that cloud is no more`);
  const { regions, ...rest } = profile;
  const knowsRegions = section['regions'] !== undefined || section['region_name'] !== undefined;
  return merge(regions === undefined || knowsRegions ? rest : profile, section);
}

/** `regions: [{name, values}]`: the chosen region's values lie over the cloud's; the first region is the default. */
function withRegion(
  section: Section,
  { wanted, where }: { readonly wanted: string | undefined; readonly where: string },
): Section {
  const named = regionsOf(section, where);
  const name = wanted ?? named[0]?.name;
  if (name === undefined) return section;
  const chosen = named.find((entry) => entry.name === name);
  if (chosen === undefined && section['regions'] !== undefined) {
    throw config(`${where}.regions has no '${name}'; it has: ${named.map((entry) => entry.name).join(', ')}`);
  }
  return { ...merge(section, chosen?.values ?? {}), region_name: name };
}

interface NamedRegion {
  readonly name: string;
  readonly values: Section;
}

/** `region_name: A,B` is an older way to write a list of regions. */
function regionsOf(section: Section, where: string): readonly NamedRegion[] {
  const written = section['regions'] ?? section['region_name'];
  const entries = Array.isArray(written) ? (written as readonly Value[]) : (textOf(written)?.split(',') ?? []);
  return entries.map((entry, index) => {
    const region = isSection(entry) ? normalize(entry) : { name: entry };
    const name = textOf(region['name']);
    if (name === undefined) throw config(`${where}.regions[${index}] must be a name, or have a name and values`);
    const { values } = region as { readonly values?: Value };
    return { name: name.trim(), values: isSection(values) ? normalize(values) : {} };
  });
}

function cloudOf(name: string, section: Section): CloudConfig {
  const where = `clouds.${name}`;
  const region = textOf(section['region_name']);
  const placed = region === undefined ? section : inRegion(section, region);
  const { auth, authUrl } = readAuth(placed, where);
  const insecure = booleanOf(placed['insecure'], `${where}.insecure`) ?? false;
  const verify = booleanOf(placed['verify'], `${where}.verify`) ?? true;
  const face = textOf(placed['interface']) ?? textOf(placed['endpoint_type']) ?? 'public';
  return {
    name,
    authUrl,
    auth,
    region,
    interface: readInterface(face, `${where}.interface`),
    endpointOverrides: readOverrides(placed, where),
    services: readServices(placed, where),
    verify: verify && !insecure,
    caCert: textOf(placed['cacert']),
    clientCert: textOf(placed['cert']),
    clientKey: textOf(placed['key']),
  };
}

/** `https://identity.{region_name}.example`: addresses may name the region. Passwords are left as they are. */
function inRegion(section: Section, region: string): Section {
  const entries = Object.entries(section).map(([key, value]) => {
    if (key === 'auth' && isSection(value)) return [key, inRegion(value, region)] as const;
    const isAddress = key.replaceAll('-', '_') === 'auth_url' || /_endpoint(_override)?$/.test(key);
    return [key, isAddress && typeof value === 'string' ? value.replaceAll('{region_name}', region) : value] as const;
  });
  return Object.assign(Object.create(null) as Record<string, Value>, Object.fromEntries(entries));
}

function setting(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === '' ? undefined : value;
}
