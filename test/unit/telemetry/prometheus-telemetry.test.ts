import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { METRIC_BY_NAME, METRICS } from '../../../src/telemetry/metric-catalog.ts';
import { createTelemetry, SERIES_PER_CLUSTER_MAX } from '../../../src/telemetry/prometheus-telemetry.ts';

/** Telemetry whose log is kept as parsed lines. */
function telemetryWithLog(logLevel: 'debug' | 'info' | 'silent' = 'info', logFormat: 'json' | 'text' = 'json') {
  let text = '';
  const logDestination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const decisions: Readonly<Record<string, unknown>>[] = [];
  const telemetry = createTelemetry({
    logLevel,
    logFormat,
    logDestination,
    decisions: (entry) => void decisions.push(entry),
  });
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Record<string, unknown> => JSON.parse(line));
  return { telemetry, decisions, lines, text: () => text };
}

describe('the metric catalogue', () => {
  it('has no name twice', () => {
    expect(METRIC_BY_NAME.size).toBe(METRICS.length);
  });

  it.each(METRICS)('$name says its type and unit in its name', ({ name, type, buckets }) => {
    expect(name).toMatch(/^sluice_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(buckets !== undefined).toBe(type === 'histogram');
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
  });
});

describe('createTelemetry', () => {
  it('shows counters, gauges and histograms in the text format', async () => {
    const { telemetry } = telemetryWithLog();
    telemetry.count('sluice_plans_total', { cluster: 'a/b', outcome: 'done' });
    telemetry.count('sluice_plans_total', { cluster: 'a/b', outcome: 'done' }, 2);
    telemetry.gauge('sluice_clusters', {}, 7);
    telemetry.observe('sluice_loop_duration_seconds', { cluster: 'a/b' }, 0.2);
    const text = await telemetry.metricsText();
    expect(text).toContain('sluice_plans_total{cluster="a/b",outcome="done"} 3');
    expect(text).toContain('sluice_clusters 7');
    expect(text).toContain('sluice_loop_duration_seconds_bucket{le="0.25",cluster="a/b"} 1');
    expect(text).toContain('sluice_loop_duration_seconds_bucket{le="0.1",cluster="a/b"} 0');
    expect(text).toMatch(/process_resident_memory_bytes [1-9]/);
  });

  it('throws for a name that is not in the catalogue and for the wrong type', () => {
    const { telemetry } = telemetryWithLog();
    expect(() => telemetry.count('sluice_typo_total', {})).toThrow('sluice_typo_total');
    expect(() => telemetry.gauge('sluice_plans_total', { cluster: 'a/b', outcome: 'x' }, 1)).toThrow('not a gauge');
  });

  it('forgets every series of a cluster and keeps the others', async () => {
    const { telemetry } = telemetryWithLog();
    for (const cluster of ['a/one', 'a/two']) {
      telemetry.gauge('sluice_claims', { cluster, phase: 'Ready' }, 1);
      telemetry.count('sluice_plans_total', { cluster, outcome: 'done' });
      telemetry.observe('sluice_loop_duration_seconds', { cluster }, 1);
    }
    telemetry.forget({ cluster: 'a/one' });
    const text = await telemetry.metricsText();
    expect(text).not.toContain('a/one');
    expect(text).toContain('sluice_claims{cluster="a/two",phase="Ready"} 1');
  });

  it('forgets one pool of a cluster', async () => {
    const { telemetry } = telemetryWithLog();
    for (const pool of ['web', 'gpu'])
      telemetry.gauge('sluice_nodepool_nodes', { cluster: 'a/b', pool, state: 'ready' }, 1);
    telemetry.forget({ cluster: 'a/b', pool: 'web' });
    const text = await telemetry.metricsText();
    expect(text).not.toContain('pool="web"');
    expect(text).toContain('pool="gpu"');
  });

  it('caps the series of one cluster, says so, and leaves other clusters alone', async () => {
    const { telemetry } = telemetryWithLog();
    for (let pool = 0; pool < SERIES_PER_CLUSTER_MAX + 50; pool += 1)
      telemetry.gauge('sluice_nodepool_cost_per_hour', { cluster: 'evil/one', pool: `p${pool}` }, 1);
    telemetry.gauge('sluice_nodepool_cost_per_hour', { cluster: 'good/one', pool: 'web' }, 1);
    const text = await telemetry.metricsText();
    expect(text.match(/cluster="evil\/one"/g)).toHaveLength(SERIES_PER_CLUSTER_MAX);
    expect(text).toContain('cluster="good/one"');
    expect(text).toContain('sluice_telemetry_dropped_total{metric="sluice_nodepool_cost_per_hour"} 50');
  });

  it('makes room again when series are forgotten', async () => {
    const { telemetry } = telemetryWithLog();
    const gauge = (pool: string) => telemetry.gauge('sluice_nodepool_cost_per_hour', { cluster: 'a/b', pool }, 1);
    for (let pool = 0; pool < SERIES_PER_CLUSTER_MAX; pool += 1) gauge(`p${pool}`);
    telemetry.forget({ cluster: 'a/b', pool: 'p0' });
    gauge('new');
    expect(await telemetry.metricsText()).toContain('pool="new"');
  });

  it('reports a label that the metric does not have once, and still counts', async () => {
    const { telemetry, lines } = telemetryWithLog();
    for (let time = 0; time < 3; time += 1)
      telemetry.count('sluice_events_total', { cluster: 'a/b', reason: 'R', x: '1' });
    expect(await telemetry.metricsText()).toContain('sluice_events_total{cluster="a/b",reason="R"} 3');
    expect(lines()).toMatchObject([{ level: 'error', metric: 'sluice_events_total{x}' }]);
  });

  it('logs JSON lines at or above the level, without secrets', () => {
    const { telemetry, lines } = telemetryWithLog();
    telemetry.log('debug', 'not shown');
    telemetry.log('warn', 'login with password=hunter22 failed', { token: 'hunter22', pool: 'web', message: 'own' });
    expect(lines()).toMatchObject([{ level: 'warn', pool: 'web', token: '[redacted]', message: 'own' }]);
    expect(JSON.stringify(lines())).not.toContain('hunter22');
    expect(lines()[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('gives a decision to the listener and to the log, both without secrets', () => {
    const { telemetry, decisions, lines } = telemetryWithLog();
    telemetry.decision({ kind: 'createClaim', pool: 'web', userData: '#cloud-config' });
    const want = { kind: 'createClaim', pool: 'web', userData: '[redacted]' };
    expect(decisions).toEqual([want]);
    expect(lines()).toMatchObject([{ msg: 'decision', decision: want }]);
  });

  it('writes lines for people when asked, redacted all the same', () => {
    const { telemetry, text } = telemetryWithLog('info', 'text');
    telemetry.log('warn', 'not reached', { cluster: 'a/b', error: 'timed out', failures: 2, password: 'hunter2' });
    expect(text()).toMatch(
      /^\S+Z warn  not reached cluster=a\/b error="timed out" failures=2 password=\[redacted\]\n$/,
    );
  });

  it('outlives a listener that throws', () => {
    let text = '';
    const logDestination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    });
    const telemetry = createTelemetry({
      logLevel: 'info',
      logDestination,
      decisions: () => {
        throw new Error('broken pipe');
      },
    });
    telemetry.decision({ kind: 'x' });
    expect(text).toContain('broken pipe');
  });
});
