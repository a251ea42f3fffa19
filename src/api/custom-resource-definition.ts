// The CustomResourceDefinition of each of the three kinds, made from its TypeBox schema.
// Decides the columns, subresources and names that kubectl shows. A pure function: `sluice crds` prints it, the
// kubernetes adapter applies NodePool's, a drift test compares the committed files.
import { FIELD_DESCRIPTIONS } from './field-descriptions.ts';
import { API_GROUP, API_VERSION, PLURALS } from './names.ts';
import { nodeClaimSpecSchema, nodeClaimStatusSchema } from './node-claim.ts';
import { nodePoolRules, nodePoolSpecSchema, nodePoolStatusSchema } from './node-pool.ts';
import { workloadClusterSpecSchema, workloadClusterStatusSchema } from './workload-cluster.ts';

/** Raised with every change of a definition: a controller never puts an older definition over a newer one. */
export const DEFINITION_VERSION = 4;
export const DEFINITION_VERSION_ANNOTATION = 'sluice.dev/definition-version';

export type DefinedKind = keyof typeof PLURALS;

export const DEFINED_KINDS: readonly DefinedKind[] = ['NodePool', 'NodeClaim', 'WorkloadCluster'];

type Json = Readonly<Record<string, unknown>>;

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  /** 1: only with -o wide. */
  readonly priority?: number;
}

interface Definition {
  readonly scope: 'Cluster' | 'Namespaced';
  readonly shortNames: readonly string[];
  readonly spec: object;
  readonly status: object;
  readonly rules: readonly Json[];
  readonly columns: readonly Column[];
  readonly scale?: Json;
}

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const ready: Column = { name: 'Ready', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].status" };

