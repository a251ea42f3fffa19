// `sluice plan`: what the controller would do now, and why. Changes nothing.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../cluster/build-snapshot.ts';
import { checkPlan } from '../planner/check-plan.ts';
import { makePlan } from '../planner/make-plan.ts';
import type { NewNodesCost, Plan } from '../planner/plan.ts';
import { planJson } from '../planner/single-steps.ts';
import { planText } from '../planner/plan-text.ts';
import { readObjects, SOURCE_HELP, SOURCE_OPTIONS } from './cluster-source.ts';
import { type CommandIo, parseOutput, UsageError } from './command-io.ts';
import { polishPlan } from './polish-plan.ts';

const HELP = `sluice plan (--cluster NAME | --from FILE) [OPTIONS]

Shows what Sluice would do now and why; changes nothing. Faults that a running controller remembers (a flavor that was
out of capacity a minute ago) are not known here. Names of new nodes are examples.

${SOURCE_HELP}  --polish SECONDS      look for a better mix of new nodes for so long, and for a closer bound of their cost
                        (a running controller does so beside its decisions, for when the same pods come again)
  --output text|json

Exit code 1: the plan breaks a rule that always holds and would be refused; the findings say which.
`;

/** Longer than it takes for the largest of our benchmarks to get no better. */
const POLISH_SECONDS_MAX = 3600;

export async function runPlan(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...SOURCE_OPTIONS,
      polish: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const output = parseOutput(values.output);
  const polishSeconds = parseSeconds(values.polish);
  const objects = await readObjects(values, io.env);
  const snapshot = buildSnapshot(objects, 1);
  // The same look gives the same plan, names included.
  const nameSeed = `plan-${objects.observedAtMs}`;
  const first = makePlan(snapshot, { nameSeed });
  const plan = polishSeconds === 0 ? first : polishPlan(snapshot, first, { nameSeed, seconds: polishSeconds });
  const findings = checkPlan(plan, snapshot);
  const refused = findings.some((finding) => finding.severity === 'fatal');
  if (output === 'json') {
    const observedAt = new Date(objects.observedAtMs).toISOString();
    io.stdout(
      `${JSON.stringify({ observedAt, frozen: objects.frozen ?? null, refused, findings, plan: planJson(plan) })}\n`,
    );
  } else {
    io.stdout(planText(plan));
    if (polishSeconds > 0) io.stdout(polishedText(first, plan));
    if (objects.frozen !== undefined) io.stdout(`frozen: ${objects.frozen}\n`);
    for (const finding of findings) io.stdout(`${finding.severity}: ${finding.message}\n`);
  }
  return refused ? 1 : 0;
}

function parseSeconds(text: string | undefined): number {
  const seconds = Number(text ?? '0');
  if (text?.trim() !== '' && seconds >= 0 && seconds <= POLISH_SECONDS_MAX) return seconds;
  throw new UsageError(`--polish must be a number of seconds from 0 to ${POLISH_SECONDS_MAX}: '${text}'`);
}

function polishedText(first: Plan, plan: Plan): string {
  const [before, after] = [first.report.cost, plan.report.cost];
  if (before === undefined || after === undefined) return 'Polished: there are no new nodes for pods.\n';
  const bound = (cost: typeof before): string =>
    `${cost.perHour.toFixed(4)} per hour, ${percent(cost)} % over its bound`;
  return `Polished: ${bound(after)}; at first ${bound(before)}.\n`;
}

function percent({ overLowerBound }: NewNodesCost): string {
  return (overLowerBound * 100).toFixed(2);
}
