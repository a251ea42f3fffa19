// The service catalog of a token: which address serves compute, network or image in a region, through an interface.
import { Type, type Static } from 'typebox';
import { OpenStackError } from './openstack-error.ts';

export const catalogSchema = Type.Array(
  Type.Object({
    type: Type.String(),
    name: Type.Optional(Type.String()),
    endpoints: Type.Array(
      Type.Object({
        url: Type.String(),
        interface: Type.String(),
        region: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        region_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
    ),
  }),
);

export type Catalog = Static<typeof catalogSchema>;
export type ServiceName = 'compute' | 'network' | 'image' | 'identity' | 'placement';

/** Types under which a catalog may list a service; the first is the official one (service-types authority). */
const ALIASES: Readonly<Record<ServiceName, readonly string[]>> = {
  compute: ['compute', 'computev21'],
  network: ['network', 'networking'],
  image: ['image'],
  identity: ['identity'],
  placement: ['placement'],
};

export interface EndpointQuery {
  readonly service: ServiceName;
  readonly region: string;
  readonly interface: string;
  /** A type instead of the usual ones (`compute_service_type`). */
  readonly type?: string | undefined;
  /** Only a service of this name (`compute_service_name`). */
  readonly name?: string | undefined;
}

/** Regions that serve `service`, sorted. */
export function regionsOf(catalog: Catalog, service: ServiceName): readonly string[] {
  const regions = endpointsOf(catalog, { service }).map((endpoint) => endpoint.region ?? endpoint.region_id ?? '');
  return [...new Set(regions.filter((region) => region !== ''))].toSorted();
}

/** The region to use: the one that is asked for, or the only one. Throws `config` when it is neither. */
export function chooseRegion(catalog: Catalog, wanted: string | undefined): string {
  const regions = regionsOf(catalog, 'compute');
  const list = regions.join(', ') || 'none';
  if (wanted !== undefined) {
    if (regions.includes(wanted)) return wanted;
    throw new OpenStackError('config', `region '${wanted}' has no compute service; the catalog has: ${list}`);
  }
  if (regions.length === 1 && regions[0] !== undefined) return regions[0];
  throw new OpenStackError('config', `a region must be chosen; the catalog has: ${list}`);
}

/** Address of a service, without a slash at its end. Throws `config` when the catalog has none. */
export function endpointOf(catalog: Catalog, wanted: EndpointQuery): string {
  const found = endpointsOf(catalog, wanted).find(
    (endpoint) =>
      endpoint.interface.replace(/URL$/, '') === wanted.interface &&
      (endpoint.region === wanted.region || endpoint.region_id === wanted.region),
  );
  if (found !== undefined && URL.canParse(found.url)) return found.url.replace(/\/+$/, '');
  throw new OpenStackError(
    'config',
    `the catalog has no ${wanted.interface} ${wanted.service} endpoint in region '${wanted.region}'`,
  );
}

function endpointsOf(
  catalog: Catalog,
  wanted: Pick<EndpointQuery, 'service' | 'type' | 'name'>,
): Catalog[number]['endpoints'] {
  for (const type of wanted.type === undefined ? ALIASES[wanted.service] : [wanted.type]) {
    const endpoints = catalog
      .filter((entry) => entry.type === type && (wanted.name === undefined || entry.name === wanted.name))
      .flatMap((entry) => entry.endpoints);
    if (endpoints.length > 0) return endpoints;
  }
  return [];
}
