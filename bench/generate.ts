// Writes generated workloads as a directory that `--inputs` reads: other seeds and sizes of the same families.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatedWorkloads } from './inputs/generated-workloads.ts';
import type { Workload } from './inputs/read-workload.ts';

export function generate(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      out: { type: 'string' },
      seed: { type: 'string', default: '1' },
      scale: { type: 'string', default: '10' },
    },
  });
  if (values.out === undefined) throw new Error('generate: --out must name the directory to write');
  const workloads = generatedWorkloads({ seed: Number(values.seed), scale: Number(values.scale) });
  writeWorkloads(values.out, workloads);
  return Promise.resolve({ benchmark: 'generate', out: values.out, workloads: workloads.map(({ name }) => name) });
}

/** index.csv and a file per workload. */
export function writeWorkloads(directory: string, workloads: readonly Workload[]): void {
  mkdirSync(directory, { recursive: true });
  const index = workloads.map(({ name, groups, pods, template }) =>
    [name, groups.length, pods, template.cpuMillis, template.memoryMiB, template.pods, template.gpus].join(','),
  );
  const header = 'workload,groups,pods,tpl_cpu_m,tpl_mem_mib,tpl_pods,tpl_gpu';
  writeFileSync(join(directory, 'index.csv'), `${[header, ...index].join('\n')}\n`);
  for (const { name, groups } of workloads) {
    const lines = groups.map((one, number) =>
      [number, one.count, one.cpuMillis, one.memoryMiB, one.gpus, one.kind, one.label, one.selector].join(','),
    );
    writeFileSync(
      join(directory, `${name}.csv`),
      `${['group,count,cpu_m,mem_mib,gpu,kind,label,selector', ...lines].join('\n')}\n`,
    );
  }
}
