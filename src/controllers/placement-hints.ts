// Whether the pods of a plan are named to the scheduler (spec.autoscaler.placementHints), and what the operator is told of
// it. Needs Kubernetes 1.35, from which on the scheduler heeds status.nominatedNodeName of others by default
// (NominatedNodeNameForExpectation, KEP-5278), and patch on pods/status.
import type { ConditionInput, Reason } from '../api/conditions.ts';
import { TAINTS } from '../api/names.ts';
import type { NodeObject, Taint } from '../cluster/cluster-objects.ts';
import type { ClusterContext } from './cluster-context.ts';

export const PLACING_TAINT: Taint = { key: TAINTS.placing, value: '', effect: 'NoSchedule' };

const TYPE = 'PlacementHints';
const MINOR_NEEDED = 35;
const VERSION = /^v(\d+)\.(\d+)/;

export type HintsUse =
  | { readonly kind: 'off' }
  /** The server has not been asked yet. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'tooOld'; readonly version: string }
  | { readonly kind: 'on' };

/** What may be used, from the wish and from the server's version text such as v1.37.1. */
export function hintsUse(wanted: boolean, version: string | undefined): HintsUse {
  if (!wanted) return { kind: 'off' };
  if (version === undefined) return { kind: 'unknown' };
  const [, major, minor] = VERSION.exec(version) ?? [];
  const newEnough = Number(major) > 1 || (Number(major) === 1 && Number(minor) >= MINOR_NEEDED);
  return newEnough ? { kind: 'on' } : { kind: 'tooOld', version };
}

/** Is the taint of placing on this node? */
export function isPlacing(node: NodeObject): boolean {
  return node.taints.some(({ key, effect }) => key === PLACING_TAINT.key && effect === PLACING_TAINT.effect);
}

/** So long after a refusal nodes come without the taint; then the next one shows whether the right has been given. */
const FORBIDDEN_MS = 10 * 60_000;

/** Of one cluster: the wish, the server and the rights. */
export class PlacementHints {
  readonly #context: Pick<ClusterContext, 'cluster' | 'clock'>;
  readonly #version: () => string | undefined;
  #refusal: { readonly message: string; readonly untilMs: number } | undefined;

  /** `version`: what the server last said of itself. */
  constructor(context: Pick<ClusterContext, 'cluster' | 'clock'>, version: () => string | undefined) {
    this.#context = context;
    this.#version = version;
  }

  use(): HintsUse {
    return hintsUse(this.#context.cluster().spec.autoscaler?.placementHints === true, this.#version());
  }

  /** Do new nodes register with the taint? Not while the right to write hints is missing: they would wait for nothing. */
  taintsNewNodes(): boolean {
    return this.use().kind === 'on' && (this.#refusal?.untilMs ?? 0) <= this.#context.clock.monotonicMs();
  }

  /** What the server said when a hint was refused for want of a right; undefined: one was written. */
  noteForbidden(message: string | undefined): void {
    const untilMs = this.#context.clock.monotonicMs() + FORBIDDEN_MS;
    this.#refusal = message === undefined ? undefined : { message, untilMs };
  }

  /** undefined: neither wanted nor ever spoken of, or not known yet. */
  condition(): ConditionInput | undefined {
    const use = this.use();
    if (use.kind === 'unknown' || (use.kind === 'off' && !this.#wasSpokenOf())) return undefined;
    if (use.kind === 'off') return notUsed('NotUsed', 'spec.autoscaler.placementHints is not true.');
    if (use.kind === 'tooOld') {
      return notUsed(
        'ServerTooOld',
        `Nodes are not named to the scheduler: it heeds that from Kubernetes 1.${MINOR_NEEDED} on, ` +
          `and the workload cluster is ${use.version}. Pods are placed as its scheduler likes.`,
      );
    }
    if (this.#refusal !== undefined) {
      return notUsed(
        'Forbidden',
        `Nodes cannot be named to the scheduler: ${this.#refusal.message}. Upgrade the workload chart there with ` +
          'placementHints=true, or switch spec.autoscaler.placementHints off.',
      );
    }
    return { type: TYPE, status: 'True', reason: 'InUse', message: 'Planned nodes are named to the scheduler.' };
  }

  #wasSpokenOf(): boolean {
    return this.#context.cluster().status?.conditions?.some(({ type }) => type === TYPE) === true;
  }
}

function notUsed(reason: Reason, message: string): ConditionInput {
  return { type: TYPE, status: 'False', reason, message };
}
