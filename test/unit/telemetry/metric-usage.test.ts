// The catalogue and the code that uses it: no metric that is not there, none that nobody writes.
import { describe, expect, it } from 'vitest';
import { METRIC_BY_NAME, METRICS } from '../../../src/telemetry/metric-catalog.ts';
import { sourceFiles } from '../../source/source-files.ts';

const sources = sourceFiles('src').filter(({ path }) => !path.endsWith('/metric-catalog.ts'));
const TYPE_OF_METHOD: Readonly<Record<string, string>> = { count: 'counter', gauge: 'gauge', observe: 'histogram' };

const uses = sources.flatMap(({ path, text }) =>
  [...text.matchAll(/\.(count|gauge|observe)\(\s*'(sluice_[a-z_]+)'/g)].map(([, method = '', name = '']) => ({
    path,
    name,
    type: TYPE_OF_METHOD[method],
  })),
);

describe('metrics in the code', () => {
  it('are all in the catalogue, with the type that they are used as', () => {
    const wrong = uses.filter(({ name, type }) => METRIC_BY_NAME.get(name)?.type !== type);
    expect(wrong).toEqual([]);
  });

  it('are all written somewhere', () => {
    const text = sources.map((source) => source.text).join('\n');
    const unused = METRICS.filter(({ name }) => !text.includes(`'${name}'`));
    expect(unused.map(({ name }) => name)).toEqual([]);
  });
});
