// The pages of docs/reference are made from the schemas, the CEL rules and the metric catalogue.
// When this fails: npx vitest run test/reference-pages.test.ts --update
import { describe, expect, it } from 'vitest';
import { customResourceDefinition, DEFINED_KINDS, type DefinedKind } from '../src/api/custom-resource-definition.ts';
import { METRICS } from '../src/telemetry/metric-catalog.ts';

/** The keywords of a structural schema that a page shows. */
interface Field {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: string | number | boolean;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
  readonly additionalProperties?: Field;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
}

interface Definition {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Field } }[] };
}

const INTRODUCTION: Readonly<Record<DefinedKind, string>> = {
  NodePool:
    'What the owner of a cluster asks for. Cluster-scoped, in the workload cluster; short name `np`. The fields down to `template` are those of OVH node pools, so their manifests carry over with another `apiVersion`.',
  NodeClaim:
    'The record of one node, in the management cluster, namespaced; short name `nc`. Sluice alone writes it. To have a node replaced, delete its claim.',
  WorkloadCluster: "The operator's word on one cluster, in the management cluster, namespaced; short name `wlc`.",
};

function rootSchema(kind: DefinedKind): Field {
  const definition: unknown = customResourceDefinition(kind);
  return (definition as Definition).spec.versions[0]?.schema.openAPIV3Schema ?? {};
}

function fieldType(field: Field): string {
  if (field['x-kubernetes-int-or-string'] === true) return 'integer or text';
  if (field.items !== undefined) return `list of ${fieldType(field.items)}`;
  if (field.additionalProperties !== undefined) return 'map';
  if (field.type === 'string') return field.format === 'date-time' ? 'time' : 'text';
  return field.type ?? '';
}

/** The bound of the type, not ours: not worth a word. */
const INT32_MAX = 2_147_483_647;

function bounds(field: Field): string {
  const { minimum, maximum, maxItems, maxProperties, maxLength } = field;
  const parts: string[] = [];
  if (field.enum !== undefined) parts.push(field.enum.map((value) => `\`${value}\``).join(', '));
  if (minimum !== undefined && maximum !== undefined && maximum !== INT32_MAX) parts.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) parts.push(`≥ ${minimum}`);
  if (maxItems !== undefined) parts.push(`≤ ${maxItems} items`);
  if (maxProperties !== undefined) parts.push(`≤ ${maxProperties} keys`);
  if (maxLength !== undefined && field.type === 'string') parts.push(`≤ ${maxLength} characters`);
  if (field.default !== undefined) parts.push(`default \`${field.default}\``);
  return parts.join('; ');
}

/** One row per field, parents before children. */
function rows(field: Field, path: string): readonly string[] {
  return Object.entries(field.properties ?? {}).flatMap(([name, child]) => {
    const here = `${path}.${name}`;
    const required = field.required?.includes(name) === true ? ' **Required.**' : '';
    const about = `${child.description ?? ''}${required}`.replaceAll('|', '\\|');
    const row = `| \`${here}\` | ${fieldType(child)} | ${bounds(child)} | ${about} |`;
    return [row, ...(child.items === undefined ? rows(child, here) : rows(child.items, `${here}[]`))];
  });
}

/** Messages of all CEL rules below a schema. */
function ruleMessages(field: Field): readonly string[] {
  const own = (field['x-kubernetes-validations'] ?? []).map((rule) => `- ${rule.message}`);
  const children = [...Object.values(field.properties ?? {}), ...(field.items === undefined ? [] : [field.items])];
  return [...own, ...children.flatMap(ruleMessages)];
}

function resourcePage(kind: DefinedKind): string {
  const root = rootSchema(kind);
  const table = (part: 'spec' | 'status') => [
    `## ${part}`,
    '',
    '| field | type | bounds | meaning |',
    '|---|---|---|---|',
    ...rows(root.properties?.[part] ?? {}, part),
    '',
  ];
  const messages = ruleMessages(root);
  return [
    `# ${kind}`,
    '',
    '<!-- made from src/api: npx vitest run test/reference-pages.test.ts --update -->',
    '',
    INTRODUCTION[kind],
    '',
    ...table('spec'),
    ...(messages.length === 0
      ? []
      : ['## Rules', '', 'Refused by the API server, with these words:', '', ...messages, '']),
    ...table('status'),
  ].join('\n');
}

function metricsPage(): string {
  return [
    '# Metrics',
    '',
    '<!-- made from src/telemetry/metric-catalog.ts: npx vitest run test/reference-pages.test.ts --update -->',
    '',
    '`GET /metrics` on the address of `--listen`. `cluster` is `<namespace>/<name>` of the WorkloadCluster. A cluster has at most 500 series per metric.',
    '',
    '| name | type | labels | meaning |',
    '|---|---|---|---|',
    ...METRICS.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`),
    '',
    'Beside them `process_resident_memory_bytes`, `process_cpu_seconds_total` and `process_start_time_seconds`.',
    '',
  ].join('\n');
}

describe('docs/reference', () => {
  it.each(DEFINED_KINDS)('%s is what its schema says', async (kind) => {
    await expect(resourcePage(kind)).toMatchFileSnapshot(`../docs/reference/${kind.toLowerCase()}.md`);
  });

  it('metrics are those of the catalogue', async () => {
    await expect(metricsPage()).toMatchFileSnapshot('../docs/reference/metrics.md');
  });
});
