// Unknown objects from an API server → the typed resources. The one place where they are checked against their schema.
// Keeps only known fields, drops nulls (null means absent in all three kinds), and copies maps to null-prototype objects,
// because the keys are a tenant's. Rules between fields are validate-*.ts's part.
import { type Static, type TSchema, Type } from 'typebox';
import { Check, Compile, Errors } from 'typebox/schema';
import { type NodeClaim, nodeClaimSpecSchema, nodeClaimStatusSchema } from './node-claim.ts';
import { type NodePool, nodePoolSpecSchema, nodePoolStatusSchema } from './node-pool.ts';
import { type WorkloadCluster, workloadClusterSpecSchema, workloadClusterStatusSchema } from './workload-cluster.ts';

/** An object that does not fit its schema. Names the field, never the value: it may be a tenant's secret. */
export class ResourceError extends Error {
  readonly kind: string;
  readonly objectName: string;
  /** Path as a person writes it, e.g. spec.template.spec.taints[0].effect. */
  readonly field: string;

  constructor(options: { kind: string; objectName: string; field: string; message: string }) {
    super(`${options.kind} '${options.objectName}': ${options.field} ${options.message}`);
    this.name = 'ResourceError';
    this.kind = options.kind;
    this.objectName = options.objectName;
    this.field = options.field;
  }
}

const text = Type.String();
const textMap = Type.Record(text, text);
const metadataSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  namespace: Type.Optional(text),
  uid: Type.String({ default: '' }),
  resourceVersion: Type.String({ default: '' }),
  generation: Type.Optional(Type.Integer()),
  creationTimestamp: Type.Optional(text),
  deletionTimestamp: Type.Optional(text),
  labels: Type.Optional(textMap),
  annotations: Type.Optional(textMap),
  finalizers: Type.Optional(Type.Array(text)),
  ownerReferences: Type.Optional(
    Type.Array(
      Type.Object({
        apiVersion: text,
        kind: text,
        name: text,
        uid: text,
        controller: Type.Optional(Type.Boolean()),
        blockOwnerDeletion: Type.Optional(Type.Boolean()),
      }),
    ),
  ),
});

const head = { apiVersion: Type.Optional(text), kind: Type.Optional(text), metadata: metadataSchema };
const nodePoolSchema = Type.Object({
  ...head,
  spec: nodePoolSpecSchema,
  status: Type.Optional(nodePoolStatusSchema),
});
const nodeClaimSchema = Type.Object({
  ...head,
  spec: nodeClaimSpecSchema,
  status: Type.Optional(nodeClaimStatusSchema),
});
const workloadClusterSchema = Type.Object({
  ...head,
  spec: workloadClusterSpecSchema,
  status: Type.Optional(workloadClusterStatusSchema),
});

/** Throws ResourceError when `raw` does not fit. Unknown fields are dropped. A manifest without uid and
 *  resourceVersion (not yet stored) gets empty ones. */
export function parseNodePool(raw: unknown): NodePool {
  return parse('NodePool', nodePoolSchema, raw);
}

/** As parseNodePool. */
export function parseNodeClaim(raw: unknown): NodeClaim {
  return parse('NodeClaim', nodeClaimSchema, raw);
}

/** As parseNodePool. */
export function parseWorkloadCluster(raw: unknown): WorkloadCluster {
  return parse('WorkloadCluster', workloadClusterSchema, raw);
}

function parse<S extends TSchema>(kind: string, schema: S, raw: unknown): Static<S> {
  const value = project(schema, raw);
  if (fits(schema, value)) return value;
  const [, [error]] = Errors(schema, value);
  throw new ResourceError({
    kind,
    objectName: nameOf(raw),
    field: error === undefined ? 'object' : fieldOf(error),
    message: error?.message ?? 'does not fit its schema',
  });
}

/** A schema that is checked so often is compiled: 5,000 claims at the start of a large cluster take a second without. Most
 *  clusters have fewer and need not hold the compiled check. */
const CHECKS_UNCOMPILED = 128;

interface Checked {
  count: number;
  compiled: { Check(value: unknown): boolean } | undefined;
}

const checked = new WeakMap<TSchema, Checked>();

function fits<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  const known = checked.get(schema) ?? { count: 0, compiled: undefined };
  checked.set(schema, known);
  known.count += 1;
  if (known.count > CHECKS_UNCOMPILED) known.compiled ??= Compile(schema);
  return known.compiled === undefined ? Check(schema, value) : known.compiled.Check(value);
}

interface SchemaShape {
  readonly properties?: Readonly<Record<string, SchemaShape>>;
  readonly patternProperties?: Readonly<Record<string, SchemaShape>>;
  readonly items?: SchemaShape;
  readonly default?: unknown;
}

/** `value` cut down to what `schema` knows; what has the wrong type stays, for the check to find. Booleans keep the
 *  API server's word: only metadata's defaults are filled in, since only they carry an empty text. */
function project(schema: SchemaShape, value: unknown): unknown {
  const { items } = schema;
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => project(items, item));
  if (typeof value !== 'object' || value === null) return value;
  if (schema.properties !== undefined) return projectProperties(schema.properties, value);
  const values = Object.values(schema.patternProperties ?? {})[0];
  if (values === undefined) return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) if (item !== null) out[key] = project(values, item);
  return out;
}

function projectProperties(properties: Readonly<Record<string, SchemaShape>>, value: object): unknown {
  const out: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(properties)) {
    const item: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
    if (item !== undefined && item !== null) out[key] = project(property, item);
    else if (property.default === '') out[key] = '';
  }
  return out;
}

/** JSON pointer → the path that a person writes. */
function fieldOf(error: { readonly keyword: string; readonly instancePath: string; readonly params: object }): string {
  const missing: unknown = Reflect.get(error.params, 'requiredProperties');
  const [first] = Array.isArray(missing) ? missing.map(String) : [];
  const pointer = first === undefined ? error.instancePath : `${error.instancePath}/${first}`;
  const path = pointer
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (/^[0-9]+$/.test(part) ? `[${part}]` : `.${part.replaceAll('~1', '/').replaceAll('~0', '~')}`))
    .join('');
  return path === '' ? 'object' : path.replace(/^\./, '');
}

function nameOf(raw: unknown): string {
  const metadata: unknown = typeof raw === 'object' && raw !== null ? Reflect.get(raw, 'metadata') : undefined;
  const name: unknown = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'name') : undefined;
  // 253: longest name that Kubernetes gives; a tenant's server may send anything.
  return typeof name === 'string' ? name.slice(0, 253) : '';
}
