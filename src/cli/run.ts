// `sluice run`: the controller, until it is told to stop.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { parseListen } from '../telemetry/health-server.ts';
import { type CommandIo, parseOutput, UsageError } from './command-io.ts';
import { managementSource, objectName } from './management-source.ts';
import { collectBetweenDecisions, compileWebAssemblyOnce, keepHeapSmall } from './process-memory.ts';
import { type ControllerOptions, startController } from './start-controller.ts';

const HELP = `Usage: sluice run (--in-cluster | --kubeconfig FILE) [options]

Runs the controller until SIGTERM or SIGINT.

  --in-cluster          use the pod's ServiceAccount on the cluster that it runs in
  --kubeconfig FILE     kubeconfig of the management cluster (default: $KUBECONFIG)
  --namespaces A,B      namespaces whose WorkloadClusters are served
                        (default: the pod's own, else "default")
  --listen HOST:PORT    metrics and health (default 127.0.0.1:8080; "none": no server)
  --log-level LEVEL     debug, info, warn, error or silent (default info)
  --openstack-requests-per-second N
                        that one OpenStack project is sent at most, 1 to 1000 (default 10: OVH allows 20)
  --output FORMAT       of the log on stderr: json (default), an object a line; or text, for people
  --help
`;

/** Where Kubernetes tells a pod its own namespace. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
/** Time for handing over Leases and closing connections; below the 30 s that Kubernetes waits before it kills. */
const SHUTDOWN_MS = 20_000;
/** More than a Nova of any size answers one project. */
const REQUESTS_PER_SECOND_MAX = 1000;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Controller options from the command line. Throws UsageError, or what parseArgs throws. */
export function parseRunOptions(argv: readonly string[], env: NodeJS.ProcessEnv): ControllerOptions | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      'in-cluster': { type: 'boolean' },
      kubeconfig: { type: 'string' },
      namespaces: { type: 'string' },
      listen: { type: 'string' },
      'log-level': { type: 'string' },
      'openstack-requests-per-second': { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const level = LOG_LEVELS.find((known) => known === (values['log-level'] ?? 'info'));
  if (level === undefined)
    throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(', ')}: '${values['log-level']}'`);
  const logFormat = parseOutput(values.output ?? 'json');
  const listen = listenAddress(values.listen ?? '127.0.0.1:8080');
  const openstackRequestsPerSecond = requestsPerSecond(values['openstack-requests-per-second']);
  const management = managementSource(values, env);
  const namespaces = (values.namespaces ?? defaultNamespace(management)).split(',').map((name) => name.trim());
  return {
    management,
    namespaces: [...new Set(namespaces.map((name) => objectName('--namespaces', name)))],
    listen,
    logLevel: level,
    logFormat,
    openstackRequestsPerSecond,
    identity: env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
  };
}

/** undefined: the default. Throws UsageError. */
function requestsPerSecond(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d{1,4}$/.test(text) && number >= 1 && number <= REQUESTS_PER_SECOND_MAX) return number;
  const most = REQUESTS_PER_SECOND_MAX;
  throw new UsageError(`--openstack-requests-per-second must be a whole number from 1 to ${most}: '${text}'`);
}

function defaultNamespace(management: ControllerOptions['management']): string {
  return management.kind === 'inCluster' ? readFileSync(NAMESPACE_FILE, 'utf8').trim() : 'default';
}

/** undefined for "none". Throws UsageError when it is no address. */
function listenAddress(listen: string): string | undefined {
  if (listen === 'none') return undefined;
  try {
    parseListen(listen);
    return listen;
  } catch (error) {
    throw new UsageError('--listen cannot be used', { cause: error });
  }
}

/** Runs until a signal. Exit code 0 after an orderly end; rejects when it cannot start. */
export async function runRun(argv: readonly string[], io: CommandIo): Promise<number> {
  const options = parseRunOptions(argv, io.env);
  if (options === 'help') {
    io.stdout(HELP);
    return 0;
  }
  compileWebAssemblyOnce();
  const stop = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  // Timers of the controller do not hold the process; this one does until the signal comes.
  const hold = setInterval(() => undefined, 3_600_000);
  const collecting = [keepHeapSmall(), collectBetweenDecisions()];
  try {
    const controller = await startController(options);
    await stop;
    const late = setTimeout(() => process.exit(1), SHUTDOWN_MS);
    await controller.close();
    clearTimeout(late);
    return 0;
  } finally {
    for (const end of collecting) end();
    clearInterval(hold);
  }
}
