// The fields that log lines and metrics of the controllers share.
import { isPortError } from './port-errors.ts';

/** Which cluster: `<namespace>/<name>`. Also the label of its metrics. */
export function clusterFields(context: { readonly namespace: string; readonly clusterName: string }): {
  readonly cluster: string;
} {
  return { cluster: `${context.namespace}/${context.clusterName}` };
}

/** What an error says of itself; a stack only for what should not have happened. */
export function errorFields(error: unknown): Readonly<Record<string, string>> {
  if (isPortError(error)) return { error: error.message, code: error.code };
  if (error instanceof Error) return { error: error.message, code: 'internal', stack: error.stack ?? '' };
  return { error: String(error), code: 'internal' };
}
