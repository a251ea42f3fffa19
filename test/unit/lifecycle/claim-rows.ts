// Moments in a claim's life, for tables: a row gives the status and the facts, and says what has to happen next.
// Facts that a row does not give were not looked at.
import { describe, expect, it } from 'vitest';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import type { NodeClaim, NodeClaimStatus } from '../../../src/api/node-claim.ts';
import { advanceClaim } from '../../../src/lifecycle/advance-claim.ts';
import type { ClaimFacts, Fact, ObservedServer } from '../../../src/lifecycle/claim-facts.ts';
import type { ClaimStep } from '../../../src/lifecycle/claim-step.ts';
import { FAKE_EPOCH_MS } from '../../fakes/fake-clock.ts';
import { CLUSTER_UID, makeClaim, makeNode, POOL_UID } from '../../fakes/fake-objects.ts';

export const SERVER_ID = '00000000-0000-4000-8000-000000000001';
export const OTHER_ID = '00000000-0000-4000-8000-000000000002';
export const NAME = 'web-node-abcdef';
export const CLAIM_UID = 'claim-uid-000001';

export const known = <T>(value: T): Fact<T> => ({ known: true, value });
export const unknown: Fact<never> = { known: false, why: 'no answer' };
export const at = (ms: number): string => new Date(FAKE_EPOCH_MS + ms).toISOString();

export function server(parts: Partial<ObservedServer> = {}): ObservedServer {
  return {
    id: SERVER_ID,
    status: 'ACTIVE',
    taskState: '',
    projectId: 'project-1',
    createdMs: FAKE_EPOCH_MS + 1000,
    metadata: new Map([
      [SERVER_METADATA.cluster, CLUSTER_UID],
      [SERVER_METADATA.pool, POOL_UID],
      [SERVER_METADATA.claim, CLAIM_UID],
    ]),
    addresses: ['10.0.0.9'],
    fault: undefined,
    ...parts,
  };
}

export const withMark = (key: string, value: string) =>
  server({ metadata: new Map([...server().metadata, [key, value]]) });
export const node = (parts = {}) =>
  makeNode(NAME, { providerId: `openstack:///${SERVER_ID}`, uid: 'node-1', ...parts });
export const drainingNode = node({
  unschedulable: true,
  taints: [{ key: 'sluice.dev/draining', value: '', effect: 'NoSchedule' }],
});
export const free = { id: 'port-1', deviceId: '' };
export const bound = { id: 'port-1', deviceId: SERVER_ID };

export interface Row {
  readonly name: string;
  readonly status?: NodeClaimStatus;
  readonly metadata?: Partial<NodeClaim['metadata']>;
  readonly spec?: Partial<NodeClaim['spec']>;
  readonly facts?: ClaimFacts;
  /** After the claim was created. */
  readonly afterMs?: number;
  readonly frozen?: string;
  readonly want: Partial<ClaimStep> & Pick<ClaimStep, 'kind'>;
}

export function next(row: Row): ClaimStep {
  const claim = makeClaim(NAME, {
    ...(row.status === undefined ? {} : { status: row.status }),
    ...(row.metadata === undefined ? {} : { metadata: row.metadata }),
    ...(row.spec === undefined ? {} : { spec: row.spec }),
  });
  return advanceClaim({
    claim,
    facts: row.facts ?? {},
    nowMs: FAKE_EPOCH_MS + (row.afterMs ?? 2000),
    epoch: 7,
    frozen: row.frozen,
  });
}

export function describeRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    it.each(rows)('$name', (row) => expect(next(row)).toMatchObject(row.want));
  });
}

export const portReady: NodeClaimStatus = { phase: 'PortReady', portId: 'port-1' };
export const ports = known([free]);
export const noServers = known([]);
export const attempted: NodeClaimStatus = { ...portReady, phase: 'Unknown', createAttemptedAt: at(1000) };
export const building: NodeClaimStatus = { ...attempted, phase: 'Building', serverId: SERVER_ID };
export const booting: NodeClaimStatus = { ...building, phase: 'Booting' };
export const registered: NodeClaimStatus = {
  ...booting,
  phase: 'Registered',
  nodeName: NAME,
  nodeUid: 'node-1',
  registeredAt: at(2000),
};
export const up = known(server());
export const ready: NodeClaimStatus = { ...registered, phase: 'Ready', readyAt: at(3000) };
