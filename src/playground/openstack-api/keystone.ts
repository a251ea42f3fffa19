// Keystone v3: tokens for a password or an application credential, and the catalog of this one cloud.
import { randomBytes, randomUUID } from 'node:crypto';
import { fieldsOf, textOf, type Fields } from '../untyped.ts';
import type { CloudAnswer, CloudRequest } from './cloud-request.ts';
import { CloudError } from './cloud-objects.ts';
import type { CloudState } from './cloud-state.ts';

/** Keystone's usual lifetime. */
const TOKEN_LIFE_MS = 3_600_000;
/** One person at one demo: more tokens than this are those of a login storm, and the oldest go. */
const TOKENS_MAX = 1000;

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly applicationCredentialId: string;
  readonly applicationCredentialSecret: string;
}

export class Keystone {
  readonly #state: CloudState;
  readonly #tokens = new Map<string, number>();
  credentials: Credentials = newCredentials();
  readonly region = 'playground-1';
  readonly projectName = 'playground';

  constructor(state: CloudState) {
    this.#state = state;
  }

  /** Throws CloudError 401. */
  checkToken(token: string | undefined): void {
    const expires = this.#tokens.get(token ?? '');
    if (expires === undefined || expires < Date.now()) throw unauthorized();
  }

  /** The credentials are others from now on, and every token ends. */
  rotate(): void {
    this.credentials = newCredentials();
    this.#tokens.clear();
  }

  /** `token` and `subject`: the headers X-Auth-Token and X-Subject-Token. Throws CloudError. */
  answer(
    request: CloudRequest,
    from: { readonly rootUrl: string; readonly token: string | undefined; readonly subject: string | undefined },
  ): CloudAnswer {
    const path = request.segments.join('/');
    if (path === '' && request.method === 'GET') {
      return { code: 200, body: { version: { id: 'v3.14', status: 'stable', links: [] } } };
    }
    if (path === 'auth/tokens' && request.method === 'DELETE') {
      this.checkToken(from.token);
      if (this.#tokens.delete(from.subject ?? '')) return { code: 204, body: undefined };
      throw new CloudError(404, 'Could not find token: .', { kind: 'error' });
    }
    if (path !== 'auth/tokens' || request.method !== 'POST') {
      throw new CloudError(404, 'The requested URL was not found on the server.', { kind: 'error' });
    }
    const method = this.#authenticate(fieldsOf(fieldsOf(request.body)['auth']));
    const token = `playground-${randomBytes(32).toString('base64url')}`;
    const nowMs = Date.now();
    this.#tokens.set(token, nowMs + TOKEN_LIFE_MS);
    if (this.#tokens.size > TOKENS_MAX) {
      for (const oldest of [...this.#tokens.keys()].slice(0, 1)) this.#tokens.delete(oldest);
    }
    const body = { token: this.#describe({ method, nowMs, rootUrl: from.rootUrl }) };
    return { code: 201, body, headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } };
  }

  /** The method that worked. Throws CloudError 401. */
  #authenticate(auth: Fields): string {
    const identity = fieldsOf(auth['identity']);
    const credential = fieldsOf(identity['application_credential']);
    const user = fieldsOf(fieldsOf(identity['password'])['user']);
    const { username, password, applicationCredentialId, applicationCredentialSecret } = this.credentials;
    if (
      textOf(credential['id']) === applicationCredentialId &&
      textOf(credential['secret']) === applicationCredentialSecret
    ) {
      return 'application_credential';
    }
    if (textOf(user['name']) === username && textOf(user['password']) === password && this.#inScope(auth)) {
      return 'password';
    }
    throw unauthorized();
  }

  #inScope(auth: Fields): boolean {
    const project = fieldsOf(fieldsOf(auth['scope'])['project']);
    return textOf(project['name']) === this.projectName || textOf(project['id']) === this.#state.projectId;
  }

  #describe(options: { method: string; nowMs: number; rootUrl: string }): Fields {
    const { projectId, userId } = this.#state;
    const domain = { id: 'default', name: 'Default' };
    const time = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
    const service = (type: string, name: string, path: string): Fields => ({
      id: randomUUID().replaceAll('-', ''),
      type,
      name,
      endpoints: ['public', 'internal', 'admin'].map((side) => ({
        id: randomUUID().replaceAll('-', ''),
        interface: side,
        region: this.region,
        region_id: this.region,
        url: `${options.rootUrl}${path}`,
      })),
    });
    return {
      methods: [options.method],
      user: { domain, id: userId, name: this.credentials.username, password_expires_at: null },
      audit_ids: [randomBytes(16).toString('base64url')],
      expires_at: time(options.nowMs + TOKEN_LIFE_MS),
      issued_at: time(options.nowMs),
      project: { domain, id: projectId, name: this.projectName },
      is_domain: false,
      roles: ['member', 'reader'].map((name) => ({ id: name, name })),
      catalog: [
        service('identity', 'keystone', '/identity/v3'),
        service('compute', 'nova', `/compute/v2.1/${projectId}`),
        service('network', 'neutron', '/network'),
        service('image', 'glance', '/image'),
      ],
    };
  }
}

function unauthorized(): CloudError {
  return new CloudError(401, 'The request you have made requires authentication.', { kind: 'error' });
}

function newCredentials(): Credentials {
  return {
    username: 'playground',
    password: randomBytes(12).toString('hex'),
    applicationCredentialId: randomUUID().replaceAll('-', ''),
    applicationCredentialSecret: randomBytes(24).toString('hex'),
  };
}
