import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { helpText, main } from '../../../src/cli/main.ts';
import { keepOutput } from './keep-output.ts';

describe('main', () => {
  it('shows every command in its help, on stdout', async () => {
    const io = keepOutput();
    expect(await main(['--help'], io)).toBe(0);
    expect(io.out).toBe(helpText());
    for (const name of ['run', 'demo', 'plan', 'explain', 'capture', 'crds']) expect(io.out).toContain(`\n  ${name} `);
    expect(io.err).toBe('');
  });

  it('shows its version', async () => {
    const io = keepOutput();
    expect(await main(['--version'], io)).toBe(0);
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(io.out).toBe(`${manifest.version}\n`);
  });

  const helped = ['run', 'plan', 'explain', 'capture', 'crds'];
  it.each(helped)('%s has a help of its own', async (name) => {
    const io = keepOutput();
    expect(await main([name, '--help'], io)).toBe(0);
    expect(io.out).toContain(`sluice ${name}`);
    expect(io.err).toBe('');
  });

  const wrong: readonly { argv: readonly string[]; want: string }[] = [
    { argv: [], want: 'a command is missing' },
    { argv: ['grow'], want: "unknown command 'grow'" },
    { argv: ['constructor'], want: "unknown command 'constructor'" },
    { argv: ['crds', '--bogus'], want: "Unknown option '--bogus'" },
    { argv: ['crds', 'extra'], want: 'extra' },
    { argv: ['crds', '--output', 'xml'], want: "--output must be text or json: 'xml'" },
    { argv: ['crds', '--plane', 'other'], want: '--plane must be management, workload or all' },
    { argv: ['crds', '--write', '/proc/nope'], want: "'/proc/nope' (ENOENT)" },
    { argv: ['crds', '--write', 'LICENSE'], want: "'LICENSE' (EEXIST)" },
    { argv: ['crds', '--write', 'LICENSE/new'], want: "'LICENSE/new' (ENOTDIR)" },
    { argv: ['plan'], want: '--cluster must name a WorkloadCluster' },
    { argv: ['plan', '--cluster', 'x'], want: '--kubeconfig FILE or --in-cluster' },
    { argv: ['plan', '--cluster', 'x', '--kubeconfig', 'f', '--in-cluster'], want: 'do not go together' },
    { argv: ['plan', '--cluster', 'x', '--kubeconfig', 'f', '--timeout', '0'], want: '--timeout must be seconds' },
    {
      argv: ['plan', '--cluster', 'x', '--kubeconfig', 'no-such'],
      want: "--kubeconfig 'no-such' cannot be used: Cannot",
    },
    { argv: ['capture', '--cluster', 'x', '--kubeconfig', 'LICENSE'], want: "--kubeconfig 'LICENSE' cannot be used" },
    { argv: ['plan', '--from', 'LICENSE'], want: "--from 'LICENSE' cannot be used: the capture is not JSON" },
    {
      argv: ['plan', '--from', 'package.json'],
      want: "'package.json' cannot be used: this is not a capture of sluice",
    },
    { argv: ['run'], want: '--kubeconfig FILE or --in-cluster (see sluice run --help)' },
    { argv: ['run', '--kubeconfig', 'no-such'], want: "--kubeconfig 'no-such' cannot be used: Cannot" },
    { argv: ['run', '--kubeconfig', 'f', '--in-cluster'], want: 'do not go together' },
    {
      argv: ['run', '--kubeconfig', 'f', '--listen', '8080'],
      want: '--listen cannot be used: the listen address must be host',
    },
    { argv: ['run', '--kubeconfig', 'f', '--log-level', 'loud'], want: "error, silent: 'loud'" },
    {
      argv: ['run', '--kubeconfig', 'f', '--openstack-requests-per-second', '0'],
      want: "must be a whole number from 1 to 1000: '0'",
    },
    {
      argv: ['run', '--kubeconfig', 'f', '--openstack-requests-per-second', '1e2'],
      want: "must be a whole number from 1 to 1000: '1e2'",
    },
    { argv: ['run', '--kubeconfig', 'f', '--output', 'xml'], want: "--output must be text or json: 'xml'" },
    { argv: ['run', '--bogus'], want: "Unknown option '--bogus'" },
    { argv: ['explain', 'pod', 'a/b/c', '--from', 'f'], want: "takes one NAMESPACE/NAME: 'a/b/c'" },
    { argv: ['plan', '--from', 'f', '--cluster', 'x'], want: '--from and --cluster do not go together' },
    { argv: ['plan', '--from', 'no-such-file.json'], want: "'no-such-file.json' cannot be read" },
    { argv: ['explain', 'node', 'x'], want: 'Only a pod is known' },
    { argv: ['explain', 'pod'], want: 'takes one NAMESPACE/NAME' },
    { argv: ['capture', '--from', 'f'], want: "Unknown option '--from'" },
  ];
  it.each(wrong)('$argv is wrong usage: one line on stderr, exit 2', async ({ argv, want }) => {
    const io = keepOutput();
    expect(await main(argv, io)).toBe(2);
    expect(io.out).toBe('');
    expect(io.err).toContain(want);
    expect(io.err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('takes the kubeconfig from the environment, and names that when it cannot be used', async () => {
    const io = keepOutput({ KUBECONFIG: 'no-such-file' });
    expect(await main(['plan', '--cluster', 'x'], io)).toBe(2);
    expect(io.err).toContain("$KUBECONFIG 'no-such-file' cannot be used");
  });

  it('runs as a program, with the exit code of the command', () => {
    const run = spawnSync(process.execPath, ['src/cli/main.ts', 'crds', '--bogus'], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stdout).toBe('');
  });
});

describe('crds', () => {
  const kinds = (text: string) => parseAllDocuments(text).map((document) => document.toJS().spec.names.kind as string);

  it('prints the definitions of a plane as YAML', async () => {
    const io = keepOutput();
    expect(await main(['crds', '--plane', 'management'], io)).toBe(0);
    expect(kinds(io.out)).toEqual(['NodeClaim', 'WorkloadCluster']);
  });

  it('prints one JSON list', async () => {
    const io = keepOutput();
    expect(await main(['crds', '--output', 'json'], io)).toBe(0);
    const list = JSON.parse(io.out) as { kind: string; items: unknown[] };
    expect([list.kind, list.items.length]).toEqual(['List', 3]);
  });

  it('writes one file per kind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-crds-'));
    try {
      const io = keepOutput();
      expect(await main(['crds', '--write', join(folder, 'new')], io)).toBe(0);
      const names = readdirSync(join(folder, 'new')).sort();
      expect(names).toEqual(['nodeclaims.yaml', 'nodepools.yaml', 'workloadclusters.yaml']);
      const definition: unknown = parse(readFileSync(join(folder, 'new', 'nodepools.yaml'), 'utf8'));
      expect(definition).toMatchObject({
        kind: 'CustomResourceDefinition',
        metadata: { name: 'nodepools.sluice.dev' },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
