// Keystone v3: takes and renews the token of one credential. One login at a time, renewal before expiry, no login storm.
// The token and the credential stay in here and in request headers; no error or log ever holds them. Several sessions may
// share one login (keystone-logins.ts); what a session may do with the token is its own to check (auth.ts).
import { Type } from 'typebox';
import { catalogSchema, type Catalog } from './catalog.ts';
import type { CloudAuth, DomainRef, NameOrId } from './cloud-auth.ts';
import type { CloudConfig } from './clouds.ts';
import type { HttpAnswer, HttpChannel, HttpExchange } from './http.ts';
import { OpenStackError } from './openstack-error.ts';
import type { ClientClock } from './request-budget.ts';
import { readBodyAs } from './shape.ts';

export interface Token {
  readonly value: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly catalog: Catalog;
}

const tokenSchema = Type.Object({
  token: Type.Object({
    expires_at: Type.String(),
    issued_at: Type.String(),
    project: Type.Optional(Type.Object({ id: Type.String(), name: Type.String() })),
    catalog: Type.Optional(catalogSchema),
  }),
});

/** A token is renewed after this part of its life: an hour's token leaves 12 minutes in which Keystone may be away. */
const RENEW_AT_PART_OF_LIFE = 0.8;
/** After a refused login the same answer stands for this long: one try a minute, because clouds lock accounts after some
 *  failures. A credential that was changed is another login, and is tried at once. */
export const REFUSAL_STANDS_MS = 60_000;
/** Whatever goes wrong (a service that refuses every token, a Keystone that fails at once), a credential logs in at most this
 *  often: OVH allows a user 60 a minute, over all programs of that user. The first ten may come together, as tokens may be
 *  revoked more than once in a row. */
const LOGINS_AT_ONCE_MAX = 10;
const LOGIN_INTERVAL_MS = 6_000;

interface Held {
  readonly token: Token;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

export interface LoginDependencies {
  /** Asked for at each login: the channel may be closed and made anew between two. */
  readonly channel: () => HttpChannel;
  readonly clock: ClientClock;
}

export class KeystoneLogin {
  readonly #config: Pick<CloudConfig, 'authUrl' | 'auth'>;
  readonly #deps: LoginDependencies;
  #held: Held | undefined;
  #login: Promise<Token> | undefined;
  /** The last answer, while it stands for the next one. */
  #standing: { readonly error: OpenStackError; readonly untilMs: number } | undefined;
  #loginsLeft = LOGINS_AT_ONCE_MAX;
  #countedMs: number;

  constructor(config: Pick<CloudConfig, 'authUrl' | 'auth'>, deps: LoginDependencies) {
    this.#config = config;
    this.#deps = deps;
    this.#countedMs = deps.clock.monotonicMs();
  }

  /** A token that is good for some time. Rejects with an OpenStackError of service `identity`. A login that it takes is told
   *  to `onExchange` of the call that caused it. */
  async token(onExchange?: (exchange: HttpExchange) => void): Promise<Token> {
    const held = this.#held;
    const nowMs = this.#deps.clock.monotonicMs();
    if (held !== undefined && nowMs < held.renewAtMs) return held.token;
    try {
      return await this.#loginOnce(onExchange);
    } catch (error) {
      if (held === undefined || isRefusal(error) || this.#held !== held || nowMs >= held.expiresAtMs) throw error;
      return held.token; // Keystone is away and the old token still lives
    }
  }

  /** A service refused this token: the next call logs in. */
  forget(token: Token): void {
    if (this.#held?.token.value === token.value) this.#held = undefined;
  }

  #loginOnce(onExchange: ((exchange: HttpExchange) => void) | undefined): Promise<Token> {
    if (this.#login !== undefined) return this.#login;
    const nowMs = this.#deps.clock.monotonicMs();
    const waitMs = this.#takeTurn(nowMs);
    if (this.#standing !== undefined && nowMs < this.#standing.untilMs) return Promise.reject(this.#standing.error);
    if (waitMs > 0) return Promise.reject(tooManyLogins(waitMs));
    this.#loginsLeft -= 1;
    this.#login = this.#logIn(onExchange).finally(() => {
      this.#login = undefined;
    });
    return this.#login;
  }

  /** Counts anew how many logins are left; how long until there is one. */
  #takeTurn(nowMs: number): number {
    this.#loginsLeft = Math.min(LOGINS_AT_ONCE_MAX, this.#loginsLeft + (nowMs - this.#countedMs) / LOGIN_INTERVAL_MS);
    this.#countedMs = nowMs;
    return this.#loginsLeft >= 1 ? 0 : Math.ceil((1 - this.#loginsLeft) * LOGIN_INTERVAL_MS);
  }