const DEFINITIONS: Readonly<Record<DefinedKind, Definition>> = {
  NodePool: {
    scope: 'Cluster',
    shortNames: ['np'],
    spec: nodePoolSpecSchema,
    status: nodePoolStatusSchema,
    rules: nodePoolRules,
    columns: [
      { name: 'Flavor', type: 'string', jsonPath: '.spec.flavor' },
      { name: 'Autoscaled', type: 'boolean', jsonPath: '.spec.autoscale' },
      { name: 'MonthlyBilled', type: 'boolean', jsonPath: '.spec.monthlyBilled' },
      { name: 'AntiAffinity', type: 'boolean', jsonPath: '.spec.antiAffinity' },
      { name: 'Desired', type: 'integer', jsonPath: '.spec.desiredNodes' },
      { name: 'Current', type: 'integer', jsonPath: '.status.currentNodes' },
      { name: 'Up-To-Date', type: 'integer', jsonPath: '.status.upToDateNodes' },
      { name: 'Available', type: 'integer', jsonPath: '.status.availableNodes' },
      { name: 'Min', type: 'integer', jsonPath: '.spec.minNodes' },
      { name: 'Max', type: 'integer', jsonPath: '.spec.maxNodes' },
      age,
      { ...ready, priority: 1 },
      { name: 'Flavors', type: 'string', jsonPath: '.spec.flavors', priority: 1 },
    ],
    scale: {
      specReplicasPath: '.spec.desiredNodes',
      statusReplicasPath: '.status.currentNodes',
      labelSelectorPath: '.status.selector',
    },
  },
  NodeClaim: {
    scope: 'Namespaced',
    shortNames: ['nc'],
    spec: nodeClaimSpecSchema,
    status: nodeClaimStatusSchema,
    rules: [],
    columns: [
      { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName' },
      { name: 'Pool', type: 'string', jsonPath: '.spec.poolName' },
      { name: 'Flavor', type: 'string', jsonPath: '.spec.flavor' },
      { name: 'Zone', type: 'string', jsonPath: '.spec.zone' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Failure', type: 'string', jsonPath: '.status.failure.code' },
      age,
      { name: 'Server', type: 'string', jsonPath: '.status.serverId', priority: 1 },
      { name: 'FloatingIP', type: 'string', jsonPath: '.status.floatingIp', priority: 1 },
      { name: 'Removal', type: 'string', jsonPath: '.status.removal.reason', priority: 1 },
    ],
  },
  WorkloadCluster: {
    scope: 'Namespaced',
    shortNames: ['wlc'],
    spec: workloadClusterSpecSchema,
    status: workloadClusterStatusSchema,
    rules: [],
    columns: [
      ready,
      { name: 'Reason', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].reason" },
      { name: 'Version', type: 'string', jsonPath: '.status.kubernetesVersion' },
      { name: 'Nodes', type: 'integer', jsonPath: '.status.nodes' },
      { name: 'Claims', type: 'integer', jsonPath: '.status.claims' },
      { name: 'Leader', type: 'string', jsonPath: '.status.leader', priority: 1 },
      age,
    ],
  },
};

/** The apiextensions.k8s.io/v1 object of a kind. Same bytes for the same sources. */
export function customResourceDefinition(kind: DefinedKind): Json {
  const definition = DEFINITIONS[kind];
  const plural = PLURALS[kind];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${API_GROUP}`,
      annotations: { [DEFINITION_VERSION_ANNOTATION]: String(DEFINITION_VERSION) },
    },
    spec: {
      group: API_GROUP,
      scope: definition.scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: definition.shortNames,
        categories: ['sluice'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: definition.columns,
          subresources: { status: {}, ...(definition.scale === undefined ? {} : { scale: definition.scale }) },
          schema: { openAPIV3Schema: rootSchema(definition, FIELD_DESCRIPTIONS[kind]) },
        },
      ],
    },
  };
}

function rootSchema(definition: Definition, descriptions: Descriptions): Json {
  return {
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(definition.spec, { path: 'spec', descriptions }),
      status: structuralSchema(definition.status, { path: 'status', descriptions }),
    },
    ...(definition.rules.length === 0 ? {} : { 'x-kubernetes-validations': definition.rules }),
  };
}

/** Keywords that mean the same in JSON Schema and in a structural schema. Everything else is an error below. */
const KEPT = new Set([
  'type',
  'format',
  'description',
  'default',
  'enum',
  'required',
  'nullable',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'anyOf',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
]);

type Descriptions = Readonly<Record<string, string>>;

interface Described {
  readonly path: string;
  readonly descriptions: Descriptions;
}

/** A TypeBox schema as Kubernetes' structural schema, with descriptions by path. A keyword that it does not know is a
 *  programmer error. */
export function structuralSchema(schema: object, at: Described): Json {
  const { path, descriptions } = at;
  const description = Object.hasOwn(descriptions, path) ? descriptions[path] : undefined;
  const out: Record<string, unknown> = description === undefined ? {} : { description };
  for (const [keyword, value] of Object.entries(schema)) {
    if (KEPT.has(keyword)) out[keyword] = value;
    else if (keyword === 'properties') {
      const properties = Object.entries(asJson(value)).map(([name, property]) => [
        name,
        structuralSchema(asJson(property), { path: `${path}.${name}`, descriptions }),
      ]);
      out['properties'] = Object.fromEntries(properties);
    } else if (keyword === 'items') out['items'] = itemSchema(asJson(value), at);
    else if (keyword === 'patternProperties') out['additionalProperties'] = recordValueSchema(asJson(value), at);
    else throw new Error(`a structural schema has no keyword ${keyword}`);
  }
  return out;
}
/** An item has its list's path for its fields, and no description beside the list's. */
function itemSchema(item: Json, at: Described): Json {
  const { description: _lists, ...rest } = structuralSchema(item, at);
  return rest;
}

/** TypeBox writes a record as one pattern that takes every key. */
function recordValueSchema(patterns: Json, at: Described): Json {
  const [only, ...more] = Object.values(patterns);
  if (only === undefined || more.length > 0) throw new Error('a record must have one pattern of keys');
  return itemSchema(asJson(only), at);
}

function asJson(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw new Error('a schema must be an object');
  return value as Json;
}
