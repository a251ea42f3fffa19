// A session's use of a login: one project, whatever the credential leads to later. Decides whether a token may be used here.
import type { CallOptions, HttpExchange } from './http.ts';
import type { KeystoneLogin, Token } from './keystone-login.ts';
import { OpenStackError } from './openstack-error.ts';
import { untilAborted } from './until-aborted.ts';

export type { Token } from './keystone-login.ts';

export class KeystoneSession {
  readonly #login: KeystoneLogin;
  readonly #onExchange: ((exchange: HttpExchange) => void) | undefined;
  #projectId: string | undefined;

  /** `onExchange` is told of the logins that this session causes. */
  constructor(login: KeystoneLogin, onExchange?: (exchange: HttpExchange) => void) {
    this.#login = login;
    this.#onExchange = onExchange;
  }

  /** A token that is good for some time, of this session's project. Rejects with an OpenStackError of service `identity`. The
   *  signal ends the waiting, not the login: others may wait for it too. */
  async token(call: CallOptions = {}): Promise<Token> {
    const token = await untilAborted(this.#login.token(this.#onExchange), { ...call, service: 'identity' });
    // a project that was made again under its old name is another one
    this.#projectId ??= token.projectId;
    if (this.#projectId === token.projectId) return token;
    throw new OpenStackError(
      'config',
      `the credential now leads to project ${token.projectId}, before it was ${this.#projectId}`,
      { service: 'identity' },
    );
  }

  /** A service refused this token: the next call logs in. */
  forget(token: Token): void {
    this.#login.forget(token);
  }
}
