import { describe, expect, it } from 'vitest';
import { applyConditions } from '../../../src/api/conditions.ts';
import { claimName, formatProviderId, parseProviderId } from '../../../src/api/names.ts';

const id = '0b7d0f4e-3b1c-4c55-9f2d-0a1b2c3d4e5f';

describe('provider ids', () => {
  const rows: readonly { text: string; want: string | undefined }[] = [
    { text: formatProviderId(id), want: id },
    { text: `openstack://region/${id}`, want: id },
    { text: `openstack:///region/${id}`, want: id },
    { text: `openstack:///${id.toUpperCase()}`, want: id },
    { text: `aws:///zone/${id}`, want: undefined },
    { text: 'openstack:///', want: undefined },
    { text: 'openstack:///not-a-server', want: undefined },
    { text: `openstack:///a/b/${id}`, want: undefined },
    { text: '', want: undefined },
  ];
  it.each(rows)('$text', ({ text, want }) => {
    expect(parseProviderId(text)).toBe(want);
  });
});

describe('claim names', () => {
  it('are what OVH calls nodes', () => {
    expect(claimName('web', '0a1b2c')).toBe('web-node-0a1b2c');
  });
});

describe('applyConditions', () => {
  const nowMs = Date.UTC(2026, 10, 21, 8);
  const ready = { type: 'Ready', status: 'True', reason: 'AsDesired', message: 'as wished' } as const;

  it('moves the transition time only when the status changes', () => {
    const [first] = applyConditions([], [ready], { nowMs });
    const [same] = applyConditions([first!], [{ ...ready, reason: 'ScalingUp' }], { nowMs: nowMs + 60_000 });
    expect(same).toMatchObject({ reason: 'ScalingUp', lastTransitionTime: '2026-11-21T08:00:00Z' });
    const [other] = applyConditions([first!], [{ ...ready, status: 'False' }], { nowMs: nowMs + 60_000 });
    expect(other?.lastTransitionTime).toBe('2026-11-21T08:01:00Z');
  });

  it('keeps conditions of others behind ours and cuts long messages', () => {
    const foreign = { ...ready, type: 'Theirs', lastTransitionTime: '2020-01-01T00:00:00Z' };
    const written = applyConditions([foreign], [{ ...ready, message: 'x'.repeat(5000) }], { nowMs, generation: 4 });
    expect(written.map((condition) => condition.type)).toEqual(['Ready', 'Theirs']);
    expect(written[0]?.message).toHaveLength(1024);
    expect(written[0]?.observedGeneration).toBe(4);
  });
});
