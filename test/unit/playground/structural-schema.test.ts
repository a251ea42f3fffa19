import { describe, expect, it } from 'vitest';
import { customResourceDefinition } from '../../../src/api/custom-resource-definition.ts';
import { fitToSchema } from '../../../src/playground/kubernetes-api/structural-schema.ts';
import { fieldsOf, listOf, type Fields } from '../../../src/playground/untyped.ts';

function schemaOf(kind: 'NodePool'): Fields {
  const [version] = listOf(fieldsOf(customResourceDefinition(kind)['spec'])['versions']);
  return fieldsOf(fieldsOf(fieldsOf(version)['schema'])['openAPIV3Schema']);
}

const pool = (spec: Fields): Fields => ({ apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', metadata: {}, spec });

describe('a NodePool against its definition', () => {
  const schema = schemaOf('NodePool');

  it('gets its defaults and loses what is not in the schema', () => {
    const { value, causes } = fitToSchema(pool({ flavor: 'b2-7', nonsense: true }), schema);
    expect(causes).toEqual([]);
    expect(value['spec']).toMatchObject({ flavor: 'b2-7', autoscale: false });
    expect(fieldsOf(value['spec'])).not.toHaveProperty('nonsense');
  });

  it.each([
    ['a wrong type', { flavor: 'b2-7', minNodes: 'three' }, 'spec.minNodes', 'FieldValueTypeInvalid'],
    ['too small a number', { flavor: 'b2-7', minNodes: -1 }, 'spec.minNodes', 'FieldValueInvalid'],
    [
      'too long a list',
      { flavors: Array.from({ length: 33 }, (_, i) => `f${i}`) },
      'spec.flavors',
      'FieldValueInvalid',
    ],
    [
      'an unknown word',
      { flavor: 'b2-7', startupTaints: [{ key: 'a', effect: 'Sometimes' }] },
      'spec.startupTaints[0].effect',
      'FieldValueNotSupported',
    ],
    [
      'a missing field',
      { flavor: 'b2-7', startupTaints: [{ key: 'a' }] },
      'spec.startupTaints[0].effect',
      'FieldValueRequired',
    ],
    [
      'a pattern',
      { flavor: 'b2-7', autoscaling: { scaleDownUtilizationThreshold: '1.5' } },
      'spec.autoscaling.scaleDownUtilizationThreshold',
      'FieldValueInvalid',
    ],
  ])('is refused for %s, and the field is named', (_name, spec, field, reason) => {
    expect(fitToSchema(pool(spec), schema).causes).toContainEqual(expect.objectContaining({ field, reason }));
  });
});
