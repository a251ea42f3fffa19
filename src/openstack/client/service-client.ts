// Requests to one service of one project: address from the catalog, token, microversion, request budget.
// Reads are tried again when that is harmless; writes are sent exactly once, whatever the answer.
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { endpointOf, type ServiceName } from './catalog.ts';
import type { CloudConfig } from './clouds.ts';
import type { KeystoneSession, Token } from './auth.ts';
import type { HttpAnswer, HttpChannel } from './http.ts';
import { chooseMicroversion, versionDocumentSchema } from './microversions.ts';
import { OpenStackError } from './openstack-error.ts';
import type { RequestGate } from './request-budget.ts';
import { readBodyAs } from './shape.ts';

export interface ServiceOptions {
  readonly service: ServiceName;
  readonly config: CloudConfig;
  readonly region: string;
  readonly session: KeystoneSession;
  readonly channel: HttpChannel;
  readonly budget: RequestGate;
}

export interface Write {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

/** Two more tries within about two seconds ride out a restart of one API worker; longer outages are the caller's to pace. */
const READ_RETRIES = 2;
const READ_RETRY_DELAY_MS = 250;
const READ_RETRY_DELAY_MS_MAX = 2_000;

/** Paths of the API version that this client speaks, added when the catalog leaves them out. */
const VERSION_PATHS: Readonly<Record<ServiceName, string>> = { compute: '', network: '/v2.0', image: '/v2' };

export class ServiceClient {
  readonly #options: ServiceOptions;
  readonly #retry = retry(handleWhen(isTransient), {
    maxAttempts: READ_RETRIES,
    backoff: new ExponentialBackoff({ initialDelay: READ_RETRY_DELAY_MS, maxDelay: READ_RETRY_DELAY_MS_MAX }),
  });
  #microversion: Promise<string> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** GET of `path` below the service's address. Tried again on 5xx and lost answers, and once with a new token on 401. */
  async read(path: string, query?: URLSearchParams): Promise<HttpAnswer> {
    return this.#retry.execute(() => this.#readOnce(path, query));
  }

  /** As `read`; undefined when `isAbsent` says that the error is the service's own word that the thing does not exist. */
  async readOrAbsent(path: string, isAbsent: (error: OpenStackError) => boolean): Promise<HttpAnswer | undefined> {
    try {
      return await this.read(path);
    } catch (error) {
      if (error instanceof OpenStackError && error.status === 404 && isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Sends exactly one request. What it needs (token, microversion) is fetched before; a 401 is not tried again, it only
   *  makes the next call log in. */
  async write(input: Write): Promise<HttpAnswer> {
    const { session } = this.#options;
    const token = await session.token();
    const headers = await this.#headers(token);
    try {
      return await this.#send(token, { method: input.method, path: input.path, headers, body: input.body });
    } catch (error) {
      if (error instanceof OpenStackError && error.status === 401) session.forget(token);
      throw error;
    }
  }

  async #readOnce(path: string, query: URLSearchParams | undefined): Promise<HttpAnswer> {
    const { session } = this.#options;
    const token = await session.token();
    try {
      return await this.#send(token, { method: 'GET', path, query, headers: await this.#headers(token) });
    } catch (error) {
      if (!(error instanceof OpenStackError) || error.status !== 401 || error.service === 'identity') throw error;
      session.forget(token);
      const renewed = await session.token();
      return this.#send(renewed, { method: 'GET', path, query, headers: await this.#headers(renewed) });
    }
  }

  async #send(
    token: Token,
    input: {
      readonly method: 'GET' | Write['method'];
      readonly path: string;
      readonly query?: URLSearchParams | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: unknown;
    },
  ): Promise<HttpAnswer> {
    const { service, channel, budget } = this.#options;
    const url = new URL(`${this.#base(token)}${input.path}`);
    if (input.query !== undefined) url.search = input.query.toString();
    const answer = await budget.run(
      () =>
        channel.send({
          service,
          method: input.method,
          url,
          headers: { ...input.headers, 'x-auth-token': token.value },
          body: input.body,
        }),
      { service, write: input.method !== 'GET' },
    );
    const spoken = answer.headers.get('openstack-api-version');
    const asked = input.headers['openstack-api-version'];
    if (spoken !== undefined && asked !== undefined && spoken.trim() !== asked) {
      throw new OpenStackError('malformed', `${service} answered in version ${spoken} when asked for ${asked}`, {
        service,
        method: input.method,
        requestId: answer.requestId,
      });
    }
    return answer;
  }

  #base(token: Token): string {
    const { service, config, region } = this.#options;
    const url =
      config.endpointOverrides.get(service) ??
      endpointOf(token.catalog, { service, region, interface: config.interface });
    const version = VERSION_PATHS[service];
    return url.endsWith(version) ? url : `${url}${version}`;
  }

  async #headers(token: Token): Promise<Readonly<Record<string, string>>> {
    if (this.#options.service !== 'compute') return {};
    this.#microversion ??= this.#negotiate(token).catch((error: unknown) => {
      this.#microversion = undefined;
      throw error;
    });
    return { 'openstack-api-version': `compute ${await this.#microversion}` };
  }

  /** Asks the service's version document, which stands above the project's part of the address. */
  async #negotiate(token: Token): Promise<string> {
    const base = this.#base(token);
    const owned = `/${token.projectId}`;
    const root = base.endsWith(owned) ? base.slice(0, -owned.length) : base;
    const answer = await this.#options.channel.send({
      service: this.#options.service,
      method: 'GET',
      url: new URL(`${root}/`),
      headers: { 'x-auth-token': token.value },
    });
    const { version } = readBodyAs(versionDocumentSchema, answer, 'compute GET /');
    return chooseMicroversion({ min: version.min_version, max: version.version });
  }
}

/** Worth another try of a read: nothing was answered, or the service had a fault of its own. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof OpenStackError) || isClosed(error.cause)) return false;
  if (error.retryAfterMs !== undefined) return false; // somebody knows better when
  if (error.kind === 'unreachable' || error.kind === 'lost') return true;
  return error.kind === 'refused' && error.status >= 500;
}

function isClosed(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED';
}
