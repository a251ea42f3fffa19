// One request budget, and one book of what is held of its quota, per OpenStack project for all clusters of this process
// that draw on it, each in a lane of its own: the cloud counts by project, and at OVH one project may carry twenty clusters.
import type { CloudConfig } from './client/clouds.ts';
import type { QuotaHolds } from '../controllers/ports.ts';
import {
  type ClientClock,
  type LaneListener,
  REQUEST_BUDGET,
  RequestBudget,
  type RequestLane,
} from './client/request-budget.ts';
import { ProjectHolds } from './quota-holds.ts';

export interface BudgetLease {
  readonly lane: RequestLane;
  readonly quotaHolds: QuotaHolds;
  /** To be called when the session ends: what waits in its lane is refused; the last one drops the budget. */
  release(): void;
}

export interface BudgetDependencies {
  readonly clock: ClientClock;
  readonly listener?: LaneListener;
  /** What the cloud of this process allows; bursts are twice that. Absent: what OVH's does. */
  readonly requestsPerSecond?: number | undefined;
}

export class ProjectBudgets {
  readonly #held = new Map<string, { readonly budget: RequestBudget; readonly holds: ProjectHolds; users: number }>();

  /** A lane in the budget of this project, which is made at its first use. */
  take(project: ProjectAddress, deps: BudgetDependencies): BudgetLease {
    const key = projectKey(project);
    const held = this.#held.get(key) ?? {
      budget: new RequestBudget(deps.clock, limitsFor(deps.requestsPerSecond)),
      holds: new ProjectHolds(deps.clock),
      users: 0,
    };
    held.users += 1;
    this.#held.set(key, held);
    const lane = held.budget.lane(deps.listener);
    const quotaHolds = held.holds.open();
    let released = false;
    return {
      lane,
      quotaHolds,
      release: () => {
        if (released) return;
        released = true;
        lane.close();
        quotaHolds.close();
        held.users -= 1;
        if (held.users === 0) this.#held.delete(key);
      },
    };
  }
}

function limitsFor(perSecond: number = REQUEST_BUDGET.perSecond): typeof REQUEST_BUDGET {
  return { ...REQUEST_BUDGET, perSecond, burst: 2 * perSecond };
}

export interface ProjectAddress {
  readonly config: Pick<
    CloudConfig,
    'authUrl' | 'interface' | 'endpointOverrides' | 'services' | 'verify' | 'caCert' | 'clientCert'
  >;
  readonly region: string;
  readonly id: string;
}

/** A project at an address. The endpoints and whom we trust to be them belong to it: whoever overrides an endpoint answers
 *  for it, and a 429 or a dead service there must not stop another cluster's requests to the true one. */
export function projectKey({ config, region, id }: ProjectAddress): string {
  const { authUrl, interface: face, endpointOverrides, services, verify, caCert, clientCert } = config;
  const overrides = [...endpointOverrides].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([authUrl, region, id, face, overrides, [...(services ?? [])], verify, caCert, clientCert]);
}

/** The cloud's limit holds for the process, not for a session, so there is one of these in it. */
export const processBudgets = new ProjectBudgets();
