// `sluice capture`: writes what a decision would look at now, for `plan --from` and `explain --from`.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { encodeCapture } from './capture-format.ts';
import { LIVE_HELP, readLiveObjects, SOURCE_OPTIONS } from './cluster-source.ts';
import { type CommandIo, parseOutput } from './command-io.ts';

const HELP = `sluice capture --cluster NAME [OPTIONS] [--write FILE]

Writes everything that a decision looks at as one line of JSON, to stdout or to FILE. Holds names, labels, sizes and
addresses of the cluster; no secret, no user data, no foreign annotation.

${LIVE_HELP}  --write FILE        write to FILE (readable by its owner alone) and print a summary
  --output text|json  form of the summary
`;

/** Names of workloads are nobody else's business. */
const OWNER_ONLY = 0o600;

export async function runCapture(argv: readonly string[], io: CommandIo): Promise<number> {
  const { from: _none, ...live } = SOURCE_OPTIONS;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...live,
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
  const objects = await readLiveObjects(values, io.env);
  const text = encodeCapture(objects);
  if (values.write === undefined) {
    io.stdout(text);
    return 0;
  }
  await writeFile(values.write, text, { mode: OWNER_ONLY });
  const summary = {
    file: values.write,
    bytes: Buffer.byteLength(text),
    nodes: objects.nodes.length,
    pods: objects.pods.length,
    nodePools: objects.nodePools.length,
    claims: objects.claims.length,
  };
  io.stdout(
    output === 'json'
      ? `${JSON.stringify(summary)}\n`
      : `${summary.file}: ${summary.nodes} nodes, ${summary.pods} pods, ${summary.nodePools} node pools, ${summary.claims} claims\n`,
  );
  return 0;
}
