// Pods as an API server could send them, ordinary and hostile, for properties that compare two ways of reading them.
import * as fc from 'fast-check';

const name = fc.constantFrom('web', 'db', 'a', '', 'größe', '数据', '😀');
const labels = fc.dictionary(fc.constantFrom('app', 'tier', 'topology.kubernetes.io/zone'), name, { maxKeys: 3 });
const quantity = fc.constantFrom('100m', '1', '2Gi', '-1', '1e99', '0.0000000001', '9223372036854775807');
const requests = fc.dictionary(fc.constantFrom('cpu', 'memory', 'example.com/gpu', 'hugepages-2Mi'), quantity);
const selector = fc.record({ matchLabels: labels });
const junk = fc.constantFrom<unknown>(null, 7, 'text', [], {}, [null], { a: { b: [1] } }, 'x'.repeat(5000));

/** One uid is one owner: an interner keeps one object for each. */
const owner = fc
  .record({ kind: name, name, controller: fc.boolean() })
  .map((reference) => ({ ...reference, uid: `uid of ${reference.kind} ${reference.name}` }));

const metadata = fc.record(
  {
    name: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 40 }).map((number) => `pod-${number}`) }, name),
    namespace: fc.constantFrom('one', 'two', ''),
    uid: fc.uuid(),
    resourceVersion: fc.constantFrom('1', '2', '30'),
    creationTimestamp: fc.constantFrom('2026-11-01T00:00:00Z', '2026-11-01T00:00:00.5Z', 'yesterday'),
    deletionTimestamp: fc.constantFrom(null, '2026-11-01T00:00:00Z'),
    labels,
    annotations: fc.dictionary(
      fc.constantFrom('kubernetes.io/config.mirror', 'cluster-autoscaler.kubernetes.io/safe-to-evict'),
      fc.constantFrom('true', 'false', ''),
    ),
    ownerReferences: fc.array(owner, { maxLength: 2 }),
  },
  { requiredKeys: ['name', 'namespace', 'uid', 'resourceVersion'] },
);

const spec = fc.record(
  {
    nodeName: fc.constantFrom('', 'node-1', 'node-2'),
    schedulerName: fc.constantFrom('default-scheduler', 'other'),
    priority: fc.integer({ min: -3, max: 30 }),
    schedulingGates: fc.array(fc.record({ name }), { maxLength: 1 }),
    nodeSelector: labels,
    containers: fc.array(
      fc.record({ resources: fc.record({ requests }), ports: fc.array(fc.record({ hostPort: fc.nat(9) })) }),
      { maxLength: 2 },
    ),
    tolerations: fc.array(fc.record({ key: name, operator: fc.constantFrom('Exists', 'Equal') }), { maxLength: 2 }),
    affinity: fc.record({
      podAntiAffinity: fc.record({
        requiredDuringSchedulingIgnoredDuringExecution: fc.array(
          fc.record({ topologyKey: name, labelSelector: selector }),
          { maxLength: 1 },
        ),
      }),
    }),
    topologySpreadConstraints: fc.array(
      fc.record({
        whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'ScheduleAnyway'),
        topologyKey: name,
        maxSkew: fc.nat(3),
        labelSelector: selector,
      }),
      { maxLength: 1 },
    ),
    volumes: fc.array(
      fc.constantFrom(
        { emptyDir: {} },
        { persistentVolumeClaim: { claimName: 'data' } },
        { name: 'scratch', ephemeral: {} },
        { cinder: { volumeID: 'v' } },
      ),
      { maxLength: 2 },
    ),
    resourceClaims: fc.array(fc.record({ name, resourceClaimName: name }), { maxLength: 1 }),
  },
  { requiredKeys: [] },
);

const status = fc.record(
  {
    phase: fc.constantFrom('Pending', 'Running', 'Failed', 'Odd'),
    nominatedNodeName: fc.constantFrom('', 'node-1'),
    conditions: fc.constant([{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }]),
  },
  { requiredKeys: [] },
);

/** A pod; one in some has a part that no API server would let through. */
export const rawPods: fc.Arbitrary<Readonly<Record<string, unknown>>> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ metadata, spec, status }) },
  fc.record({ metadata, spec: fc.oneof(spec, junk), status: fc.oneof(status, junk) }),
);
