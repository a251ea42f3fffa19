// What the playground's double is held to, asked of a real OpenStack: `npm run test:openstack`. Takes clouds.yaml entries
// with a password or an application credential.
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { rawCloudSuite } from './raw-cloud.suite.ts';

const { env } = process;

rawCloudSuite('a real OpenStack', async () => {
  const file: { clouds: Record<string, { region_name?: string; auth: Record<string, string> }> } = parse(
    await readFile(env.OS_CLIENT_CONFIG_FILE ?? '', 'utf8'),
  );
  const entry = file.clouds[env.OS_CLOUD ?? ''];
  if (entry === undefined)
    throw new Error(`OS_CLOUD must be a cloud of ${env.OS_CLIENT_CONFIG_FILE}: '${env.OS_CLOUD}'`);
  const { auth } = entry;
  return {
    authUrl: (auth['auth_url'] ?? '').replace(/\/$/, ''),
    login: { auth: auth['application_credential_id'] === undefined ? byPassword(auth) : byCredential(auth) },
    region: env.OS_REGION_NAME ?? entry.region_name,
    image: env.SLUICE_TEST_IMAGE ?? 'Debian 12',
    flavor: env.SLUICE_TEST_FLAVOR ?? 'd2-2',
    network: env.SLUICE_TEST_NETWORK ?? 'nodepool-net',
    close: () => Promise.resolve(),
  };
});

function byPassword(auth: Readonly<Record<string, string>>) {
  const domain = (kind: 'user' | 'project') => ({ name: auth[`${kind}_domain_name`] ?? 'Default' });
  const user = { name: auth['username'], password: auth['password'], domain: domain('user') };
  return {
    identity: { methods: ['password'], password: { user } },
    scope: { project: { name: auth['project_name'], domain: domain('project') } },
  };
}

function byCredential(auth: Readonly<Record<string, string>>) {
  const credential = { id: auth['application_credential_id'], secret: auth['application_credential_secret'] };
  return { identity: { methods: ['application_credential'], application_credential: credential } };
}
