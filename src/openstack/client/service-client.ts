// Requests to one service of one project: address from the catalog, token, microversion, request budget.
// Reads are tried again when that is harmless; writes are sent exactly once, whatever the answer.
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import type { KeystoneSession, Token } from './auth.ts';
import { endpointOf } from './catalog.ts';
import type { CloudConfig } from './clouds.ts';
import { serviceAddress, type ServiceAddress, type VersionedService } from './endpoint-address.ts';
import { cancelled } from './http-failure.ts';
import type { CallOptions, HttpAnswer, HttpChannel } from './http.ts';
import {
  COMPUTE_LEAST,
  COMPUTE_PREFERRED,
  chooseMicroversion,
  versionDocumentSchema,
  versionListSchema,
} from './microversions.ts';
import { OpenStackError } from './openstack-error.ts';
import type { RequestGate } from './request-budget.ts';
import { readBodyAs } from './shape.ts';
import { untilAborted } from './until-aborted.ts';

export interface ServiceOptions {
  readonly service: VersionedService;
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

interface Sending extends CallOptions {
  readonly method: 'GET' | Write['method'];
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Two more tries within about two seconds ride out a restart of one API worker; longer outages are the caller's to pace. */
const READ_RETRIES = 2;
const READ_RETRY_DELAY_MS = 250;
const READ_RETRY_DELAY_MS_MAX = 2_000;

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
  async read(path: string, query?: URLSearchParams, call: CallOptions = {}): Promise<HttpAnswer> {
    try {
      return await this.#retry.execute(() => this.#readOnce({ path, query, signal: call.signal }), call.signal);
    } catch (error) {
      throw this.#asCancelled(error, call);
    }
  }

  /** As `read`; undefined when `isAbsent` says that the error is the service's own word that the thing does not exist. */
  async readOrAbsent(
    path: string,
    isAbsent: (error: OpenStackError) => boolean,
    call: CallOptions = {},
  ): Promise<HttpAnswer | undefined> {
    try {
      return await this.read(path, undefined, call);
    } catch (error) {
      if (error instanceof OpenStackError && error.status === 404 && isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Sends exactly one request. What it needs (token, microversion) is fetched before; a 401 is not tried again, it only
   *  makes the next call log in. */
  async write(input: Write, call: CallOptions = {}): Promise<HttpAnswer> {
    const { session } = this.#options;
    try {
      const token = await session.token(call);
      const headers = await this.#headers(token, call);
      try {
        return await this.#send(token, { ...input, headers, signal: call.signal });
      } catch (error) {
        if (error instanceof OpenStackError && error.status === 401) session.forget(token);
        throw error;
      }
    } catch (error) {
      throw this.#asCancelled(error, call);
    }
  }

  async #readOnce(input: Pick<Sending, 'path' | 'query' | 'signal'>): Promise<HttpAnswer> {
    const { session } = this.#options;
    const token = await session.token(input);
    try {
      return await this.#send(token, { ...input, method: 'GET', headers: await this.#headers(token, input) });
    } catch (error) {
      if (!(error instanceof OpenStackError) || error.status !== 401 || error.service === 'identity') throw error;
      session.forget(token);
      const renewed = await session.token(input);
      return this.#send(renewed, { ...input, method: 'GET', headers: await this.#headers(renewed, input) });
    }
  }

  async #send(token: Token, input: Sending): Promise<HttpAnswer> {
    const { service, channel, budget } = this.#options;
    const url = new URL(`${this.#address(token).base}${input.path}`);
    if (input.query !== undefined) url.search = input.query.toString();
    const answer = await budget.run(
      () =>
        channel.send({
          service,
          method: input.method,
          url,
          headers: { ...input.headers, 'x-auth-token': token.value },
          body: input.body,
          signal: input.signal,
        }),
      { service, write: input.method !== 'GET', signal: input.signal },
    );
    this.#checkVersion(answer, input);
    return answer;
  }

  /** Nova names the version that it spoke in every answer. Without it an answer may be of 2.1, where fields mean other things:
   *  whoever took the header out of the answer may have taken it out of the request. A write is done, whatever was spoken. */
  #checkVersion(answer: HttpAnswer, input: Sending): void {
    const asked = input.headers['openstack-api-version'];
    const spoken = answer.headers.get('openstack-api-version')?.trim();
    if (asked === undefined || spoken === asked || (spoken === undefined && input.method !== 'GET')) return;
    const { service } = this.#options;
    const found = spoken === undefined ? 'an unnamed version' : `version ${spoken.slice(0, 64)}`;
    throw new OpenStackError('malformed', `${service} answered in ${found} when asked for ${asked}`, {
      service,
      method: input.method,
      status: answer.status,
      requestId: answer.requestId,
    });
  }

  #address(token: Token): ServiceAddress {
    const { service, config } = this.#options;
    const own = config.services?.get(service);
    const url =
      config.endpointOverrides.get(service) ??
      endpointOf(token.catalog, {
        service,
        region: own?.region ?? this.#options.region,
        interface: own?.interface ?? config.interface,
        type: own?.type,
        name: own?.name,
      });
    return serviceAddress(url, { service, projectId: token.projectId });
  }

  async #headers(token: Token, call: CallOptions): Promise<Readonly<Record<string, string>>> {
    if (this.#options.service !== 'compute') return {};
    this.#microversion ??= this.#negotiate(token).catch((error: unknown) => {
      this.#microversion = undefined;
      throw error;
    });
    const microversion = await untilAborted(this.#microversion, { ...call, service: 'compute' });
    return { 'openstack-api-version': `compute ${microversion}` };
  }

  /** Asks the service's version document, which stands above the project's part of the address, and where that is not served
   *  (a proxy that knows the project's paths alone) the list of all versions. */
  async #negotiate(token: Token): Promise<string> {
    const { version, unversioned } = this.#address(token);
    const wanted = {
      least: COMPUTE_LEAST,
      preferred: this.#options.config.services?.get('compute')?.microversion ?? COMPUTE_PREFERRED,
    };
    const get = (url: string) =>
      this.#options.channel.send({
        service: this.#options.service,
        method: 'GET',
        url: new URL(`${url}/`),
        headers: { 'x-auth-token': token.value },
        alsoAccepted: [300],
      });
    try {
      const body = readBodyAs(versionDocumentSchema, await get(version), 'compute GET version');
      return chooseMicroversion({ min: body.version.min_version, max: body.version.version }, wanted);
    } catch (error) {
      if (!(error instanceof OpenStackError) || error.status !== 404) throw error;
    }
    const { versions } = readBodyAs(versionListSchema, await get(unversioned), 'compute GET versions');
    const ours = versions.find(({ id }) => id === 'v2.1');
    return chooseMicroversion({ min: ours?.min_version ?? '', max: ours?.version ?? '' }, wanted);
  }

  /** A request that the budget gave up for the caller's signal was not sent. */
  #asCancelled(error: unknown, call: CallOptions): unknown {
    const wasWaiting = error instanceof OpenStackError && error.kind === 'unreachable' && call.signal?.aborted === true;
    return wasWaiting ? cancelled({ service: this.#options.service, method: error.method }, error) : error;
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
