// Whether a server serves a kind at all, by its discovery documents. Only a document that was read and does not name the
// kind says that it is not there: a 404 may come from anything on the way.
import { ApiError } from './api-error.ts';
import { field } from './raw-fields.ts';
import type { Resource } from './resource-path.ts';
import type { Transport } from './transport.ts';

/** Rejects with a PortError when the server cannot be asked, or answers with something else. */
export async function isServed(transport: Transport, resource: Resource): Promise<boolean> {
  const groupVersion = `${resource.group}/${resource.version}`;
  const groups = await discover(transport, { path: '/apis', kind: 'APIGroupList', list: 'groups' });
  const versions = groups.flatMap((group): readonly unknown[] => {
    const list = field(group, 'versions');
    return Array.isArray(list) ? list : [];
  });
  if (!versions.some((version) => field(version, 'groupVersion') === groupVersion)) return false;
  const path = `/apis/${groupVersion}`;
  const resources = await discover(transport, { path, kind: 'APIResourceList', list: 'resources' });
  return resources.some((one) => field(one, 'name') === resource.plural);
}

async function discover(
  transport: Transport,
  document: { readonly path: string; readonly kind: string; readonly list: string },
): Promise<readonly unknown[]> {
  const { path, kind, list } = document;
  const body = await transport.request({ method: 'GET', path });
  const items = field(body, list);
  if (field(body, 'kind') === kind && Array.isArray(items)) return items;
  throw new ApiError('unavailable', `Cannot read ${path} as the answer must be an ${kind}`, { fault: 'broken' });
}