  async #logIn(onExchange: ((exchange: HttpExchange) => void) | undefined): Promise<Token> {
    const { clock, channel } = this.#deps;
    const startedMs = clock.monotonicMs();
    try {
      const answer = await channel().send({
        service: 'identity',
        method: 'POST',
        url: new URL(`${identityBase(this.#config.authUrl)}/auth/tokens`),
        body: { auth: loginBody(this.#config.auth) },
        onExchange,
      });
      const held = readToken(answer, startedMs);
      this.#standing = undefined;
      this.#held = held;
      return held.token;
    } catch (error) {
      if (error instanceof OpenStackError) this.#remember(error);
      throw error;
    }
  }

  #remember(error: OpenStackError): void {
    const standsMs = isRefusal(error) ? REFUSAL_STANDS_MS : error.retryAfterMs;
    if (standsMs === undefined || error.status === 0) return;
    this.#standing = { error, untilMs: this.#deps.clock.monotonicMs() + standsMs };
    if (isRefusal(error)) this.#held = undefined;
  }
}

/** Keystone's word that this credential does not do; 408 and 429 are about the moment. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof OpenStackError)) return false;
  if (error.kind === 'config') return true;
  return error.kind === 'refused' && error.status >= 400 && error.status < 500 && ![408, 429].includes(error.status);
}

function tooManyLogins(waitMs: number): OpenStackError {
  return new OpenStackError('unreachable', 'identity: not sent: this credential has logged in too often', {
    service: 'identity',
    retryAfterMs: waitMs,
  });
}

function readToken(answer: HttpAnswer, startedMs: number): Held {
  const { token } = readBodyAs(tokenSchema, answer, 'identity POST /auth/tokens');
  const value = answer.headers.get('x-subject-token');
  // both times are Keystone's, so its clock may differ from ours
  const lifeMs = Date.parse(token.expires_at) - Date.parse(token.issued_at);
  if (value === undefined || !Number.isFinite(lifeMs) || lifeMs <= 0) {
    throw new OpenStackError('malformed', 'identity POST /auth/tokens: no token, or one that has no life', {
      service: 'identity',
      status: answer.status,
      requestId: answer.requestId,
    });
  }
  if (token.project === undefined) {
    throw new OpenStackError('config', 'the credential is not for a project: set project_name or project_id', {
      service: 'identity',
      status: answer.status,
      requestId: answer.requestId,
    });
  }
  return {
    token: { value, projectId: token.project.id, projectName: token.project.name, catalog: token.catalog ?? [] },
    renewAtMs: startedMs + lifeMs * RENEW_AT_PART_OF_LIFE,
    expiresAtMs: startedMs + lifeMs,
  };
}

/** auth_url is written with and without the version. */
function identityBase(authUrl: string): string {
  if (authUrl.endsWith('/v3')) return authUrl;
  return `${authUrl.replace(/\/v2\.0$/, '')}/v3`;
}

function loginBody(auth: CloudAuth): object {
  if (auth.kind === 'applicationCredential') return applicationCredential({ id: auth.id, secret: auth.secret });
  if (auth.kind === 'namedApplicationCredential') {
    return applicationCredential({ name: auth.name, user: reference(auth.user), secret: auth.secret });
  }
  const identity =
    auth.kind === 'token'
      ? { methods: ['token'], token: { id: auth.token } }
      : { methods: ['password'], password: { user: { ...reference(auth.user), password: auth.password } } };
  return { identity, scope: { project: reference(auth.project) } };
}

/** No scope: an application credential is bound to its project. */
function applicationCredential(parts: object): object {
  return { identity: { methods: ['application_credential'], application_credential: parts } };
}

function reference(what: NameOrId): { id: string } | { name: string; domain: DomainRef } {
  return 'id' in what ? { id: what.id } : { name: what.name, domain: what.domain };
}
