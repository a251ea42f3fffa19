// Where the end-to-end run finds its servers. Everything comes from the environment, so that a person can point it at
// clusters and a cloud of their own; .ci/run points it at the ones that it starts.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface CloudEntry {
  readonly region_name?: string;
  readonly auth: Readonly<Record<string, string>>;
}

export interface E2eEnvironment {
  readonly managementKubeconfig: string;
  /** Two hosted clusters: name and kubeconfig file of an admin. */
  readonly workloads: readonly { readonly name: string; readonly kubeconfig: string }[];
  readonly cloudName: string;
  readonly cloud: CloudEntry;
  /** May create projects and read user data: stands in for the metadata service that a booting guest would ask. */
  readonly adminCloud: CloudEntry;
  /** Application facts; undefined: that scenario is left out. */
  readonly appsFile: string | undefined;
  /** Audit logs of the API servers by plane name; none: the rights are not checked for being used. */
  readonly auditLogs: ReadonlyMap<string, string>;
}

function pairs(variable: string): readonly (readonly [string, string])[] {
  return (process.env[variable] ?? '')
    .split(',')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Error(`${variable} must be NAME=FILE pairs separated by commas: '${pair}'`);
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    });
}

function required(variable: string, what: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '') throw new Error(`${variable} must name ${what}`);
  return value;
}

/** Reads the environment; one clear error when something is missing. */
export function readEnvironment(): E2eEnvironment {
  const cloudsFile = required('OS_CLIENT_CONFIG_FILE', 'a clouds.yaml');
  const clouds: { clouds: Record<string, CloudEntry> } = parse(readFileSync(cloudsFile, 'utf8'));
  const cloudName = process.env['OS_CLOUD'] ?? 'nodepool';
  const adminName = process.env['SLUICE_E2E_ADMIN_CLOUD'] ?? 'admin';
  const cloud = clouds.clouds[cloudName];
  const adminCloud = clouds.clouds[adminName];
  if (cloud === undefined) throw new Error(`OS_CLOUD must be a cloud of ${cloudsFile}: '${cloudName}'`);
  if (adminCloud === undefined)
    throw new Error(`SLUICE_E2E_ADMIN_CLOUD must be a cloud of clouds.yaml: '${adminName}'`);
  const workloads = pairs('SLUICE_E2E_WORKLOADS').map(([name, kubeconfig]) => ({ name, kubeconfig }));
  if (workloads.length !== 2) throw new Error('SLUICE_E2E_WORKLOADS must name two hosted clusters: t1=FILE,t2=FILE');
  return {
    managementKubeconfig: required('KUBECONFIG', 'the kubeconfig of the management cluster'),
    workloads,
    cloudName,
    cloud,
    adminCloud,
    appsFile: process.env['SLUICE_E2E_APPS'],
    auditLogs: new Map(pairs('SLUICE_E2E_AUDIT')),
  };
}
