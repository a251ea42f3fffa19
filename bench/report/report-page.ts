// The report: what a reader wants to know first, then charts, then every figure. One HTML file that loads nothing.
import type { WorkloadFigures } from '../packing/measure-workload.ts';
import { dotChart, escape, markOf, type Mark, type Row } from './dot-chart.ts';
import type { Results } from './recorded-results.ts';
import { REPORT_STYLE } from './report-style.ts';
import { entryFor, readRivals, RIVALS, type RivalFigures } from './rivals.ts';

const BREAKS = 'the plan breaks a rule';

type Rivals = ReturnType<typeof readRivals>;

export function reportPage(results: Results): string {
  const { circumstances, figures } = results;
  const rivals = comparable(readRivals(), circumstances.types);
  const oneType = figures.filter(({ mode }) => mode === 'one-type');
  const mixed = figures.filter(({ mode }) => mode === 'mixed');
  const { machine, node, commit, measured, load } = circumstances;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: packing benchmark</title><style>${REPORT_STYLE}</style></head><body><main>
<h1>Packing benchmark</h1>
<p class="where">${escape(machine)} · Node ${escape(node)} · commit ${escape(commit)} · ${escape(measured)} · load ${load}</p>
${load > 1 ? '<p class="warning">Others used this machine while it was measured: the times are longer than they would be alone.</p>' : ''}
${legend(rivals)}
${oneType.length === 0 ? '' : overChart(oneType, rivals, { title: 'Nodes over the lower bound', unit: 'nodes' })}
${mixed.length === 0 ? '' : overChart(mixed, rivals, { title: 'Cost over the lower bound, several node types', unit: 'cost' })}
${timeChart(figures, rivals)}
<h2>All figures</h2>
${figuresTable(figures, rivals)}
<h2>Where the other figures come from</h2>
<ul>${RIVALS.map((rival) => sourceItem(rivals.sources[rival])).join('')}
<li>Bounds: the sharpest known for an input, where this repository's inputs have one (configuration LP, clique or per axis), else the one that the plan reports.</li></ul>
</main></body></html>
`;
}

/** What others paid compares only with the same node types. */
function comparable(rivals: Rivals, types: string | undefined): Rivals {
  if (types === rivals.mixedTypes) return rivals;
  const { bounds, bars } = rivals;
  return { ...rivals, mixed: {}, bounds: { ...bounds, mixed: {} }, bars: { ...bars, mixed: {} } };
}

function sourceItem(source: Rivals['sources']['ca']): string {
  return `<li><b>${escape(source.name)}</b>, ${escape(source.version)}: ${escape(source.how)}.</li>`;
}

function legend(rivals: Rivals): string {
  const items = [
    ['ours', 'Sluice, further decisions (p50)'],
    ['ours-first', 'Sluice, first decision with interning, cold'],
    ...RIVALS.map((rival) => [rival, rivals.sources[rival].name]),
  ];
  const cells = items.map(([series = '', name = '']) => {
    const mark = `<svg class="key" viewBox="0 0 16 16" aria-hidden="true">${markOf(series, { x: 8, y: 8 })}</svg>`;
    return `<span>${mark}${escape(name)}</span>`;
  });
  return `<p class="legend">${cells.join('')}</p>`;
}

function boundOf(one: WorkloadFigures, rivals: Rivals): number {
  return Math.max(one.lower_bound, entryFor(rivals.bounds[one.mode], one.input) ?? 0);
}

function valueOf(one: WorkloadFigures): number {
  return one.mode === 'one-type' ? one.nodes : one.cost_per_hour;
}

/** Share of our plan over the best bound; undefined: it breaks a rule or leaves pods out that a node could hold, so that
 *  nothing can be compared. */
function overOf(one: WorkloadFigures, rivals: Rivals): number | undefined {
  return one.gap === null || !one.verified ? undefined : valueOf(one) / boundOf(one, rivals) - 1;
}

function rivalOf(one: WorkloadFigures, rivals: Rivals, rival: (typeof RIVALS)[number]): RivalFigures | undefined {
  return entryFor(rivals[one.mode], one.input)?.[rival];
}

function overChart(
  figures: readonly WorkloadFigures[],
  rivals: Rivals,
  say: { readonly title: string; readonly unit: 'nodes' | 'cost' },
): string {
  const rows = figures.map((one): Row => {
    const bound = boundOf(one, rivals);
    const marks: Mark[] = [];
    const add = (series: string, name: string, value: number | undefined): void => {
      if (value === undefined) return;
      const over = (value / bound - 1) * 100;
      marks.push({ series, value: over, title: `${name}: ${value} over a bound of ${bound}, ${over.toFixed(2)} %` });
    };
    const over = overOf(one, rivals);
    if (over !== undefined) add('ours', 'Sluice', valueOf(one));
    for (const rival of RIVALS) {
      const theirs = rivalOf(one, rivals, rival);
      if (theirs?.left === undefined) add(rival, rivals.sources[rival].name, theirs?.[say.unit]);
    }
    const held = one.verified ? `${one.unplaced} pods left` : BREAKS;
    const note = over === undefined ? held : `${(over * 100).toFixed(2)} %, ${valueOf(one)}`;
    return { name: one.input, marks, note };
  });
  const axis = `${say.unit === 'nodes' ? 'nodes' : 'cost per hour'} over the lower bound (%); 0 cannot be beaten`;
  return `<h2>${escape(say.title)}</h2><p>Each line is an input; beside it our share over the bound and our ${say.unit === 'nodes' ? 'nodes' : 'cost per hour'}.</p>
${dotChart({ label: say.title, axis, scale: 'linear', rows, tick: (value) => `${Number(value.toFixed(2))}` })}`;
}

function timeChart(figures: readonly WorkloadFigures[], rivals: Rivals): string {
  const rows = figures.map((one): Row => {
    const cold = one.intern_ms + one.first_ms;
    const marks: Mark[] = [{ series: 'ours-first', value: cold, title: `interning and first decision: ${said(cold)}` }];
    // A wrong answer is not timed: null.
    if (one.p50_ms > 0)
      marks.unshift({ series: 'ours', value: one.p50_ms, title: `further decisions: ${said(one.p50_ms)}` });
    const times: string[] = [];
    for (const rival of RIVALS) {
      const theirs = rivalOf(one, rivals, rival);
      if (theirs === undefined) continue;
      const left = theirs.left === undefined ? '' : ', stopped before all pods had a node';
      marks.push({
        series: rival,
        value: theirs.seconds * 1000,
        title: `${rivals.sources[rival].name}: ${theirs.seconds} s${left}`,
      });
      if (rival === 'ca') times.push(`CA ${Number(((theirs.seconds * 1000) / cold).toPrecision(2))} ×`);
    }
    return {
      name: nameOf(one),
      marks,
      note: `${said(one.p50_ms > 0 ? one.p50_ms : cold)}  ${times.join('')}`,
    };
  });
  return `<h2>Time of a decision</h2><p>Like for like with the others, whose clock starts with pods in memory, is the ring: interning plus the
first, cold decision. Beside a line: our p50, and how many times as long as our ring Cluster Autoscaler takes. The machines are alike, not the same.</p>
${dotChart({ label: 'Time of a decision', axis: 'milliseconds, logarithmic', scale: 'log', rows, tick: said })}`;
}

function said(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

function figuresTable(figures: readonly WorkloadFigures[], rivals: Rivals): string {
  const head = [
    'input',
    'nodes',
    'cost/h',
    'left',
    'bound',
    'over',
    'polished',
    'intern ms',
    'first ms',
    'p50 ms',
    'p99 ms',
    'RSS MiB',
    'bar',
  ];
  const rows = figures.map((one) => {
    const over = overOf(one, rivals);
    const cells = [
      nameOf(one),
      one.nodes,
      one.cost_per_hour,
      one.unplaced,
      `${boundOf(one, rivals)}`,
      over === undefined ? '–' : `${(over * 100).toFixed(2)} %`,
      one.polished_gap === null ? '–' : `${(one.polished_gap * 100).toFixed(2)} %`,
      one.intern_ms,
      one.first_ms,
      one.p50_ms ?? '–',
      one.p99_ms ?? '–',
      one.rss_mb,
    ];
    return `<tr>${cells.map((cell) => `<td>${escape(String(cell))}</td>`).join('')}${barCell(one, rivals)}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr></thead><tbody>
${rows.join('\n')}</tbody></table></div>`;
}

function nameOf(one: WorkloadFigures): string {
  return one.mode === 'mixed' ? `${one.input} (mixed)` : one.input;
}

/** What the project asks of itself on this input, and whether this run met it. */
function barCell(one: WorkloadFigures, rivals: Rivals): string {
  const bar = entryFor(rivals.bars[one.mode], one.input);
  if (bar === undefined) return one.verified ? '<td>–</td>' : `<td class="missed">${BREAKS}</td>`;
  const missed: string[] = [];
  const over = overOf(one, rivals);
  if (!one.verified) missed.push(BREAKS);
  if (bar.nodes !== undefined && (over === undefined || one.nodes > bar.nodes)) missed.push(`nodes ≤ ${bar.nodes}`);
  if (bar.over !== undefined && (over === undefined || over > bar.over)) missed.push(`≤ ${bar.over * 100} % over`);
  if (bar.p99 !== undefined && !(one.p99_ms <= bar.p99)) missed.push(`p99 ≤ ${bar.p99} ms`);
  if (missed.length === 0) return '<td class="met">met</td>';
  return `<td class="missed">missed: ${escape(missed.join(', '))}</td>`;
}
