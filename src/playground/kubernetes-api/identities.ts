// Who asks, and what they may do. Three kinds of bearer tokens: the administrator's, bootstrap tokens as Secrets say, and
// the tokens that nodes get for a signed request. Loopback has no TLS, so a token stands where a client certificate would.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { fieldsOf, textOf } from '../untyped.ts';
import { ApiError } from './kube-object.ts';
import type { ObjectStorage } from './object-storage.ts';
import type { Resource } from './resource-catalog.ts';

export type Identity =
  | { readonly kind: 'admin'; readonly user: string }
  | { readonly kind: 'bootstrapper'; readonly user: string }
  | { readonly kind: 'node'; readonly user: string; readonly node: string };

export interface Access {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly resource: Resource;
  readonly subresource: string;
  readonly name: string;
}

const BOOTSTRAP_TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

function sameSecret(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export class Identities {
  readonly #storage: ObjectStorage;
  readonly #nodeTokens = new Map<string, string>();
  readonly adminToken = randomBytes(24).toString('hex');

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
  }

  /** Throws ApiError 401. */
  authenticate(authorization: string | undefined): Identity {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? '';
    if (token !== '' && sameSecret(token, this.adminToken)) return { kind: 'admin', user: 'kubernetes-admin' };
    const node = this.#nodeTokens.get(token);
    if (node !== undefined) return { kind: 'node', user: `system:node:${node}`, node };
    const bootstrap = BOOTSTRAP_TOKEN.exec(token);
    if (bootstrap !== null && this.#isBootstrapToken(bootstrap[1] ?? '', bootstrap[2] ?? '')) {
      return { kind: 'bootstrapper', user: `system:bootstrap:${bootstrap[1] ?? ''}` };
    }
    throw new ApiError(401, 'Unauthorized');
  }

  #isBootstrapToken(id: string, secret: string): boolean {
    const data = fieldsOf(this.#storage.get('/secrets', `bootstrap-token-${id}`, 'kube-system')?.['data']);
    const value = (key: string): string => Buffer.from(textOf(data[key]), 'base64').toString();
    const expires = value('expiration');
    return (
      value('token-id') === id &&
      sameSecret(value('token-secret'), secret) &&
      value('usage-bootstrap-authentication') === 'true' &&
      (expires === '' || Date.parse(expires) > Date.now())
    );
  }

  /** A new token with which the kubelet of this node speaks from now on. */
  issueNodeToken(node: string): string {
    const token = randomBytes(24).toString('hex');
    this.#nodeTokens.set(token, node);
    return token;
  }

  /** Throws ApiError 403 in the API server's words. */
  authorize(identity: Identity, access: Access): void {
    if (allowed(identity, access)) return;
    const { resource, verb, subresource } = access;
    const path = subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
    throw new ApiError(
      403,
      `${resource.plural} is forbidden: User "${identity.user}" cannot ${verb} resource "${path}" in API group "${resource.group}"`,
      { details: { group: resource.group, kind: resource.plural } },
    );
  }
}

function allowed(identity: Identity, { verb, resource, name, subresource }: Access): boolean {
  switch (identity.kind) {
    case 'admin':
      return true;
    case 'bootstrapper':
      return resource.plural === 'certificatesigningrequests' && ['create', 'get', 'list', 'watch'].includes(verb);
    case 'node':
      if (resource.plural === 'nodes') return verb === 'create' || name === identity.node;
      if (resource.plural === 'leases') return verb === 'create' || name === identity.node;
      if (resource.plural === 'pods') {
        return ['get', 'list', 'watch', 'delete'].includes(verb) || subresource === 'status';
      }
      return resource.plural === 'events' && verb === 'create';
    default:
      return false;
  }
}
