// What becomes of a plan that costs well more than its lower bound: the Polisher looks for better answers to its packing
// problems, and the next plan that asks the same gets them. Claims that are written are not touched.
import type { Polishable } from '../planner/patterns/improved-patterns.ts';
import type { Polished } from '../planner/patterns/polish.ts';
import { keepPolished } from '../planner/patterns/polish.ts';
import { PatternMemory } from '../planner/patterns/pattern-memory.ts';
import type { PassResult } from './autoscaler-loop.ts';
import type { ClusterContext } from './cluster-context.ts';
import { clusterFields } from './log-fields.ts';

export interface PolishWork {
  /** `<namespace>/<name>` of the WorkloadCluster. */
  readonly cluster: string;
  readonly polishable: Polishable;
  readonly seconds: number;
  readonly done: (polished: Polished) => void;
}

/** Looks for better answers beside the event loop. Nothing waits for it, and nothing is lost when it fails. */
export interface Polisher {
  /** Takes the work in place of what waits of the same cluster; `done` is called later, or never. False: too many wait. */
  add(work: PolishWork): boolean;
  /** Forgets what waits of a cluster. */
  drop(cluster: string): void;
  close(): Promise<void>;
}

/** Share of the bound above which it is worth the time: what a polish is expected to come to. */
const WORTH_ABOVE = 0.005;
/** When `spec.autoscaler.polishSeconds` does not say: what most problems need to come within half a percent. */
const SECONDS_DEFAULT = 5;
/** After asking, one cluster does not ask again for so long: pods that come a few at a time are a new problem each pass, and
 *  the thread is everybody's. At the default a twelfth of a core at most. */
const REST_MS = 60_000;

/** The polish of one cluster's plans. */
export class PlanPolish {
  /** For makePlan. */
  readonly memory = new PatternMemory();
  readonly #context: ClusterContext;
  readonly #polisher: Polisher | undefined;
  #notBeforeMs = 0;

  /** `polisher` undefined: nothing is ever polished. */
  constructor(context: ClusterContext, polisher: Polisher | undefined) {
    this.#context = context;
    this.#polisher = polisher;
    context.signal.addEventListener('abort', () => polisher?.drop(this.#cluster()), { once: true });
  }

  /** Asks for a polish when the plan is worth it; at once done, nothing is waited for. */
  consider({ plan, findings }: PassResult): void {
    const { clock } = this.#context;
    const seconds = this.#context.cluster().spec.autoscaler?.polishSeconds ?? SECONDS_DEFAULT;
    const { polishable, report } = plan;
    if (this.#polisher === undefined || seconds === 0 || polishable === undefined || report.cost === undefined) return;
    const open = polishable.solved.some(({ improved }) => !improved);
    if (!open || report.cost.overLowerBound <= WORTH_ABOVE || clock.monotonicMs() < this.#notBeforeMs) return;
    if (findings.some(({ severity }) => severity === 'fatal')) return;
    const { perHour } = report.cost;
    const done = (polished: Polished): void => {
      if (this.#context.signal.aborted) return;
      keepPolished(this.memory, polishable, polished);
      this.#tell(perHour, polished);
    };
    if (this.#polisher.add({ cluster: this.#cluster(), polishable, seconds, done }))
      this.#notBeforeMs = clock.monotonicMs() + REST_MS;
  }

  /** What the nodes of that plan cost over what is now known to be needed. */
  #tell(perHour: number, { bound, choices }: Polished): void {
    const { telemetry } = this.#context;
    const labels = clusterFields(this.#context);
    const over = bound.costPerHour > 0 ? perHour / bound.costPerHour - 1 : 0;
    telemetry.gauge('sluice_cost_over_lower_bound', labels, over);
    const saved = choices.reduce((sum, { asked, choice }) => sum + asked.choice.costPerHour - choice.costPerHour, 0);
    telemetry.log('debug', 'plan polished', { ...labels, overLowerBound: over, cheaperPerHour: saved });
  }

  #cluster(): string {
    return `${this.#context.namespace}/${this.#context.clusterName}`;
  }
}
