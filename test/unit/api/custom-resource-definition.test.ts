import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import {
  customResourceDefinition,
  DEFINED_KINDS,
  DEFINITION_VERSION_ANNOTATION,
  structuralSchema,
} from '../../../src/api/custom-resource-definition.ts';
import { FIELD_DESCRIPTIONS } from '../../../src/api/field-descriptions.ts';
import { definitionFiles } from '../../../src/cli/crds.ts';

type Node = Readonly<Record<string, unknown>>;

function at(root: unknown, ...path: readonly (string | number)[]): Node {
  let current: unknown = root;
  for (const part of path) current = (current as Record<string | number, unknown>)[part];
  return current as Node;
}

/** Every schema in a schema, with its path. */
function* walk(schema: Node, path = ''): Generator<{ path: string; schema: Node }> {
  yield { path, schema };
  for (const [name, child] of Object.entries((schema['properties'] ?? {}) as Record<string, Node>))
    yield* walk(child, `${path}.${name}`);
  if (schema['items'] !== undefined) yield* walk(schema['items'] as Node, `${path}[]`);
  if (schema['additionalProperties'] !== undefined) yield* walk(schema['additionalProperties'] as Node, `${path}{}`);
}

describe('customResourceDefinition', () => {
  it.each(DEFINED_KINDS)('%s is structural and bounded, so that CEL’s cost can be known', (kind) => {
    const root = at(customResourceDefinition(kind), 'spec', 'versions', 0, 'schema', 'openAPIV3Schema');
    for (const part of ['spec', 'status']) {
      for (const { path, schema } of walk(at(root, 'properties', part))) {
        if (schema['x-kubernetes-int-or-string'] !== true) expect(schema['type'], path).toBeTypeOf('string');
        expect(schema, path).not.toHaveProperty('patternProperties');
        if (schema['type'] === 'array') expect(schema, path).toHaveProperty('maxItems');
        if (schema['additionalProperties'] !== undefined) expect(schema, path).toHaveProperty('maxProperties');
        if (schema['type'] === 'string' && schema['enum'] === undefined)
          expect(schema, path).toHaveProperty('maxLength');
      }
    }
  });

  it.each(DEFINED_KINDS)('%s carries its version, for never an older one over a newer', (kind) => {
    expect(at(customResourceDefinition(kind), 'metadata', 'annotations')[DEFINITION_VERSION_ANNOTATION]).toMatch(
      /^[1-9][0-9]*$/,
    );
  });

  it('has OVH’s columns in OVH’s order', () => {
    const columns = at(customResourceDefinition('NodePool'), 'spec', 'versions', 0)[
      'additionalPrinterColumns'
    ] as Node[];
    const shown = columns
      .filter((column) => column['priority'] === undefined)
      .map((column) => String(column['name']).toUpperCase());
    expect(shown.join(' ')).toBe(
      'FLAVOR AUTOSCALED MONTHLYBILLED ANTIAFFINITY DESIRED CURRENT UP-TO-DATE AVAILABLE MIN MAX AGE',
    );
  });

  it('scales a pool by desiredNodes', () => {
    expect(at(customResourceDefinition('NodePool'), 'spec', 'versions', 0, 'subresources', 'scale')).toEqual({
      specReplicasPath: '.spec.desiredNodes',
      statusReplicasPath: '.status.currentNodes',
      labelSelectorPath: '.status.selector',
    });
  });

  it('gives desiredNodes, minNodes and maxNodes no default: absent is not zero', () => {
    const spec = at(
      customResourceDefinition('NodePool'),
      'spec',
      'versions',
      0,
      'schema',
      'openAPIV3Schema',
      'properties',
      'spec',
    );
    for (const field of ['desiredNodes', 'minNodes', 'maxNodes'])
      expect(at(spec, 'properties', field)).not.toHaveProperty('default');
  });

  it('refuses a schema that it cannot translate', () => {
    const schema = Type.Object({ a: Type.Tuple([Type.String()]) });
    expect(() => structuralSchema(schema, { path: 'spec', descriptions: {} })).toThrow('structural schema');
  });
});

describe('descriptions', () => {
  it.each(DEFINED_KINDS)('%s: every field has one, and there is none without a field', (kind) => {
    const root = at(customResourceDefinition(kind), 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties');
    const fields = ['spec', 'status'].flatMap((part) => [...walk(at(root, part), part)].map(({ path }) => path));
    const own = new Set(fields.map((path) => path.replaceAll('[]', '')).filter((path) => !path.includes('{}')));
    own.delete('spec');
    own.delete('status');
    expect(Object.keys(FIELD_DESCRIPTIONS[kind]).sort()).toEqual([...own].sort());
  });
});

describe('committed files', () => {
  const folders = [
    { folder: 'crds', plane: 'all' },
    { folder: 'deploy/helm/sluice/files', plane: 'management' },
  ];
  it.each(folders)('$folder is what src/api says; if not: npm run crds', ({ folder, plane }) => {
    for (const { name, text } of definitionFiles(plane)) expect(readFileSync(`${folder}/${name}`, 'utf8')).toBe(text);
  });
});
