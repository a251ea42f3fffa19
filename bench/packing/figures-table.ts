// The figures of several workloads as a table for people.
import type { WorkloadFigures } from './measure-workload.ts';

const COLUMNS: readonly (readonly [name: string, cell: (figures: WorkloadFigures) => string])[] = [
  ['input', (figures) => figures.input],
  ['mode', (figures) => figures.mode],
  ['decode ms', (figures) => ms(figures.decode_ms)],
  ['intern ms', (figures) => ms(figures.intern_ms)],
  ['first ms', (figures) => ms(figures.first_ms)],
  ['p50 ms', (figures) => ms(figures.p50_ms)],
  ['p99 ms', (figures) => ms(figures.p99_ms)],
  ['nodes', (figures) => String(figures.nodes)],
  ['cost/h', (figures) => figures.cost_per_hour.toFixed(2)],
  ['left', (figures) => String(figures.unplaced)],
  ['bound', (figures) => `${Number(figures.lower_bound.toFixed(2))} (${figures.lower_bound_kind})`],
  ['gap', (figures) => percent(figures.gap)],
  ['polished', (figures) => percent(figures.polished_gap)],
  ['rss MB', (figures) => String(figures.rss_mb)],
  ['verified', (figures) => (figures.verified ? 'yes' : 'NO')],
];

/** Columns as wide as their widest cell; numbers to the right. */
export function figuresTable(all: readonly WorkloadFigures[]): string {
  const rows = [COLUMNS.map(([name]) => name), ...all.map((figures) => COLUMNS.map(([, cell]) => cell(figures)))];
  const widths = COLUMNS.map((_column, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('');
}

function ms(value: number | null): string {
  return value === null ? '–' : value.toFixed(value < 10 ? 2 : 0);
}

function percent(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(2)} %`;
}
