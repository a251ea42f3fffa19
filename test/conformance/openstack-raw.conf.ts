// What the playground's double is held to, asked of a real OpenStack: part of `npm run test:openstack`. Takes clouds.yaml entries
// with a password or an application credential.
import { rawCloudSuite } from './raw-cloud.suite.ts';
import { readRealCloud } from './real-cloud.ts';

rawCloudSuite('a real OpenStack', async () => {
  const { entry, source, image, flavor, network } = await readRealCloud();
  const { auth } = entry;
  return {
    authUrl: (auth['auth_url'] ?? '').replace(/\/$/, ''),
    login: { auth: auth['application_credential_id'] === undefined ? byPassword(auth) : byCredential(auth) },
    region: source.region ?? entry.region_name,
    image,
    flavor,
    network,
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
