// From the address that a catalog names for a service to the address of the API version that we speak. Catalogs write it with
// and without the version, with and without the project, and below any path of a proxy.
import type { ServiceName } from './catalog.ts';

/** Neutron and Glance have had these two versions alone since 2015 and 2016, and openstacksdk asks Neutron no more than that
 *  either: its list of versions is not reachable everywhere. So nothing is discovered, and no document is followed. */
const VERSION_PATHS: Readonly<Record<Exclude<ServiceName, 'identity' | 'placement'>, string>> = {
  compute: '/v2.1',
  network: '/v2.0',
  image: '/v2',
};

export type VersionedService = keyof typeof VERSION_PATHS;

export interface ServiceAddress {
  /** Where the version is described, and where the service is with all its versions. */
  readonly version: string;
  readonly unversioned: string;
  /** What paths of requests are put behind. */
  readonly base: string;
}

/** Host, port and the path of a proxy stay the catalog's. A version in it is replaced by ours: `/v2` of Nova is the API
 *  without microversions, beside which `/v2.1` always stands, and Glance's `/v1` is gone. */
export function serviceAddress(url: string, from: { service: VersionedService; projectId: string }): ServiceAddress {
  const trimmed = url.replace(/\/+$/, '');
  const owned = `/${from.projectId}`;
  const hasProject = from.service === 'compute' && trimmed.endsWith(owned);
  const versioned = hasProject ? trimmed.slice(0, -owned.length) : trimmed;
  const unversioned = versioned.replace(/\/v\d+(\.\d+)?$/, '');
  const version = `${unversioned}${VERSION_PATHS[from.service]}`;
  return { version, unversioned, base: hasProject ? `${version}${owned}` : version };
}
