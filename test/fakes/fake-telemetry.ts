// Remembers what was told, so that tests can look at it and search it for secrets.
import type { Telemetry, TelemetryLabels } from '../../src/controllers/ports.ts';

export interface TelemetryEntry {
  readonly kind: 'count' | 'gauge' | 'observe' | 'log' | 'decision';
  readonly name: string;
  readonly labels: TelemetryLabels;
  readonly value: unknown;
}

export class FakeTelemetry implements Telemetry {
  readonly entries: TelemetryEntry[] = [];

  count(metric: string, labels: TelemetryLabels, by = 1): void {
    this.entries.push({ kind: 'count', name: metric, labels, value: by });
  }

  gauge(metric: string, labels: TelemetryLabels, value: number): void {
    this.entries.push({ kind: 'gauge', name: metric, labels, value });
  }

  observe(metric: string, labels: TelemetryLabels, seconds: number): void {
    this.entries.push({ kind: 'observe', name: metric, labels, value: seconds });
  }

  forget(_labels: TelemetryLabels): void {}

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.entries.push({ kind: 'log', name: message, labels: { level }, value: fields });
  }

  decision(entry: Readonly<Record<string, unknown>>): void {
    this.entries.push({ kind: 'decision', name: '', labels: {}, value: entry });
  }

  /** Sum of a counter over all series whose labels include the given ones. */
  total(metric: string, labels: TelemetryLabels = {}): number {
    return this.entries
      .filter((entry) => entry.kind === 'count' && entry.name === metric && includes(entry.labels, labels))
      .reduce((sum, entry) => sum + Number(entry.value), 0);
  }

  /** Last value of a gauge. */
  last(metric: string, labels: TelemetryLabels = {}): number | undefined {
    const found = this.entries.findLast(
      (entry) => entry.kind === 'gauge' && entry.name === metric && includes(entry.labels, labels),
    );
    return found === undefined ? undefined : Number(found.value);
  }
}

function includes(labels: TelemetryLabels, wanted: TelemetryLabels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
