// Which Nova microversion to speak: the preferred one, else the newest that the cloud has, never below what we rely on.
import { Type } from 'typebox';
import { OpenStackError } from './openstack-error.ts';

/** What this client is written and tested against. */
export const COMPUTE_PREFERRED = '2.90';
/** 2.69: servers of a cell that is down are listed as such; before, they are silently missing, and a missing server reads
 *  as "gone". (Also: server group policy from 2.64, embedded flavor from 2.47.) Stein, 2019. */
export const COMPUTE_LEAST = '2.69';

const entry = Type.Object({ id: Type.String(), version: Type.String(), min_version: Type.String() });

/** Of one version, and of all versions of a service. */
export const versionDocumentSchema = Type.Object({ version: entry });
export const versionListSchema = Type.Object({ versions: Type.Array(entry) });

/** The version to speak, given what the service says. Throws `config` when the two have none in common. */
export function chooseMicroversion(
  offered: { readonly min: string; readonly max: string },
  wanted: { readonly least: string; readonly preferred: string } = {
    least: COMPUTE_LEAST,
    preferred: COMPUTE_PREFERRED,
  },
): string {
  const min = versionNumber(offered.min);
  const max = versionNumber(offered.max);
  const preferred = versionNumber(wanted.preferred);
  const chosen = Math.min(preferred, max);
  if (chosen < versionNumber(wanted.least) || chosen < min) {
    throw new OpenStackError(
      'config',
      `the compute service speaks microversions ${offered.min} to ${offered.max}; one from ${wanted.least} to ` +
        `${wanted.preferred} is needed`,
      { service: 'compute' },
    );
  }
  return `${Math.floor(chosen / MINOR_RANGE)}.${chosen % MINOR_RANGE}`;
}

const MINOR_RANGE = 10_000; // minor versions are counted, not decimal: 2.9 < 2.10

function versionNumber(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,4})$/.exec(text);
  if (parts === null) {
    throw new OpenStackError('malformed', 'the compute service names no microversion', { service: 'compute' });
  }
  return Number(parts[1]) * MINOR_RANGE + Number(parts[2]);
}

/** Whether this client may be asked to speak `version`: it is one of those that it is written against. */
export function isSpoken(version: string): boolean {
  if (!/^\d{1,3}\.\d{1,4}$/.test(version)) return false;
  const number = versionNumber(version);
  return number >= versionNumber(COMPUTE_LEAST) && number <= versionNumber(COMPUTE_PREFERRED);
}
