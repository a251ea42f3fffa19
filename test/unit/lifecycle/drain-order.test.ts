import { describe, expect, it } from 'vitest';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { drainOrder, FORCED_GRACE_MS } from '../../../src/lifecycle/drain-order.ts';
import { makePod } from '../../fakes/fake-objects.ts';

const TIMEOUT_MS = 600_000;

function drain(pods: readonly PodObject[], options: { readonly elapsedMs?: number; readonly force?: boolean } = {}) {
  const round = drainOrder({
    pods,
    startedMs: 1000,
    nowMs: 1000 + (options.elapsedMs ?? 0),
    timeoutMs: TIMEOUT_MS,
    force: options.force ?? true,
  });
  if (round === 'empty') return 'empty';
  const names = (list: readonly PodObject[]) => list.map((pod) => pod.name);
  return {
    evict: names(round.evict),
    deletePastTimeout: names(round.deletePastTimeout),
    leaving: names(round.leaving),
  };
}

const daemon = makePod('proxy', { controller: { kind: 'DaemonSet', name: 'proxy', uid: 'ds' } });
const cases: readonly {
  readonly name: string;
  readonly pods: readonly PodObject[];
  readonly elapsedMs?: number;
  readonly force?: boolean;
  readonly want: ReturnType<typeof drain>;
}[] = [
  { name: 'a node without pods is empty', pods: [], want: 'empty' },
  {
    name: 'DaemonSet, mirror and finished pods do not keep a node',
    pods: [
      daemon,
      makePod('static', { mirror: true }),
      makePod('job', { phase: 'Succeeded' }),
      makePod('crash', { phase: 'Failed' }),
    ],
    want: 'empty',
  },
  {
    name: 'a pod without controller is evicted like any other',
    pods: [makePod('bare', { controller: undefined })],
    want: { evict: ['bare'], deletePastTimeout: [], leaving: [] },
  },
  {
    name: 'least important pods go first, then by name, whatever the order they came in',
    pods: [makePod('z'), makePod('critical', { priority: 1000 }), makePod('a'), makePod('low', { priority: -5 })],
    want: { evict: ['low', 'a', 'z', 'critical'], deletePastTimeout: [], leaving: [] },
  },
  {
    name: 'a pod that is on its way out is waited for',
    pods: [makePod('web', { deleting: true })],
    want: { evict: [], deletePastTimeout: [], leaving: ['web'] },
  },
  {
    name: 'a pod of unknown phase is evicted, not forgotten',
    pods: [makePod('lost', { phase: 'Unknown' })],
    want: { evict: ['lost'], deletePastTimeout: [], leaving: [] },
  },
  {
    name: 'just before the timeout budgets are still kept',
    pods: [makePod('web')],
    elapsedMs: TIMEOUT_MS - 1,
    want: { evict: ['web'], deletePastTimeout: [], leaving: [] },
  },
  {
    name: 'at the timeout with force pods are deleted',
    pods: [makePod('web')],
    elapsedMs: TIMEOUT_MS,
    want: { evict: [], deletePastTimeout: ['web'], leaving: [] },
  },
  {
    name: 'past the timeout without force eviction is asked for ever',
    pods: [makePod('web')],
    elapsedMs: 100 * TIMEOUT_MS,
    force: false,
    want: { evict: ['web'], deletePastTimeout: [], leaving: [] },
  },
  {
    name: 'a pod that does not end is left behind only after the forced grace',
    pods: [makePod('stuck', { deleting: true })],
    elapsedMs: TIMEOUT_MS + FORCED_GRACE_MS - 1,
    want: { evict: [], deletePastTimeout: [], leaving: ['stuck'] },
  },
  {
    name: 'after it the node counts as empty',
    pods: [makePod('stuck', { deleting: true })],
    elapsedMs: TIMEOUT_MS + FORCED_GRACE_MS,
    want: 'empty',
  },
  {
    name: 'without force a pod that does not end is waited for',
    pods: [makePod('stuck', { deleting: true })],
    elapsedMs: TIMEOUT_MS + FORCED_GRACE_MS,
    force: false,
    want: { evict: [], deletePastTimeout: [], leaving: ['stuck'] },
  },
];

describe('drainOrder', () => {
  it.each(cases)('$name', ({ pods, elapsedMs, force, want }) => {
    const options = { ...(elapsedMs === undefined ? {} : { elapsedMs }), ...(force === undefined ? {} : { force }) };
    expect(drain(pods, options)).toEqual(want);
    expect(drain(pods.toReversed(), options)).toEqual(want);
  });

  it('bounds a round', () => {
    const pods = Array.from({ length: 110 }, (_, index) => makePod(`web-${index}`));
    const round = drain(pods);
    expect(round === 'empty' ? 0 : round.evict.length).toBe(50);
  });
});
