// Which management cluster a command talks to: --kubeconfig, $KUBECONFIG or --in-cluster. What these name is looked at
// before anything starts, so that a wrong file is wrong usage, in one line that names the flag.
import { UsageError } from './command-io.ts';
import { type ControllerOptions, managementEndpoint } from './start-controller.ts';

export interface ManagementValues {
  readonly kubeconfig?: string | undefined;
  readonly 'in-cluster'?: boolean | undefined;
}

/** A WorkloadCluster or namespace as the API server takes it. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Where the options say that the management cluster is. Opens no connection. Throws UsageError. */
export function managementSource(values: ManagementValues, env: NodeJS.ProcessEnv): ControllerOptions['management'] {
  const inCluster = values['in-cluster'] === true;
  if (inCluster && values.kubeconfig !== undefined)
    throw new UsageError('--in-cluster and --kubeconfig do not go together');
  if (inCluster) return usable({ kind: 'inCluster' }, '--in-cluster');
  const path = values.kubeconfig ?? env['KUBECONFIG'];
  if (path === undefined || path === '')
    throw new UsageError('name the management cluster by --kubeconfig FILE or --in-cluster');
  const flag = values.kubeconfig === undefined ? '$KUBECONFIG' : '--kubeconfig';
  return usable({ kind: 'kubeconfigFile', path }, `${flag} '${path}'`);
}

/** `name` if the API server could have an object of this name. Throws UsageError that names the flag. */
export function objectName(flag: string, name: string): string {
  if (OBJECT_NAME.test(name)) return name;
  throw new UsageError(`${flag} must be a name of lower-case letters, digits, '-' and '.': '${name}'`);
}

function usable(source: ControllerOptions['management'], flag: string): ControllerOptions['management'] {
  try {
    managementEndpoint(source);
    return source;
  } catch (error) {
    throw new UsageError(`${flag} cannot be used`, { cause: error });
  }
}
