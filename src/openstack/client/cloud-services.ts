// What a cloud's section sets for one service alone: `compute_interface`, `image_endpoint_override` and their kin. Only the
// services that this client speaks to are read: a setting of another one changes nothing here.
import { config, httpUrl, textOf, type Section } from './clouds-yaml.ts';
import { COMPUTE_LEAST, COMPUTE_PREFERRED, isSpoken } from './microversions.ts';

export type Interface = 'public' | 'internal' | 'admin';

export interface ServiceSettings {
  readonly interface?: Interface;
  readonly region?: string;
  /** Under which the catalog lists it. */
  readonly type?: string;
  readonly name?: string;
  /** To be spoken instead of the client's own. */
  readonly microversion?: string;
}

const SERVICES = ['compute', 'network', 'image'] as const;
type Service = (typeof SERVICES)[number];

/** The versions of each API that are the one that we speak. */
const API_VERSIONS: Readonly<Record<Service, { readonly pattern: RegExp; readonly want: string }>> = {
  compute: { pattern: /^2(\.\d+)?$/, want: '2 or a microversion' },
  network: { pattern: /^2(\.0)?$/, want: '2' },
  image: { pattern: /^2(\.\d+)?$/, want: '2' },
};

/** Service → what is set for it. Throws `config` that names the key. */
export function readServices(section: Section, where: string): ReadonlyMap<string, ServiceSettings> {
  const services = new Map<string, ServiceSettings>();
  for (const service of SERVICES) {
    const value = (key: string) => textOf(section[`${service}_${key}`]);
    const face = value('interface') ?? value('endpoint_type');
    const settings = {
      interface: face === undefined ? undefined : readInterface(face, `${where}.${service}_interface`),
      region: value('region_name'),
      type: value('service_type'),
      name: value('service_name'),
      microversion: readVersion(section, { service, where }),
    };
    const set = Object.entries(settings).filter(([, setting]) => setting !== undefined);
    if (set.length > 0) services.set(service, Object.fromEntries(set));
  }
  return services;
}

/** Service → base URL instead of the catalog's, whatever the service is called. */
export function readOverrides(section: Section, where: string): ReadonlyMap<string, string> {
  const overrides = new Map<string, string>();
  for (const [key, value] of Object.entries(section)) {
    const [, service, kind] = /^([a-z0-9_]+?)_(endpoint|endpoint_override)$/.exec(key) ?? [];
    const url = textOf(value);
    if (service === undefined || url === undefined || (kind === 'endpoint' && overrides.has(service))) continue;
    overrides.set(service, httpUrl(url, `${where}.${key}`));
  }
  return overrides;
}

export function readInterface(written: string, where: string): Interface {
  const name = written.replace(/URL$/, ''); // publicURL: Keystone v2's word
  if (name === 'public' || name === 'internal' || name === 'admin') return name;
  throw config(`${where} must be public, internal or admin, not ${name}`);
}

/** The microversion that is asked for, by its own key or as an API version (`compute_api_version: 2.79`). `latest` means
 *  nothing, as in openstacksdk: what this client is tested with is newer than any promise of it. */
function readVersion(
  section: Section,
  { service, where }: { readonly service: Service; readonly where: string },
): string | undefined {
  const { pattern, want } = API_VERSIONS[service];
  const version = textOf(section[`${service}_api_version`])?.replace(/^v/, '');
  if (version !== undefined && version !== 'latest' && !pattern.test(version)) {
    throw config(`${where}.${service}_api_version must be ${want}, not ${version}`);
  }
  if (service !== 'compute') return undefined; // the others have no microversions
  const implied = version !== undefined && /^2\.(?!0$|1$)\d+$/.test(version) ? version : undefined;
  const key = `${where}.compute_default_microversion`;
  const named = textOf(section['compute_default_microversion']);
  if (named !== undefined && implied !== undefined && named !== implied) {
    throw config(`${key} and compute_api_version must not differ: ${named}, ${implied}`);
  }
  const wanted = named ?? implied;
  if (wanted === undefined || wanted === 'latest' || isSpoken(wanted)) return wanted === 'latest' ? undefined : wanted;
  throw config(`${key} must be from ${COMPUTE_LEAST} to ${COMPUTE_PREFERRED}, not ${wanted}`);
}
