// The lock file as `npm ci` needs it on a clean clone: complete for every platform, hashed, and free of registry hosts.
// npm 11 refuses a lock file that lacks an optional platform package, and `npm install` drops those that the registry at hand does not serve.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: string | readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
const { packages }: { readonly packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(text);
const locked = Object.entries(packages).filter(([path]) => path !== '');

/** Optional dependencies that no entry of the lock file serves, nested ones included. */
function missingOptional(): string[] {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined,
      )
      .map((name) => `${path === '' ? 'package.json' : path} wants ${name}`),
  );
}

describe('package-lock.json', () => {
  it('has an entry for every optional platform package', () => {
    expect(missingOptional()).toEqual([]);
  });

  it('names no registry', () => {
    expect(locked.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
    expect(text).not.toMatch(/"[^"]*:\/\/[^"]*\.(tgz|tar\.gz)"/);
  });

  it('hashes all but the linters of platforms that its maker could not reach', () => {
    const unhashed = locked.filter(([, entry]) => entry.integrity === undefined);
    const runsHere = unhashed.filter(
      ([, entry]) => !(entry.dev === true && entry.optional === true && entry.os !== undefined),
    );
    expect(runsHere.map(([path]) => path)).toEqual([]);
  });
});
