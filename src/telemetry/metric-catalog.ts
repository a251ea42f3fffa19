// Every metric of Sluice as data: name, type, labels, help. docs/reference/metrics.md is made from it, and a test
// fails when they differ. `cluster` is "<namespace>/<name>" of a WorkloadCluster. Units are in the name.
// Values of the labels come from closed lists, except cluster, pool and resource; their number is capped where series
// are made (prometheus-telemetry.ts), because pools are named by tenants.

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds in seconds; histograms only. */
  readonly buckets?: readonly number[];
}

/** Computing and API calls: the goals are 100 ms for a decision and a few seconds for a cloud call. */
const FAST = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Servers boot in minutes, GPU flavors in more than an hour; drains end by default after 10 minutes. */
const SLOW = [5, 15, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600, 7200];

function counter(name: string, labels: readonly string[], help: string): MetricDefinition {
  return { name, type: 'counter', labels, help };
}

function gauge(name: string, labels: readonly string[], help: string): MetricDefinition {
  return { name, type: 'gauge', labels, help };
}

function histogram(
  name: string,
  options: { readonly labels: readonly string[]; readonly buckets: readonly number[] },
  help: string,
): MetricDefinition {
  return { name, type: 'histogram', labels: options.labels, help, buckets: options.buckets };
}

export const METRICS: readonly MetricDefinition[] = [
  histogram(
    'sluice_loop_duration_seconds',
    { labels: ['cluster'], buckets: FAST },
    'One round of the autoscaler loop, from observing to reporting.',
  ),
  histogram(
    'sluice_stage_duration_seconds',
    { labels: ['cluster', 'stage'], buckets: FAST },
    'One stage of that round.',
  ),
  counter('sluice_plans_total', ['cluster', 'outcome'], 'Plans made, by what became of them.'),
  counter('sluice_plan_steps_total', ['cluster', 'kind'], 'Steps carried out, by kind.'),
  counter(
    'sluice_plan_findings_total',
    ['cluster', 'kind'],
    'What the plan checker found; a fatal one stops the steps of its pool, or the plan.',
  ),
  gauge('sluice_pending_pods', ['cluster', 'outcome'], 'Pending pods, by where the last plan puts them.'),
  gauge('sluice_nodepool_nodes', ['cluster', 'pool', 'state'], 'Nodes of a pool, by state.'),
  gauge('sluice_nodepool_size', ['cluster', 'pool', 'bound'], 'Wanted size of a pool and its bounds.'),
  gauge('sluice_nodepool_cost_per_hour', ['cluster', 'pool'], 'Price of the nodes of a pool; relative without prices.'),
  gauge('sluice_cluster_cost_per_hour', ['cluster'], 'Price of all nodes of a cluster; relative without prices.'),
  gauge('sluice_cost_over_lower_bound', ['cluster'], 'Price of the last new nodes over the proven need; 0.02 = 2 %.'),
  counter('sluice_polishes_total', ['cluster', 'outcome'], 'Plans that a thread looked for better answers to.'),
  counter('sluice_placement_hints_total', ['cluster', 'outcome'], 'Nodes named to pods: written, changed or failed.'),
  counter(
    'sluice_placing_taints_lifted_total',
    ['cluster', 'why'],
    'Nodes opened to pods: placed, or not placed by the deadline, or hints are notUsed.',
  ),
  gauge('sluice_claims', ['cluster', 'phase'], 'Node claims, by phase.'),
  counter('sluice_claim_transitions_total', ['cluster', 'phase'], 'Changes of phase, by the phase entered.'),
  histogram(
    'sluice_claim_ready_seconds',
    { labels: ['cluster', 'pool'], buckets: SLOW },
    'From the creation of a claim to its node being ready.',
  ),
  counter('sluice_claim_failures_total', ['cluster', 'code'], 'Claims that failed, by fault.'),
  counter('sluice_evictions_total', ['cluster', 'outcome'], 'Eviction requests, by answer.'),
  histogram(
    'sluice_drain_duration_seconds',
    { labels: ['cluster'], buckets: SLOW },
    'From the start of a drain to the last pod being gone.',
  ),
  gauge(
    'sluice_orphans',
    ['cluster', 'kind'],
    'Servers, ports, floating IPs and server groups of ours that nobody accounts for, removed or not.',
  ),
  counter('sluice_orphans_total', ['cluster', 'kind'], 'The same, as far as they were removed.'),
  gauge('sluice_cluster_frozen', ['cluster'], '1 while nothing may be removed; the condition says why.'),
  gauge('sluice_cluster_up', ['cluster'], '1 while the API of the workload cluster and its cloud answer.'),
  gauge('sluice_clusters', [], 'Workload clusters that this process has a session for.'),
  gauge('sluice_lease_held', ['cluster'], '1 while this replica leads the cluster.'),
  counter('sluice_events_total', ['cluster', 'reason'], 'Kubernetes events recorded.'),
  counter('sluice_watch_events_total', ['cluster', 'resource'], 'Changes received by list-watches.'),
  counter('sluice_watch_relists_total', ['cluster', 'resource', 'reason'], 'Lists taken again, by cause.'),
  gauge('sluice_watch_objects', ['cluster', 'resource'], 'Objects in a store.'),
  counter('sluice_unparsable_objects_total', ['cluster', 'resource'], 'Versions of objects that could not be read.'),
  gauge('sluice_watch_doubtful_objects', ['cluster', 'resource'], 'Objects whose newest version could not be read.'),
  counter(
    'sluice_api_requests_total',
    ['cluster', 'service', 'operation', 'outcome'],
    'Calls through a port, by outcome: ok or the code of the fault.',
  ),
  histogram(
    'sluice_api_request_duration_seconds',
    { labels: ['cluster', 'service', 'operation'], buckets: FAST },
    'Duration of these calls, retries of the adapter included.',
  ),
  counter(
    'sluice_openstack_requests_total',
    ['cluster', 'service', 'method', 'outcome'],
    'HTTP requests to OpenStack, by outcome: ok, refused, throttled (429), failed (5xx) or noAnswer.',
  ),
  histogram(
    'sluice_openstack_wait_seconds',
    { labels: ['cluster', 'service'], buckets: FAST },
    "How long a request waited for its turn in the project's budget.",
  ),
  counter(
    'sluice_openstack_not_sent_total',
    ['cluster', 'service', 'why'],
    'Requests that were never sent: full, paused (429), late, broken or cancelled.',
  ),
  gauge(
    'sluice_openstack_breaker_open',
    ['cluster', 'service'],
    '1 while a service of the project keeps failing and is left alone but for a probe.',
  ),
  gauge('sluice_work_queue_depth', ['cluster', 'queue'], 'Keys that wait to be reconciled.'),
  counter('sluice_work_queue_retries_total', ['cluster', 'queue'], 'Keys put back after a fault.'),
  counter('sluice_telemetry_dropped_total', ['metric'], 'Samples dropped because a cluster has too many series.'),
];

/** By name. */
export const METRIC_BY_NAME: ReadonlyMap<string, MetricDefinition> = new Map(
  METRICS.map((metric) => [metric.name, metric]),
);
