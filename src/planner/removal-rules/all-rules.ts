// The removal rules in the order in which they are asked; the first reason is the one that is shown.
import { controllerLess } from './controller-less.ts';
import { doNotDisrupt } from './do-not-disrupt.ts';
import { localStorage } from './local-storage.ts';
import type { RemovalQuestion, RemovalRule } from './removal-rule.ts';
import { safeToEvict } from './safe-to-evict.ts';
import { scaleDownDisabled } from './scale-down-disabled.ts';
import { systemPod } from './system-pod.ts';

const RULES: readonly RemovalRule[] = [
  scaleDownDisabled,
  doNotDisrupt,
  safeToEvict,
  controllerLess,
  localStorage,
  systemPod,
];

/** Why the node must stay; undefined: no rule holds it. */
export function keptByRule(question: RemovalQuestion): string | undefined {
  for (const rule of RULES) {
    const reason = rule(question);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
