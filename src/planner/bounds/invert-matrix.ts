// Inverse of a dense square matrix by Gauss and Jordan, with exchange of rows.

/** A pivot below it is taken for zero. */
export const PIVOT_MIN = 1e-9;

/** Inverse of `matrix` (n × n, destroyed) into `out`; false and `out` untouched when it is singular. */
export function invertInto(matrix: Float64Array, out: Float64Array, n: number): boolean {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
  for (let step = 0; step < n; step++) {
    let pivot = step;
    for (let row = step + 1; row < n; row++) {
      if (Math.abs(matrix[row * n + step] ?? 0) > Math.abs(matrix[pivot * n + step] ?? 0)) pivot = row;
    }
    if (Math.abs(matrix[pivot * n + step] ?? 0) < PIVOT_MIN) return false;
    swapRows(matrix, n, pivot, step);
    swapRows(inverse, n, pivot, step);
    const scale = 1 / (matrix[step * n + step] ?? 1);
    for (let k = 0; k < n; k++) {
      matrix[step * n + k] = (matrix[step * n + k] ?? 0) * scale;
      inverse[step * n + k] = (inverse[step * n + k] ?? 0) * scale;
    }
    for (let row = 0; row < n; row++) {
      const factor = matrix[row * n + step] ?? 0;
      if (row === step || factor === 0) continue;
      for (let k = step; k < n; k++)
        matrix[row * n + k] = (matrix[row * n + k] ?? 0) - factor * (matrix[step * n + k] ?? 0);
      for (let k = 0; k < n; k++)
        inverse[row * n + k] = (inverse[row * n + k] ?? 0) - factor * (inverse[step * n + k] ?? 0);
    }
  }
  out.set(inverse);
  return true;
}

function swapRows(matrix: Float64Array, n: number, one: number, other: number): void {
  if (one === other) return;
  for (let k = 0; k < n; k++) {
    const kept = matrix[one * n + k] ?? 0;
    matrix[one * n + k] = matrix[other * n + k] ?? 0;
    matrix[other * n + k] = kept;
  }
}
