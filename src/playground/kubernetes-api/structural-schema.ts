// Holds a custom resource against the openAPIV3Schema of its definition: fills in defaults, prunes unknown fields,
// returns what is wrong in the API server's words. CEL rules (x-kubernetes-validations) are not evaluated.
import { fieldsOf, isFields, listOf, numberOf, sameJson, textOf, type Fields } from '../untyped.ts';

export interface SchemaCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

interface Fitted {
  readonly value: unknown;
  readonly causes: readonly SchemaCause[];
}

const invalid = (field: string, value: unknown, why: string): SchemaCause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

/** The object with defaults and without unknown fields, and all that is wrong with it. metadata is left alone. */
export function fitToSchema(object: Fields, schema: Fields): { value: Fields; causes: readonly SchemaCause[] } {
  const { apiVersion, kind, metadata, ...content } = object;
  const { apiVersion: _a, kind: _k, metadata: _m, ...properties } = fieldsOf(schema['properties']);
  const fitted = fit(content, { ...schema, properties }, '');
  return { value: { apiVersion, kind, metadata, ...fieldsOf(fitted.value) }, causes: fitted.causes };
}

function fit(value: unknown, schema: Fields, field: string): Fitted {
  if (value === null) {
    return schema['nullable'] === true
      ? { value, causes: [] }
      : { value, causes: [invalid(field, value, 'must not be null')] };
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    const ok = typeof value === 'string' || Number.isInteger(value);
    return { value, causes: ok ? [] : [invalid(field, value, 'must be an integer or a string')] };
  }
  const allowed = listOf(schema['enum']);
  if (allowed.length > 0 && !allowed.some((each) => sameJson(each, value))) {
    const names = allowed.map((each) => JSON.stringify(each)).join(', ');
    return {
      value,
      causes: [
        {
          reason: 'FieldValueNotSupported',
          message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${names}`,
          field,
        },
      ],
    };
  }
  switch (schema['type']) {
    case 'object':
      return isFields(value) ? fitObject(value, schema, field) : wrongType(value, 'object', field);
    case 'array':
      return Array.isArray(value) ? fitArray(listOf(value), schema, field) : wrongType(value, 'array', field);
    case 'string':
      return typeof value === 'string' ? fitString(value, schema, field) : wrongType(value, 'string', field);
    case 'integer':
      return Number.isInteger(value) ? fitNumber(value, schema, field) : wrongType(value, 'integer', field);
    case 'number':
      return typeof value === 'number' ? fitNumber(value, schema, field) : wrongType(value, 'number', field);
    case 'boolean':
      return typeof value === 'boolean' ? { value, causes: [] } : wrongType(value, 'boolean', field);
    default:
      return { value, causes: [] };
  }
}

function wrongType(value: unknown, wanted: string, field: string): Fitted {
  const is = Array.isArray(value) ? 'array' : typeof value;
  const message = `Invalid value: "${is}": ${field} in body must be of type ${wanted}: "${is}"`;
  return { value, causes: [{ reason: 'FieldValueTypeInvalid', message, field }] };
}

function fitObject(value: Fields, schema: Fields, field: string): Fitted {
  const causes: SchemaCause[] = [];
  const result: Fields = {};
  const properties = fieldsOf(schema['properties']);
  const additional = schema['additionalProperties'];
  const keepUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true || additional === true;
  const below = (key: string): string => (field === '' ? key : `${field}.${key}`);
  const take = (key: string, child: unknown, childSchema: Fields): void => {
    const fitted = fit(child, childSchema, below(key));
    result[key] = fitted.value;
    causes.push(...fitted.causes);
  };
  for (const [key, child] of Object.entries(value)) {
    if (Object.hasOwn(properties, key)) take(key, child, fieldsOf(properties[key]));
    else if (isFields(additional)) take(key, child, additional);
    else if (keepUnknown) result[key] = child;
  }
  for (const [key, property] of Object.entries(properties)) {
    const byDefault = fieldsOf(property)['default'];
    if (byDefault !== undefined && result[key] === undefined) take(key, structuredClone(byDefault), fieldsOf(property));
  }
  for (const key of listOf(schema['required']).map(textOf)) {
    if (result[key] === undefined) {
      causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: below(key) });
    }
  }
  const count = Object.keys(result).length;
  if (count > numberOf(schema['maxProperties'], Infinity)) {
    causes.push(invalid(field, count, `must have at most ${String(schema['maxProperties'])} items`));
  }
  return { value: result, causes };
}

function fitArray(value: readonly unknown[], schema: Fields, field: string): Fitted {
  const causes: SchemaCause[] = [];
  if (value.length > numberOf(schema['maxItems'], Infinity)) {
    causes.push(invalid(field, value.length, `must have at most ${String(schema['maxItems'])} items`));
  }
  if (value.length < numberOf(schema['minItems'], 0)) {
    causes.push(invalid(field, value.length, `should have at least ${String(schema['minItems'])} items`));
  }
  const items = fieldsOf(schema['items']);
  const fitted = value.map((item, index) => fit(item, items, `${field}[${index}]`));
  return { value: fitted.map((item) => item.value), causes: [...causes, ...fitted.flatMap((item) => item.causes)] };
}

function fitString(value: string, schema: Fields, field: string): Fitted {
  const causes: SchemaCause[] = [];
  if (value.length > numberOf(schema['maxLength'], Infinity)) {
    causes.push(invalid(field, value.slice(0, 64), `may not be more than ${String(schema['maxLength'])} bytes`));
  }
  if (value.length < numberOf(schema['minLength'], 0)) {
    causes.push(invalid(field, value, `should be at least ${String(schema['minLength'])} chars long`));
  }
  const pattern = textOf(schema['pattern']);
  if (pattern !== '' && !new RegExp(pattern, 'u').test(value)) {
    causes.push(invalid(field, value, `should match '${pattern}'`));
  }
  if (schema['format'] === 'date-time' && Number.isNaN(Date.parse(value))) {
    causes.push(invalid(field, value, 'must be a date-time'));
  }
  return { value, causes };
}

function fitNumber(value: unknown, schema: Fields, field: string): Fitted {
  const causes: SchemaCause[] = [];
  const number = numberOf(value, 0);
  if (number < numberOf(schema['minimum'], -Infinity)) {
    causes.push(invalid(field, value, `should be greater than or equal to ${String(schema['minimum'])}`));
  }
  if (number > numberOf(schema['maximum'], Infinity)) {
    causes.push(invalid(field, value, `should be less than or equal to ${String(schema['maximum'])}`));
  }
  return { value, causes };
}
