// The kubelet's side of HTTP: requests with a bearer token, and a watch that comes back until it is stopped.
import { setTimeout as sleep } from 'node:timers/promises';
import { fieldsOf, textOf, type Fields } from './untyped.ts';

export interface KubeletAnswer {
  readonly code: number;
  readonly body: Fields;
}

/** A request that takes longer on loopback is lost. */
const REQUEST_TIMEOUT_MS = 10_000;
const WATCH_RETRY_MS = 500;

export class KubeletClient {
  readonly #url: string;
  readonly #signal: AbortSignal;
  #token: string;

  /** Everything ends with `signal`. */
  constructor(url: string, options: { readonly token: string; readonly signal: AbortSignal }) {
    this.#url = url;
    this.#token = options.token;
    this.#signal = options.signal;
  }

  useToken(token: string): void {
    this.#token = token;
  }

  /** Rejects when there is no answer. */
  async send(method: string, path: string, body?: Fields): Promise<KubeletAnswer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        'user-agent': 'kubelet/playground',
        'content-type': method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    const answer: unknown = await response.json();
    return { code: response.status, body: fieldsOf(answer) };
  }

  /** Calls `onEvent` with the present objects and with every change, until the signal ends it. */
  async watch(path: string, onEvent: (type: string, object: Fields) => void): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#watchOnce(path, onEvent);
      } catch (error) {
        if (this.#signal.aborted) return;
        if (!(error instanceof Error)) throw error;
        // the server went away or cut the stream: a kubelet comes back
        await sleep(WATCH_RETRY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }

  async #watchOnce(path: string, onEvent: (type: string, object: Fields) => void): Promise<void> {
    const response = await fetch(`${this.#url}${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
      signal: this.#signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`watch: ${response.status}`);
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body) {
      const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = fieldsOf(JSON.parse(line));
        onEvent(textOf(event['type']), fieldsOf(event['object']));
      }
    }
  }
}
