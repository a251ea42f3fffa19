// Where clouds.yaml and its kin are looked for, in openstacksdk's order, and reading the first that is there.
// For programs with a user's file system; a service that gets its clouds.yaml from elsewhere does not need it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCloudConfig, type CloudConfig } from './clouds.ts';
import { readTlsFiles } from './tls-files.ts';

export interface CloudsFileSearch {
  /** OS_CLIENT_CONFIG_FILE, OS_CLIENT_SECURE_FILE and XDG_CONFIG_HOME are used. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
}

const FILE_VARIABLES = {
  clouds: 'OS_CLIENT_CONFIG_FILE',
  secure: 'OS_CLIENT_SECURE_FILE',
  'clouds-public': undefined,
} as const;

/** The cloud that a user's files and variables mean, with certificates read from their files. Rejects with `config` as
 *  readCloudConfig throws. */
export async function readUserCloud(
  search: CloudsFileSearch,
  choice: { readonly cloud?: string | undefined; readonly region?: string | undefined } = {},
): Promise<CloudConfig> {
  const [cloudsYaml, secureYaml, publicYaml] = await Promise.all([
    readFirstFile(cloudsFilePaths('clouds', search)),
    readFirstFile(cloudsFilePaths('secure', search)),
    readFirstFile(cloudsFilePaths('clouds-public', search)),
  ]);
  const { environment } = search;
  const config = readCloudConfig({ ...choice, cloudsYaml, secureYaml, publicYaml, environment });
  return readTlsFiles(config, search.homeDirectory);
}

/** Paths in the order in which they are tried. */
export function cloudsFilePaths(kind: keyof typeof FILE_VARIABLES, search: CloudsFileSearch): readonly string[] {
  const { environment, homeDirectory, workingDirectory } = search;
  const variable = FILE_VARIABLES[kind];
  const named = variable === undefined ? undefined : environment[variable];
  const ofUser = join(homeDirectory, '.config');
  const folders = [
    workingDirectory,
    ...[environment['XDG_CONFIG_HOME'] ?? ofUser, ofUser, '/etc/xdg'].map((folder) => join(folder, 'openstack')),
    '/etc/openstack',
  ];
  const usual = [...new Set(folders)].flatMap((folder) =>
    ['yaml', 'yml', 'json'].map((end) => join(folder, `${kind}.${end}`)),
  );
  return named === undefined || named === '' ? usual : [named, ...usual];
}

/** Text of the first file that exists; undefined when there is none. Rejects when one is there and cannot be read. */
export async function readFirstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}
