// One request budget per OpenStack project and region, shared by every cluster of this process that draws on it: the cloud
// counts by project, and at OVH one project may carry twenty clusters.
import { RequestBudget, type ClientClock } from './client/request-budget.ts';

export interface BudgetLease {
  readonly budget: RequestBudget;
  /** To be called once, when the session ends; the last one drops the budget. */
  release(): void;
}

export class ProjectBudgets {
  readonly #held = new Map<string, { readonly budget: RequestBudget; users: number }>();

  /** The budget of this project, made at its first use. */
  take(
    project: { readonly authUrl: string; readonly region: string; readonly id: string },
    clock: ClientClock,
  ): BudgetLease {
    const key = JSON.stringify([project.authUrl, project.region, project.id]);
    const held = this.#held.get(key) ?? { budget: new RequestBudget(clock), users: 0 };
    held.users += 1;
    this.#held.set(key, held);
    return {
      budget: held.budget,
      release: () => {
        held.users -= 1;
        if (held.users > 0) return;
        this.#held.delete(key);
        held.budget.close();
      },
    };
  }
}

/** The cloud's limit holds for the process, not for a session, so there is one of these in it. */
export const processBudgets = new ProjectBudgets();
