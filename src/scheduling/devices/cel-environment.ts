// The environment of device selectors: CEL by the library @marcbachmann/cel-js, with what Kubernetes adds.
// Source: dynamic-resource-allocation/cel/compile.go, v0.37. A domain without attributes is an empty map, not an error.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { addLists, addMismatches, addOptionals, addQuantities, addTexts, addVersions, fault } from './cel-functions.ts';
import {
  ATTRIBUTE_DOMAINS,
  CAPACITY_DOMAINS,
  DeviceValue,
  PRESENCE,
  QuantityValue,
  VersionValue,
} from './cel-values.ts';

/** Deeper nesting than any selector needs, and far from the end of the stack. */
const DEPTH_MAX = 100;

let made: Environment | undefined;

/** Made once: it holds nothing of any expression. */
export function deviceEnvironment(): Environment {
  made ??= makeEnvironment();
  return made;
}

function makeEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, limits: { maxDepth: DEPTH_MAX } })
    .registerType('kubernetes.Quantity', { ctor: QuantityValue, fields: {} })
    .registerType('kubernetes.Semver', { ctor: VersionValue, fields: {} })
    .registerType('kubernetes.DRADevice', {
      ctor: DeviceValue,
      fields: {
        driver: 'string',
        attributes: 'map<string, map<string, dyn>>',
        capacity: 'map<string, map<string, kubernetes.Quantity>>',
        allowMultipleAllocations: 'bool',
        [ATTRIBUTE_DOMAINS]: 'map<string, map<string, dyn>>',
        [CAPACITY_DOMAINS]: 'map<string, map<string, kubernetes.Quantity>>',
      },
    })
    .registerVariable('device', 'kubernetes.DRADevice');
  addQuantities(environment);
  addVersions(environment);
  addTexts(environment);
  addLists(environment);
  addPresence(environment);
  addOptionals(environment);
  addMismatches(environment);
  return environment;
}

/** `has(e.f)`: the library's own does not take maps by key below. Missing domains are empty, so nothing of them is there. */
function addPresence(environment: Environment): void {
  environment.registerFunction(`${PRESENCE}(ast): bool`, ({ args }: { readonly args: readonly ASTNode[] }) => {
    const [node] = args;
    return {
      typeCheck(checker: Checker, _macro: unknown, context: unknown): unknown {
        if (node === undefined || node.op !== '.')
          throw fault('invalid_macro_argument', 'invalid argument to has() macro');
        checker.check(node.args[0], context);
        return checker.getType('bool');
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: unknown): boolean {
        if (node === undefined || node.op !== '.') return false;
        const holder = evaluator.run(node.args[0], context);
        if (holder instanceof Map) return holder.get(node.args[1]) !== undefined;
        if (holder instanceof DeviceValue) return Object.hasOwn(holder, node.args[1]);
        if (isPlain(holder)) return Object.hasOwn(holder, node.args[1]);
        throw fault('no_such_overload', 'no such overload');
      },
    };
  });
}

interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
