// A chart of rows with a mark per series on one axis, as SVG text: linear from 0 or logarithmic. Colours and fonts are
// classes of the page, so that it follows light and dark. Marks differ in shape too, for those who see no colours.

export interface Mark {
  readonly series: string;
  readonly value: number;
  /** Told when the mark is pointed at. */
  readonly title: string;
}

export interface Row {
  readonly name: string;
  readonly marks: readonly Mark[];
  /** Beside the plot, right of it. */
  readonly note: string;
}

export interface DotChart {
  readonly label: string;
  readonly axis: string;
  readonly scale: 'linear' | 'log';
  readonly rows: readonly Row[];
  readonly tick: (value: number) => string;
}

export type Shape = 'dot' | 'ring' | 'square' | 'triangle';
/** Series → its mark, and how far off the middle of its row, so that equal values are all seen. */
export const SHAPES: Readonly<Record<string, { readonly shape: Shape; readonly lane: number }>> = {
  ours: { shape: 'dot', lane: 0 },
  'ours-first': { shape: 'ring', lane: 0 },
  ca: { shape: 'square', lane: -7 },
  karpenter: { shape: 'triangle', lane: 8 },
};

const WIDTH = 1000;
const LEFT = 190;
const RIGHT = 190;
const TOP = 12;
const ROW = 32;
const BOTTOM = 48;
const RADIUS = 5.5;
const TICKS = 6;

export function dotChart(chart: DotChart): string {
  const height = TOP + chart.rows.length * ROW + BOTTOM;
  const values = chart.rows.flatMap((row) => row.marks.map((mark) => mark.value));
  const ticks = chart.scale === 'log' ? decades(values) : steps(Math.max(...values, 0));
  const x = scaleOf(chart.scale, ticks);
  const bottom = height - BOTTOM;
  const grid = ticks.map((value) => {
    const at = x(value).toFixed(1);
    return `<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${bottom}"/>
<text class="tick" x="${at}" y="${bottom + 16}" text-anchor="middle">${escape(chart.tick(value))}</text>`;
  });
  const rows = chart.rows.map((row, index) => rowOf(row, { y: TOP + (index + 0.5) * ROW, x }));
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(chart.label)}">
${grid.join('\n')}
${rows.join('\n')}
<text class="axis" x="${middle}" y="${height - 10}" text-anchor="middle">${escape(chart.axis)}</text>
</svg>`;
}

/** The mark of a series alone, for legends. */
export function markOf(
  series: string,
  at: { readonly x: number; readonly y: number; readonly title?: string },
): string {
  const { x, y } = at;
  const title = at.title === undefined ? '' : `<title>${escape(at.title)}</title>`;
  const name = `mark ${series}`;
  switch (SHAPES[series]?.shape ?? 'dot') {
    case 'square':
      return `<rect class="${name}" x="${x - 4.5}" y="${y - 4.5}" width="9" height="9">${title}</rect>`;
    case 'triangle':
      return `<path class="${name}" d="M${x} ${y - 5}l5.5 9.5h-11z">${title}</path>`;
    case 'ring':
    case 'dot':
    default:
      return `<circle class="${name}" cx="${x}" cy="${y}" r="${RADIUS}">${title}</circle>`;
  }
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function rowOf(row: Row, at: { readonly y: number; readonly x: (value: number) => number }): string {
  const { y, x } = at;
  // Ours last, on top of marks at the same place.
  const marks = row.marks.toReversed().map(({ series, value, title }) => {
    return markOf(series, { x: Number(x(value).toFixed(1)), y: y + (SHAPES[series]?.lane ?? 0), title });
  });
  return `<line class="row" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>
<text class="name" x="${LEFT - 14}" y="${y + 4}" text-anchor="end">${escape(row.name)}</text>
${marks.join('')}
<text class="note" x="${WIDTH - RIGHT + 14}" y="${y + 4}">${escape(row.note)}</text>`;
}

function scaleOf(scale: DotChart['scale'], ticks: readonly number[]): (value: number) => number {
  const place = scale === 'log' ? Math.log10 : (value: number) => value;
  const from = place(ticks[0] ?? 0);
  const to = place(ticks.at(-1) ?? 1);
  return (value) => LEFT + ((place(value) - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
}

function decades(values: readonly number[]): readonly number[] {
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...positive, 1)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...positive, 1))));
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
}

/** Round steps from 0 that reach `most`. */
function steps(most: number): readonly number[] {
  const rough = Math.max(most, 0.01) / (TICKS - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const count = Math.ceil(Math.max(most, 0.01) / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}
