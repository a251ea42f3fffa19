// `sluice crds`: prints the CustomResourceDefinitions, or writes one file per kind.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    await mkdir(values.write, { recursive: true });
    for (const file of files) await writeFile(join(values.write, file.name), file.text);
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
