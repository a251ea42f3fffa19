// What the conformance of `Cloud` needs wherever it runs: a clock, a silence or a log, a WorkloadCluster; and the steps that its
// suites share.
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import { PortError } from '../../src/controllers/port-errors.ts';
import type { Clock, Cloud, Telemetry } from '../../src/controllers/ports.ts';
import { readCloudConfig } from '../../src/openstack/client/clouds.ts';
import { KeystoneLogins } from '../../src/openstack/client/keystone-logins.ts';
import { openStack } from '../../src/openstack/client/open-stack.ts';
import { openCloud, type CloudSource } from '../../src/openstack/cloud-port.ts';

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

/** A session that shares its login with nobody: its token is one that no service has seen yet. */
export interface FreshSession {
  readonly cloud: Cloud;
  /** How often it has logged in. */
  logins(): number;
  /** Has Keystone revoke the token in use. */
  revoke(): Promise<void>;
  close(): Promise<void>;
}

/** `requestsPerSecond` as in CloudDependencies. */
export async function openFresh(source: CloudSource, requestsPerSecond?: number): Promise<FreshSession> {
  const logins = new KeystoneLogins();
  let taken = 0;
  const counting: Telemetry = {
    ...telemetry,
    count: (metric, { service }) => {
      if (metric === 'sluice_openstack_requests_total' && service === 'identity') taken += 1;
    },
  };
  const cloud = await openCloud(source, { clock, telemetry: counting, labels: {}, logins, requestsPerSecond });
  const config = readCloudConfig(source);
  const beside = await openStack(config, { clock, logins });
  return {
    cloud,
    logins: () => taken,
    revoke: async () => {
      const { value } = await beside.token();
      const url = `${config.authUrl.replace(/\/v3$/, '')}/v3/auth/tokens`;
      const headers = { 'x-auth-token': value, 'x-subject-token': value };
      const { statusCode, body } = await request(url, { method: 'DELETE', headers });
      await body.dump();
      if (statusCode !== 204) throw new Error(`Keystone must revoke a token with 204, it answered ${statusCode}`);
    },
    close: async () => {
      await beside.close();
      await cloud.close();
    },
  };
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
