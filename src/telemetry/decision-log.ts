// The decision log: one entry per decision, machine-readable, after redaction. Each entry goes to the log under
// `decision` and to a listener (the demo's timeline, the tests).
import type { LogWriter } from './logger.ts';
import { redactFields } from './redact.ts';

export type DecisionListener = (entry: Readonly<Record<string, unknown>>) => void;

/** Returns the function that records one decision. A listener that throws is reported and left out of that entry. */
export function createDecisionLog(options: {
  readonly log: LogWriter;
  readonly listener?: DecisionListener | undefined;
}): DecisionListener {
  return (entry) => {
    const safe = redactFields(entry);
    options.log.write('info', 'decision', { decision: safe });
    try {
      options.listener?.(safe);
    } catch (error) {
      options.log.write('error', 'the listener of the decision log failed', { error });
    }
  };
}
