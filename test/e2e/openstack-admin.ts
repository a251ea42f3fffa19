// A small OpenStack client of the tests' own: what it counts must not depend on the client under test.
import { request } from 'undici';
import type { CloudEntry } from './environment.ts';
import type { Loose } from './kube-client.ts';

/** Shows user data to an admin (2.3), embeds flavors in servers (2.47). */
const COMPUTE_MICROVERSION = '2.79';
/** Well below Keystone's usual hour. */
const TOKEN_LIFE_MS = 1_200_000;

type Service = 'compute' | 'network' | 'identity' | 'image';
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export class OpenStackClient {
  readonly #entry: CloudEntry;
  #token: Promise<{ text: string; projectId: string; endpoints: Map<string, string> }> | undefined;
  #tokenTakenMs = 0;

  constructor(entry: CloudEntry) {
    this.#entry = entry;
  }

  async projectId(): Promise<string> {
    return (await this.#login()).projectId;
  }

  async endpoint(service: Service): Promise<string> {
    const found = (await this.#login()).endpoints.get(service);
    if (found === undefined) throw new Error(`the catalog has no ${service}`);
    return found;
  }

  /** The answer's JSON; undefined for 404; any other error status is an error. */
  async call(service: Service, method: Method, path: string, body?: unknown): Promise<Loose> {
    const { text } = await this.#login();
    const base = service === 'identity' ? (this.#entry.auth['auth_url'] ?? '') : await this.endpoint(service);
    const answer = await request(`${base.replace(/\/$/, '')}${path}`, {
      method,
      headers: {
        'x-auth-token': text,
        'content-type': 'application/json',
        ...(service === 'compute' ? { 'openstack-api-version': `compute ${COMPUTE_MICROVERSION}` } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const raw = await answer.body.text();
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode >= 300)
      throw new Error(`${method} ${service}${path}: ${answer.statusCode} ${raw.slice(0, 500)}`);
    return raw === '' ? {} : JSON.parse(raw);
  }

  /** All pages of a list of servers or ports. */
  async list(service: Service, path: string, key: string): Promise<Loose[]> {
    const items: Loose[] = [];
    let next: string | undefined = path;
    while (next !== undefined) {
      const page: Loose = await this.call(service, 'GET', next);
      items.push(...page[key]);
      const link = (page[`${key}_links`] ?? []).find((entry: Loose) => entry.rel === 'next');
      next = link === undefined ? undefined : `${path.split('?')[0]}?${new URL(link.href).searchParams.toString()}`;
    }
    return items;
  }

  #login() {
    if (this.#token === undefined || Date.now() - this.#tokenTakenMs > TOKEN_LIFE_MS) {
      this.#tokenTakenMs = Date.now();
      this.#token = login(this.#entry);
    }
    return this.#token;
  }
}

async function login(entry: CloudEntry) {
  const { auth } = entry;
  const answer = await request(`${auth['auth_url']}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: auth['application_credential_id'] === undefined ? byPassword(auth) : byApplicationCredential(auth),
    }),
  });
  const body: Loose = await answer.body.json();
  if (answer.statusCode !== 201) throw new Error(`Keystone refused the login of the tests: ${answer.statusCode}`);
  const endpoints = new Map<string, string>();
  for (const service of body.token.catalog) {
    const found = service.endpoints.find(
      (one: Loose) =>
        one.interface === 'public' && (entry.region_name === undefined || one.region === entry.region_name),
    );
    if (found === undefined) continue;
    endpoints.set(service.type, service.type === 'network' ? `${found.url.replace(/\/$/, '')}/v2.0` : found.url);
  }
  return { text: String(answer.headers['x-subject-token']), projectId: String(body.token.project.id), endpoints };
}

function byPassword(auth: CloudEntry['auth']) {
  const user = { name: auth['username'], password: auth['password'], domain: { name: auth['user_domain_name'] } };
  return {
    identity: { methods: ['password'], password: { user } },
    scope: { project: { name: auth['project_name'], domain: { name: auth['project_domain_name'] } } },
  };
}

function byApplicationCredential(auth: CloudEntry['auth']) {
  const credential = { id: auth['application_credential_id'], secret: auth['application_credential_secret'] };
  return { identity: { methods: ['application_credential'], application_credential: credential } };
}
