// Percentiles and memory, as the benchmarks report them.

/** Value at the share `q` of sorted times (nearest rank). */
export function percentile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function round(value: number, digits = 2): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

export function rssMiB(): number {
  return round(process.memoryUsage.rss() / 2 ** 20, 0);
}
