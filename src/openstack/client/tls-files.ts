// Certificates of a clouds.yaml: written into it as PEM, or, for programs with a user's file system, named by a path.
// Knows nothing of connections; what the PEM is worth is seen when a channel is made.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloudConfig } from './clouds.ts';
import type { HttpOptions } from './http.ts';
import { OpenStackError } from './openstack-error.ts';

const PEM = /^\s*-----BEGIN [A-Z0-9 ]+-----/;
/** The system's whole bundle of CAs is 230 KB. */
const PEM_CHARS_MAX = 2 * 1024 * 1024;
const KEYS = [
  ['cacert', 'caCert'],
  ['cert', 'clientCert'],
  ['key', 'clientKey'],
] as const;

/** The certificates as options of a connection. Throws `config` when one is a path: a service must not open files at a
 *  secret's word. */
export function inlineTls(config: CloudConfig): Pick<HttpOptions, 'caPem' | 'certPem' | 'keyPem'> {
  for (const [key, field] of KEYS) {
    const value = config[field];
    if (value !== undefined && !PEM.test(value)) {
      throw new OpenStackError(
        'config',
        `clouds.${config.name}.${key} must hold the certificate or key itself (PEM), not a path`,
      );
    }
  }
  if (config.clientKey !== undefined && config.clientCert === undefined) {
    throw new OpenStackError('config', `clouds.${config.name}.key needs a cert`);
  }
  return { caPem: config.caCert, certPem: config.clientCert, keyPem: config.clientKey };
}

/** The configuration with each path replaced by what the file holds; `~/` is the home directory. Rejects with `config` when a
 *  file cannot be read or is too large. */
export async function readTlsFiles(config: CloudConfig, homeDirectory: string): Promise<CloudConfig> {
  const read = new Map<string, string>();
  for (const [key, field] of KEYS) {
    const value = config[field];
    if (value === undefined || PEM.test(value)) continue;
    const path = value.startsWith('~/') ? join(homeDirectory, value.slice(2)) : value;
    read.set(field, await textOf(path, `clouds.${config.name}.${key}`));
  }
  return { ...config, ...Object.fromEntries(read) };
}

async function textOf(path: string, where: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= PEM_CHARS_MAX) return text;
  } catch (error) {
    throw new OpenStackError('config', `${where}: the file cannot be read`, { cause: error });
  }
  throw new OpenStackError('config', `${where}: the file is too large to be a certificate`);
}
