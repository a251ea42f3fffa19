// The Telemetry port on Prometheus metrics, the JSON log and the decision log.
// Decides how many series a cluster may have: its pools are named by a tenant, and memory is shared by all.
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Telemetry, TelemetryLabels } from '../controllers/ports.ts';
import { createDecisionLog, type DecisionListener } from './decision-log.ts';
import { createLogger, type LogFormat, type LogLevel, type LogWriter } from './logger.ts';
import { METRICS, type MetricDefinition } from './metric-catalog.ts';

/** Series of one metric for one cluster. 100 pools in 5 states fit. A hostile cluster costs at most 500 bytes (measured)
 *  times this per metric: 2 MiB for all gauges and counters. */
export const SERIES_PER_CLUSTER_MAX = 500;
/** A namespace (63), a slash and a name (253). */
const LABEL_LENGTH_MAX = 317;

const DROPPED = 'sluice_telemetry_dropped_total';

interface Family {
  readonly definition: MetricDefinition;
  readonly metric: Counter<string> | Gauge<string> | Histogram<string>;
  /** cluster → series key → labels. */
  readonly series: Map<string, Map<string, Record<string, string>>>;
}

export interface TelemetryOptions {
  readonly logLevel: LogLevel;
  /** Default: json. */
  readonly logFormat?: LogFormat;
  readonly logDestination?: 'stderr' | NodeJS.WritableStream;
  readonly decisions?: DecisionListener;
}

/** Telemetry with every metric of the catalogue. `metricsText` is the Prometheus text format, version 0.0.4. */
export function createTelemetry(options: TelemetryOptions): Telemetry & { metricsText(): Promise<string> } {
  const log = createLogger({
    level: options.logLevel,
    format: options.logFormat ?? 'json',
    destination: options.logDestination,
  });
  const decision = createDecisionLog({ log, listener: options.decisions });
  const registry = new Registry();
  addProcessMetrics(registry);
  const families = new Map(METRICS.map((definition) => [definition.name, makeFamily(registry, definition)]));
  const foreignLabels = new Set<string>();

  function series(
    name: string,
    labels: TelemetryLabels,
  ): { family: Family; labels: Record<string, string> } | undefined {
    const family = families.get(name);
    if (family === undefined) throw new Error(`the metric catalogue has no ${name}`);
    reportForeignLabels({ family, labels, seen: foreignLabels, log });
    const own = seriesLabels(family, labels);
    if (own === undefined) {
      const dropped = families.get(DROPPED)?.metric;
      if (dropped instanceof Counter) dropped.inc({ metric: name }, 1);
      return undefined;
    }
    return { family, labels: own };
  }

  return {
    count(name, labels, by = 1) {
      const found = series(name, labels);
      if (found === undefined) return;
      if (!(found.family.metric instanceof Counter)) throw new Error(`${name} is not a counter`);
      found.family.metric.inc(found.labels, by);
    },
    gauge(name, labels, value) {
      const found = series(name, labels);
      if (found === undefined) return;
      if (!(found.family.metric instanceof Gauge)) throw new Error(`${name} is not a gauge`);
      found.family.metric.set(found.labels, value);
    },
    observe(name, labels, seconds) {
      const found = series(name, labels);
      if (found === undefined) return;
      if (!(found.family.metric instanceof Histogram)) throw new Error(`${name} is not a histogram`);
      found.family.metric.observe(found.labels, seconds);
    },
    forget(labels) {
      for (const family of families.values()) forgetSeries(family, labels);
    },
    log: (level, message, fields) => log.write(level, message, fields),
    decision,
    metricsText: () => registry.metrics(),
  };
}

function makeFamily(registry: Registry, definition: MetricDefinition): Family {
  const { name, help } = definition;
  const configuration = { name, help, labelNames: [...definition.labels], registers: [registry] };
  const metric =
    definition.type === 'counter'
      ? new Counter<string>(configuration)
      : definition.type === 'gauge'
        ? new Gauge<string>(configuration)
        : new Histogram<string>({ ...configuration, buckets: [...(definition.buckets ?? [])] });
  return { definition, metric, series: new Map() };
}

/** Labels of the series in the order of the catalogue, absent ones empty; undefined when the cluster has too many. */
function seriesLabels(family: Family, labels: TelemetryLabels): Record<string, string> | undefined {
  const own: Record<string, string> = {};
  let key = '';
  for (const label of family.definition.labels) {
    const value = (labels[label] ?? '').slice(0, LABEL_LENGTH_MAX);
    own[label] = value;
    key += `${value}\u0000`;
  }
  const cluster = own['cluster'] ?? '';
  let known = family.series.get(cluster);
  if (known === undefined) {
    known = new Map();
    family.series.set(cluster, known);
  }
  const standing = known.get(key);
  if (standing !== undefined) return standing;
  if (known.size >= SERIES_PER_CLUSTER_MAX) return undefined;
  known.set(key, own);
  return own;
}

/** A label that the catalogue does not give a metric is a mistake in our code: said once, and the sample still counts. */
function reportForeignLabels(options: {
  readonly family: Family;
  readonly labels: TelemetryLabels;
  readonly seen: Set<string>;
  readonly log: LogWriter;
}): void {
  const { family, labels, seen, log } = options;
  for (const label in labels) {
    if (family.definition.labels.includes(label)) continue;
    const what = `${family.definition.name}{${label}}`;
    if (seen.has(what)) continue;
    seen.add(what);
    log.write('error', 'the metric catalogue does not give this metric this label', { metric: what });
  }
}

/** Drops the series whose labels are all those of `labels`. A metric without one of these labels is not concerned. */
function forgetSeries(family: Family, labels: TelemetryLabels): void {
  const wanted = Object.entries(labels);
  if (wanted.length === 0 || wanted.some(([label]) => !family.definition.labels.includes(label))) return;
  const { cluster } = labels;
  const groups = cluster === undefined ? [...family.series.keys()] : [cluster];
  for (const group of groups) {
    const known = family.series.get(group);
    for (const [key, own] of known ?? []) {
      if (wanted.some(([label, value]) => own[label] !== value)) continue;
      family.metric.remove(own);
      known?.delete(key);
    }
    if (known?.size === 0) family.series.delete(group);
  }
}

/** What every Prometheus target shows of its process. The library's default set is not used: it samples the event loop
 *  a hundred times a second, and an idle controller should sleep. */
function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const memory: Gauge = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers,
    collect: () => memory.set(process.memoryUsage.rss()),
  });
  const cpu: Counter = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent in seconds.',
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  const start = new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
    registers,
  });
  start.set(Math.round(performance.timeOrigin / 1000));
}
