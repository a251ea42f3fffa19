// Builds the Go program when its sources are newer than it. Takes minutes of CPU when nothing is cached.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;

/** The path of the program that judges. Throws when it cannot be built. */
export function buildJudge(): string {
  const binary = join(FOLDER, 'bin', 'oracle');
  const sources = readdirSync(FOLDER).filter((name) => /\.(go|mod|sum)$/.test(name));
  const newestMs = Math.max(...sources.map((name) => statSync(join(FOLDER, name)).mtimeMs));
  const built = statSync(binary, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs >= newestMs) return binary;
  process.stderr.write('Building the judge from k8s.io/kubernetes, this takes minutes the first time.\n');
  // Two at a time: more would need more than 8 GiB of memory.
  const run = spawnSync('go', ['build', '-p', '2', '-ldflags', '-s -w', '-o', join('bin', 'oracle'), '.'], {
    cwd: FOLDER,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
      GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
      CGO_ENABLED: '0',
    },
  });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`go build in ${FOLDER} ended with ${run.status ?? 'a signal'}`);
  return binary;
}
