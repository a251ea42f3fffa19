// `sluice crds`: prints the CustomResourceDefinitions, or writes one file per kind.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { customResourceDefinition, DEFINED_KINDS, type DefinedKind } from '../api/custom-resource-definition.ts';
import { PLURALS } from '../api/names.ts';
import { type CommandIo, parseOutput, UsageError } from './command-io.ts';

const HELP = `sluice crds [--plane management|workload|all] [--write DIR] [--output text|json]

Prints the CustomResourceDefinitions of Sluice as YAML (text) or as a JSON list.

  --plane   management: WorkloadCluster and NodeClaim, for the cluster that Sluice runs in
            workload:   NodePool; Sluice itself applies it in each workload cluster
            all:        the three (default)
  --write   writes one file per kind into DIR instead
`;

const KINDS_OF_PLANE: Readonly<Record<string, readonly DefinedKind[]>> = {
  management: ['NodeClaim', 'WorkloadCluster'],
  workload: ['NodePool'],
  all: DEFINED_KINDS,
};

/** Text of the committed file of a kind. */
export function definitionYaml(kind: DefinedKind): string {
  const text = stringify(customResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false });
  return `# Made from src/api by 'npm run crds'; do not edit.\n${text}`;
}

/** Names and texts of the files of a plane. Throws UsageError for an unknown plane. */
export function definitionFiles(plane: string): readonly { readonly name: string; readonly text: string }[] {
  const kinds = Object.hasOwn(KINDS_OF_PLANE, plane) ? KINDS_OF_PLANE[plane] : undefined;
  if (kinds === undefined) throw new UsageError(`--plane must be management, workload or all: '${plane}'`);
  return kinds.map((kind) => ({ name: `${PLURALS[kind]}.yaml`, text: definitionYaml(kind) }));
}

export async function runCrds(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      plane: { type: 'string', default: 'all' },
      write: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const output = parseOutput(values.output);
  const files = definitionFiles(values.plane);
  if (values.write !== undefined) {
    await writeFiles(values.write, files);
    const paths = files.map((file) => join(values.write ?? '', file.name));
    io.stdout(output === 'json' ? `${JSON.stringify({ written: paths })}\n` : `${paths.join('\n')}\n`);
    return 0;
  }
  const items = (KINDS_OF_PLANE[values.plane] ?? []).map(customResourceDefinition);
  io.stdout(
    output === 'json'
      ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items })}\n`
      : files.map((file) => file.text).join('---\n'),
  );
  return 0;
}

/** Throws UsageError where the directory cannot be made or written to. */
async function writeFiles(directory: string, files: ReturnType<typeof definitionFiles>): Promise<void> {
  // Node's recursive mkdir never returns where the file system answers ENOENT to making a child of a directory that is
  // there, as /proc does (seen with Node 24). One level at a time, the same answer is an error.
  const missing: string[] = [];
  try {
    let parent = resolve(directory);
    while (!(await isDirectory(parent))) {
      missing.unshift(parent);
      parent = dirname(parent);
    }
    for (const each of missing) await mkdir(each);
    for (const file of files) await writeFile(join(directory, file.name), file.text);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new UsageError(`--write must name a directory that can be made and written to: '${directory}' (${code})`, {
      cause: error,
    });
  }
}

/** false when nothing is there; what is no directory is found out by making one in it (ENOTDIR) or of it (EEXIST). */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
