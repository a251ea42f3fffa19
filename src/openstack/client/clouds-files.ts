// Where clouds.yaml and secure.yaml are looked for, in openstacksdk's order, and reading the first that is there.
// For programs with a user's file system; a service that gets its clouds.yaml from elsewhere does not need it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CloudsFileSearch {
  /** OS_CLIENT_CONFIG_FILE and OS_CLIENT_SECURE_FILE are used. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
}

/** Paths in the order in which they are tried. */
export function cloudsFilePaths(kind: 'clouds' | 'secure', search: CloudsFileSearch): readonly string[] {
  const named = search.environment[kind === 'clouds' ? 'OS_CLIENT_CONFIG_FILE' : 'OS_CLIENT_SECURE_FILE'];
  const folders = [search.workingDirectory, join(search.homeDirectory, '.config', 'openstack'), '/etc/openstack'];
  const usual = folders.flatMap((folder) => ['yaml', 'yml', 'json'].map((end) => join(folder, `${kind}.${end}`)));
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
