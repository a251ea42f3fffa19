// `sluice plan`: what the controller would do now, and why. Changes nothing.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../cluster/build-snapshot.ts';
import { checkPlan } from '../planner/check-plan.ts';
import { makePlan } from '../planner/make-plan.ts';
import { planJson } from '../planner/plan.ts';
import { planText } from '../planner/plan-text.ts';
import { readObjects, SOURCE_HELP, SOURCE_OPTIONS } from './cluster-source.ts';
import { type CommandIo, parseOutput } from './command-io.ts';

const HELP = `sluice plan (--cluster NAME | --from FILE) [OPTIONS]

Shows what Sluice would do now and why; changes nothing. Faults that a running controller remembers (a flavor that was
out of capacity a minute ago) are not known here. Names of new nodes are examples.

${SOURCE_HELP}  --output text|json

Exit code 1: the plan breaks a rule that always holds and would be refused; the findings say which.
`;

export async function runPlan(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...SOURCE_OPTIONS, output: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const output = parseOutput(values.output);
  const objects = await readObjects(values, io.env);
  const snapshot = buildSnapshot(objects, 1);
  // The same look gives the same plan, names included.
  const plan = makePlan(snapshot, { nameSeed: `plan-${objects.observedAtMs}` });
  const findings = checkPlan(plan, snapshot);
  const refused = findings.some((finding) => finding.severity === 'fatal');
  if (output === 'json') {
    const observedAt = new Date(objects.observedAtMs).toISOString();
    io.stdout(
      `${JSON.stringify({ observedAt, frozen: objects.frozen ?? null, refused, findings, plan: planJson(plan) })}\n`,
    );
  } else {
    io.stdout(planText(plan));
    if (objects.frozen !== undefined) io.stdout(`frozen: ${objects.frozen}\n`);
    for (const finding of findings) io.stdout(`${finding.severity}: ${finding.message}\n`);
  }
  return refused ? 1 : 0;
}
