// Logins that sessions share: twenty clusters with one credential log in once. Decides which sessions are alike enough:
// those that would send the same login to the same address over the same kind of connection.
import { createHash } from 'node:crypto';
import type { CloudConfig } from './clouds.ts';
import { HttpChannel, type HttpOptions } from './http.ts';
import { KeystoneLogin } from './keystone-login.ts';
import type { ClientClock } from './request-budget.ts';

export interface LoginLease {
  readonly login: KeystoneLogin;
  /** To be called when the session ends; the last one closes the connections. */
  release(): Promise<void>;
}

interface Shared {
  readonly login: KeystoneLogin;
  readonly clock: ClientClock;
  readonly http: HttpOptions;
  channel: HttpChannel | undefined;
  users: number;
  idleSinceMs: number;
}

/** A login lives on for as long as a refusal stands: a session that could not be opened, or is opened anew, finds it. */
const IDLE_MS = 60_000;
/** More credentials than one process serves clusters; the oldest idle ones go first. */
const IDLE_MAX = 1_000;

export class KeystoneLogins {
  /** By digest: the key of a map is no place for a password. */
  readonly #shared = new Map<string, Shared>();

  /** The login of this credential through connections of this kind. */
  take(
    config: Pick<CloudConfig, 'authUrl' | 'auth'>,
    deps: { readonly clock: ClientClock; readonly http: HttpOptions },
  ): LoginLease {
    this.#dropIdle(deps.clock.monotonicMs());
    const { onExchange: _, ...http } = deps.http;
    const key = digestOf([config.authUrl, config.auth, http]);
    const shared = this.#shared.get(key) ?? newShared(config, { clock: deps.clock, http });
    shared.channel ??= new HttpChannel(http);
    shared.users += 1;
    this.#shared.set(key, shared);
    let released = false;
    return {
      login: shared.login,
      release: async () => {
        if (released) return;
        released = true;
        await giveBack(shared);
      },
    };
  }

  #dropIdle(nowMs: number): void {
    const idle = [...this.#shared].filter(([, shared]) => shared.users === 0);
    const tooMany = idle.length - IDLE_MAX;
    const byAge = idle.toSorted(([, a], [, b]) => a.idleSinceMs - b.idleSinceMs);
    for (const [index, [key, shared]] of byAge.entries()) {
      if (index < tooMany || nowMs - shared.idleSinceMs >= IDLE_MS) this.#shared.delete(key);
    }
  }
}

function newShared(
  config: Pick<CloudConfig, 'authUrl' | 'auth'>,
  deps: { readonly clock: ClientClock; readonly http: HttpOptions },
): Shared {
  const shared: Shared = {
    login: new KeystoneLogin(config, {
      clock: deps.clock,
      channel: () => (shared.channel ??= new HttpChannel(deps.http)),
    }),
    ...deps,
    channel: undefined,
    users: 0,
    idleSinceMs: 0,
  };
  return shared;
}

async function giveBack(shared: Shared): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0) return;
  shared.idleSinceMs = shared.clock.monotonicMs();
  const { channel } = shared;
  shared.channel = undefined;
  await channel?.close();
}

/** Objects that say the same in another order are taken for different ones: then there are two logins, which is right too. */
function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
