// What the conformance of `Cloud` needs wherever it runs: a clock, a silence or a log, a WorkloadCluster; and the steps that its
// suites share.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import { PortError } from '../../src/controllers/port-errors.ts';
import type { Clock, Telemetry } from '../../src/controllers/ports.ts';

export const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
    return () => clearTimeout(timer);
  },
};

/** Says what happens when SLUICE_TEST_LOG is set. */
export const telemetry: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
  forget: () => undefined,
  log: (level, message, fields) => {
    if (process.env['SLUICE_TEST_LOG'] !== undefined) console.error(level, message, JSON.stringify(fields));
  },
  decision: () => undefined,
};

/** Of the playground's cloud, which bears what no test should wait for. */
export const PLAYGROUND_REQUESTS_PER_SECOND = 200;

export function conformanceCluster(of: {
  readonly projectId: string;
  readonly network: string;
  readonly image: string;
}): WorkloadCluster {
  return {
    metadata: { name: 'conformance', namespace: 'default', uid: 'conformance', resourceVersion: '1' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'unused' },
        projectId: of.projectId,
        network: of.network,
        images: [{ name: of.image }],
        securityGroups: ['default'],
      },
    },
  };
}

export function withOpenStack(
  cluster: WorkloadCluster,
  change: Partial<WorkloadCluster['spec']['openstack']>,
): WorkloadCluster {
  return { ...cluster, spec: { ...cluster.spec, openstack: { ...cluster.spec.openstack, ...change } } };
}

/** The PortError that `call` rejects with. */
export async function rejection(call: Promise<unknown>): Promise<PortError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PortError) return error;
  throw new Error(error === undefined ? 'the call must be refused' : 'the call must reject with a PortError', {
    cause: error,
  });
}

/** A real Nova on a busy two-core machine. */
export const EVENTUALLY_MS = 120_000;
const POLL_MS = 250;

export async function eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const untilMs = performance.now() + EVENTUALLY_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > untilMs) throw new Error(`not within ${EVENTUALLY_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}
