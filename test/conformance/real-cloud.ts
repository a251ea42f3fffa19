// The real cloud that a conformance run was pointed at (main.ts): its clouds.yaml, what to use of it, and its operator.
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { CloudSource } from '../../src/openstack/cloud-port.ts';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';

export interface RealCloud {
  readonly source: CloudSource;
  readonly entry: CloudEntry;
  /** May set quotas and make flavors; undefined: the file has no such cloud. */
  readonly operator: OpenStackClient | undefined;
  readonly image: string;
  readonly flavor: string;
  readonly network: string;
  readonly additionalNetwork: string | undefined;
  readonly externalNetwork: string | undefined;
}

export async function readRealCloud(env = process.env): Promise<RealCloud> {
  const required = (variable: string): string => {
    const value = env[variable] ?? '';
    if (value === '') throw new Error(`${variable} must be set: npm run test:openstack finds what is not named`);
    return value;
  };
  const cloudsYaml = await readFile(required('OS_CLIENT_CONFIG_FILE'), 'utf8');
  const { clouds }: { clouds: Readonly<Record<string, CloudEntry>> } = parse(cloudsYaml);
  const name = required('OS_CLOUD');
  const entry = clouds[name];
  if (entry === undefined) throw new Error(`OS_CLOUD must be a cloud of the clouds.yaml: '${name}'`);
  const admin = clouds[env['SLUICE_TEST_ADMIN_CLOUD'] ?? 'admin'];
  return {
    source: { cloudsYaml, cloud: name, region: env['OS_REGION_NAME'] },
    entry,
    operator: admin === undefined ? undefined : new OpenStackClient(admin),
    image: required('SLUICE_TEST_IMAGE'),
    flavor: required('SLUICE_TEST_FLAVOR'),
    network: required('SLUICE_TEST_NETWORK'),
    additionalNetwork: env['SLUICE_TEST_ADDITIONAL_NETWORK'],
    externalNetwork: env['SLUICE_TEST_EXTERNAL_NETWORK'],
  };
}
