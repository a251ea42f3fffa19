// `sluice run`: the controller, until it is told to stop.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { type ControllerOptions, startController } from './start-controller.ts';

export interface CliIo {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly env: NodeJS.ProcessEnv;
}

const HELP = `Usage: sluice run (--in-cluster | --kubeconfig FILE) [options]

Runs the controller until SIGTERM or SIGINT.

  --in-cluster          use the pod's ServiceAccount on the cluster that it runs in
  --kubeconfig FILE     kubeconfig of the management cluster (default: $KUBECONFIG)
  --namespaces A,B      namespaces whose WorkloadClusters are served
                        (default: the pod's own, else "default")
  --listen HOST:PORT    metrics and health (default 127.0.0.1:8080; "none": no server)
  --log-level LEVEL     debug, info, warn, error or silent (default info)
  --help
`;

/** Where Kubernetes tells a pod its own namespace. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
/** Time for handing over Leases and closing connections; below the 30 s that Kubernetes waits before it kills. */
const SHUTDOWN_MS = 20_000;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

class UsageError extends Error {}

function defaultNamespace(inCluster: boolean): string {
  return inCluster ? readFileSync(NAMESPACE_FILE, 'utf8').trim() : 'default';
}

/** Controller options from the command line. Throws UsageError with one clear line. */
export function parseRunOptions(argv: readonly string[], env: NodeJS.ProcessEnv): ControllerOptions | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      'in-cluster': { type: 'boolean' },
      kubeconfig: { type: 'string' },
      namespaces: { type: 'string' },
      listen: { type: 'string' },
      'log-level': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const inCluster = values['in-cluster'] === true;
  const path = values.kubeconfig ?? (inCluster ? undefined : env['KUBECONFIG']);
  if (inCluster && values.kubeconfig !== undefined) throw new UsageError('give --in-cluster or --kubeconfig, not both');
  if (!inCluster && (path === undefined || path === '')) {
    throw new UsageError('name the management cluster by --kubeconfig FILE or --in-cluster');
  }
  const level = LOG_LEVELS.find((known) => known === (values['log-level'] ?? 'info'));
  if (level === undefined) throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(', ')}`);
  const namespaces = (values.namespaces ?? defaultNamespace(inCluster)).split(',').map((name) => name.trim());
  if (namespaces.some((name) => name === '')) throw new UsageError('--namespaces must be names separated by commas');
  const listen = values.listen ?? '127.0.0.1:8080';
  return {
    management: path === undefined ? { kind: 'inCluster' } : { kind: 'kubeconfigFile', path },
    namespaces: [...new Set(namespaces)],
    listen: listen === 'none' ? undefined : listen,
    logLevel: level,
    identity: env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
  };
}

/** Runs until a signal. Exit code 0 after an orderly end, 2 for wrong usage, 1 when it cannot start. */
export async function runRun(argv: readonly string[], io: CliIo): Promise<number> {
  let options: ControllerOptions | 'help';
  try {
    options = parseRunOptions(argv, io.env);
  } catch (error) {
    io.stderr(`sluice run: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  if (options === 'help') {
    io.stdout(HELP);
    return 0;
  }
  const stop = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  // Timers of the controller do not hold the process; this one does until the signal comes.
  const hold = setInterval(() => undefined, 3_600_000);
  try {
    const controller = await startController(options);
    await stop;
    const late = setTimeout(() => process.exit(1), SHUTDOWN_MS);
    await controller.close();
    clearTimeout(late);
    return 0;
  } catch (error) {
    io.stderr(`sluice run: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    clearInterval(hold);
  }
}
