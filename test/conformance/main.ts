// `npm run test:openstack`: the conformance suites on a real OpenStack. Finds an image, a flavor and a network by itself
// where none is named, says which, and hands everything to vitest by its environment.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { chooseNames, NAME_VARIABLES, readOffer, type CloudNames } from './find-names.ts';

const HELP = `Usage: npm run test:openstack -- [options]

  --clouds FILE     a clouds.yaml (default: OS_CLIENT_CONFIG_FILE)
  --cloud NAME      the cloud in it (default: OS_CLOUD, or the only one that the file has)
  --only PATTERN    the tests whose names it matches

Makes a few servers, ports and server groups in the project and deletes them. Quotas are lowered and set back through the
cloud 'admin' of the file (SLUICE_TEST_ADMIN_CLOUD); without one those cases are left out.
SLUICE_TEST_IMAGE, _FLAVOR, _NETWORK, _ADDITIONAL_NETWORK, _EXTERNAL_NETWORK, _HUGE_FLAVOR name what to use.
`;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      clouds: { type: 'string' },
      cloud: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { env } = process;
  const file = values.clouds ?? env['OS_CLIENT_CONFIG_FILE'] ?? '';
  if (file === '') return refused('--clouds or OS_CLIENT_CONFIG_FILE must name a clouds.yaml');
  const { clouds }: { clouds: Readonly<Record<string, CloudEntry>> } = parse(await readFile(file, 'utf8'));
  const [only, ...others] = Object.keys(clouds);
  const cloud = values.cloud ?? env['OS_CLOUD'] ?? (others.length === 0 ? only : undefined);
  const entry = cloud === undefined ? undefined : clouds[cloud];
  if (cloud === undefined || entry === undefined) {
    return refused(`--cloud or OS_CLOUD must name one of the clouds of ${file}: ${Object.keys(clouds).join(', ')}`);
  }
  const { names, missing } = chooseNames(await readOffer(new OpenStackClient(entry)), namesIn(env));
  if (missing.length > 0) return refused(`cloud '${cloud}' has ${missing.join('; it has ')}`);
  process.stdout.write(`On cloud '${cloud}': ${textOf(names)}\n`);
  return runVitest(values.only === undefined ? [] : ['-t', values.only], {
    ...env,
    ...variablesOf(names),
    OS_CLIENT_CONFIG_FILE: file,
    OS_CLOUD: cloud,
  });
}

function refused(line: string): number {
  process.stderr.write(`${line}\n`);
  return 2;
}

function namesIn(env: NodeJS.ProcessEnv): CloudNames {
  const given = Object.entries(NAME_VARIABLES).map(([what, variable]) => [what, env[variable] ?? ''] as const);
  return Object.fromEntries(given.filter(([, name]) => name !== ''));
}

function variablesOf(names: CloudNames): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(NAME_VARIABLES).flatMap(([what, variable]) => {
      const name = names[what as keyof CloudNames];
      return name === undefined ? [] : [[variable, name]];
    }),
  );
}

function textOf({ image, flavor, network, additionalNetwork, externalNetwork }: CloudNames): string {
  const second = additionalNetwork === undefined ? 'no second network' : `second network '${additionalNetwork}'`;
  const floating =
    externalNetwork === undefined ? 'no network of floating IPs' : `floating IPs of '${externalNetwork}'`;
  return `image '${image}', flavor '${flavor}', network '${network}', ${second}, ${floating}`;
}

function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const vitest = `${ROOT}node_modules/vitest/vitest.mjs`;
  const config = ['run', '--config', 'test/conformance/openstack.vitest.config.ts'];
  const child = spawn(process.execPath, [vitest, ...config, ...args], { cwd: ROOT, env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main();
