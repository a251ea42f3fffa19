// Keystone v3: takes and renews the token of one project. One login at a time, renewal before expiry, no login storm.
// The token and the credential stay in here and in request headers; no error or log ever holds them.
import { Type } from 'typebox';
import { catalogSchema, type Catalog } from './catalog.ts';
import type { CloudAuth, CloudConfig, DomainRef, NameOrId } from './clouds.ts';
import type { HttpAnswer, HttpChannel } from './http.ts';
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
/** After a refused login the same answer stands for this long: OVH allows 60 logins a minute and user, and clouds lock
 *  accounts after some failures. */
const REFUSAL_STANDS_MS = 30_000;

interface Held {
  readonly token: Token;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

export class KeystoneSession {
  readonly #config: CloudConfig;
  readonly #channel: HttpChannel;
  readonly #clock: ClientClock;
  #held: Held | undefined;
  #login: Promise<Token> | undefined;
  #refusal: { readonly error: OpenStackError; readonly untilMs: number } | undefined;
  #projectId: string | undefined;

  constructor(config: CloudConfig, deps: { readonly channel: HttpChannel; readonly clock: ClientClock }) {
    this.#config = config;
    this.#channel = deps.channel;
    this.#clock = deps.clock;
  }

  /** A token that is good for some time. Rejects with an OpenStackError of service `identity`. */
  async token(): Promise<Token> {
    const held = this.#held;
    const nowMs = this.#clock.monotonicMs();
    if (held !== undefined && nowMs < held.renewAtMs) return held.token;
    try {
      return await this.#loginOnce();
    } catch (error) {
      const refused = error instanceof OpenStackError && (error.status === 401 || error.kind === 'config');
      if (held === undefined || refused || this.#held !== held || nowMs >= held.expiresAtMs) throw error;
      return held.token; // Keystone is away and the old token still lives
    }
  }

  /** A service refused this token: the next call logs in. */
  forget(token: Token): void {
    if (this.#held?.token.value === token.value) this.#held = undefined;
  }

  #loginOnce(): Promise<Token> {
    const refusal = this.#refusal;
    if (refusal !== undefined && this.#clock.monotonicMs() < refusal.untilMs) return Promise.reject(refusal.error);
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    return this.#login;
  }

  async #logIn(): Promise<Token> {
    const startedMs = this.#clock.monotonicMs();
    let answer: HttpAnswer;
    try {
      answer = await this.#channel.send({
        service: 'identity',
        method: 'POST',
        url: new URL(`${identityBase(this.#config.authUrl)}/auth/tokens`),
        body: { auth: loginBody(this.#config.auth) },
      });
    } catch (error) {
      if (error instanceof OpenStackError && error.status === 401) {
        this.#refusal = { error, untilMs: this.#clock.monotonicMs() + REFUSAL_STANDS_MS };
        this.#held = undefined;
      }
      throw error;
    }
    this.#refusal = undefined;
    const held = readToken(answer, startedMs);
    this.#pinProject(held.token.projectId);
    this.#held = held;
    return held.token;
  }

  /** One session, one project: a project that was made again under its old name is another one. */
  #pinProject(projectId: string): void {
    this.#projectId ??= projectId;
    if (this.#projectId === projectId) return;
    this.#held = undefined;
    throw new OpenStackError(
      'config',
      `the credential now leads to project ${projectId}, before it was ${this.#projectId}`,
      { service: 'identity' },
    );
  }
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
