// The playground's OpenStack answers as a real one does.
import { parse } from 'yaml';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { rawCloudSuite } from './raw-cloud.suite.ts';

rawCloudSuite('the playground', async () => {
  const playground = await startPlayground({ timings: { buildMs: 20, deleteMs: 20 } });
  const file: { clouds: { playground: { region_name: string; auth: Record<string, string> } } } = parse(
    playground.cloudsYaml,
  );
  const { auth, region_name: region } = file.clouds.playground;
  const credential = { id: auth['application_credential_id'], secret: auth['application_credential_secret'] };
  return {
    authUrl: auth['auth_url'] ?? '',
    login: { auth: { identity: { methods: ['application_credential'], application_credential: credential } } },
    region,
    image: playground.imageName,
    flavor: 'b2-7',
    network: playground.networkName,
    close: () => playground.close(),
  };
});
