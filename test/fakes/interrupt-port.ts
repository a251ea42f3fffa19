// Wraps a port so that a test can make any call fail before it happens (the request was never sent) or after it
// happened (the answer was lost, or the process died). Everything that is not an asynchronous method passes through.

export interface PortCall {
  /** e.g. cloud.createServer */
  readonly name: string;
  readonly when: 'before' | 'after';
  readonly parameters: readonly unknown[];
}

/** Methods of the ports that answer at once: nothing leaves the process, so nothing can be lost. */
const SYNCHRONOUS = new Set(['start', 'recordEvent', 'openLease']);

/** `decide` returns the error to reject with, or undefined to go on. */
export function interruptPort<T extends object>(
  port: T,
  name: string,
  decide: (call: PortCall) => Error | undefined,
): T {
  return new Proxy(port, {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      if (SYNCHRONOUS.has(key)) return value.bind(target);
      return async (...parameters: unknown[]): Promise<unknown> => {
        const before = decide({ name: `${name}.${key}`, when: 'before', parameters });
        if (before !== undefined) throw before;
        const result: unknown = await Reflect.apply(value, target, parameters);
        const after = decide({ name: `${name}.${key}`, when: 'after', parameters });
        if (after !== undefined) throw after;
        return result;
      };
    },
  });
}
