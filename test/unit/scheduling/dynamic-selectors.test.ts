// Device selectors: what the environment of kube-scheduler v1.37.1 (dynamic-resource-allocation/cel, run on the same device)
// says of each expression, and what a hostile one costs.
import { describe, expect, test } from 'vitest';
import { parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import type { Device } from '../../../src/cluster/device-objects.ts';
import { type SelectorAnswer, Selectors } from '../../../src/scheduling/devices/selectors.ts';

const DRIVER = 'gpu.example.com';

function makeDevice(fields: object = {}): Device {
  const spec = {
    devices: [
      {
        name: 'd',
        attributes: {
          model: { string: 'big' },
          cores: { int: 4 },
          ok: { bool: true },
          ver: { version: '1.2.3' },
          list: { ints: [1, 2] },
        },
        capacity: { memory: { value: '10Gi' } },
        ...fields,
      },
    ],
  };
  const [device] = parseResourceSlice({ metadata: {}, spec }).devices;
  if (device === undefined) throw new Error('the slice has no device');
  return device;
}

/** true, false, or how it failed. */
function kindOf(answer: SelectorAnswer): boolean | string {
  if (typeof answer === 'boolean') return answer;
  if ('compile' in answer) return 'compile';
  return 'runtime' in answer ? 'runtime' : answer.message;
}

/** Expression, and the verdict of the scheduler's own environment. */
const VERDICTS: readonly (readonly [string, boolean | 'compile' | 'runtime'])[] = [
  ['device.driver == "gpu.example.com"', true],
  ['device.driver == 1', 'compile'],
  ['device.driver ==', 'compile'],
  ['"text"', 'compile'],
  ['device.attributes["gpu.example.com"].model >= 4', 'runtime'],
  ['device.attributes["gpu.example.com"].missing == 1', 'runtime'],
  ['device.attributes["x"].model == "big"', 'runtime'],
  ['has(device.attributes["gpu.example.com"].model)', true],
  ['has(device.attributes["x"].model)', false],
  ['device.attributes["gpu.example.com"].model', 'runtime'],
  ['device.attributes["gpu.example.com"].ok', true],
  ['device.nope', 'compile'],
  ['nope', 'compile'],
  ['device.attributes["gpu.example.com"].cores == 4.0', true],
  ['device.attributes["gpu.example.com"].cores.startsWith("b")', 'runtime'],
  ['device.attributes["gpu.example.com"].model == 4', false],
  ['device.attributes["x"].missing == 1 || true', true],
  ['device.attributes["x"].missing == 1 && false', false],
  ['1/0 == 1', 'runtime'],
  ['has(device.attributes)', true],
  ['has(device.driver)', true],
  ['device.allowMultipleAllocations', false],
  ['int(device.attributes["gpu.example.com"].model) == 4', 'runtime'],
  ['device.attributes.exists(d, d == "gpu.example.com")', true],
  ['"x" in device.attributes', false],
  ['device.attributes["gpu.example.com"].?model == optional.of("big")', true],
  ['device.?driver.orValue("") == "gpu.example.com"', true],
  ['true ? device.attributes["gpu.example.com"].cores : 3', 'runtime'],
  ['dyn(1) == "a"', false],
  ['device.capacity["gpu.example.com"].memory', 'compile'],
  ['device.capacity["gpu.example.com"].memory == quantity("10Gi")', true],
  ['device.capacity["gpu.example.com"].memory.isGreaterThan(quantity("20Gi"))', false],
  ['device.capacity["gpu.example.com"].missing.isGreaterThan(quantity("20Gi"))', 'runtime'],
  ['device.capacity["x"].memory.isGreaterThan(quantity("20Gi"))', 'runtime'],
  ['device.capacity["gpu.example.com"].memory.compareTo(quantity("zz")) > 0', 'runtime'],
  ['device.capacity["gpu.example.com"].memory.asInteger() > 5', true],
  ['device.attributes["gpu.example.com"].ver.isGreaterThan(semver("1.0.0"))', true],
  ['device.attributes["gpu.example.com"].ver.compareTo(semver("1.2.3")) == 0', true],
  ['device.attributes["gpu.example.com"].ver == semver("1.2.3")', true],
  ['device.attributes["gpu.example.com"].ver.major() == 1', true],
  ['device.attributes["gpu.example.com"].ver == "1.2.3"', 'runtime'],
  ['device.attributes["gpu.example.com"].cores.compareTo(semver("1.2.3")) == 0', 'runtime'],
  ['semver("1.2") == semver("1.2.0")', 'runtime'],
  ['device.attributes["gpu.example.com"].model.matches("^b")', true],
  ['device.attributes["gpu.example.com"].model.matches("(")', 'compile'],
  ['device.attributes["gpu.example.com"].model.matches(device.driver + "(")', 'runtime'],
  ['device.driver.find("[a-z]+") == "gpu"', true],
  ['cel.bind(d, device.attributes["gpu.example.com"], d.model == "big" && d.cores == 4)', true],
  ['[1,2,3].all(x, [1,2,3].exists(y, x == y))', true],
  ['device.attributes["gpu.example.com"].model in ["big", "x"]', true],
  ['device.attributes["gpu.example.com"].model in ["big", 1]', 'compile'],
  ['device.attributes["gpu.example.com"].model < "c"', true],
  ['device.attributes["gpu.example.com"].model + "x" == "bigx"', true],
  ['device.attributes["gpu.example.com"].model + 1 == "bigx"', 'compile'],
  ['size(device.attributes["gpu.example.com"].model) == 3', true],
  ['device.attributes["gpu.example.com"].model.size() == 3', true],
  ['device.attributes["gpu.example.com"].cores.size() == 3', 'runtime'],
  ['!device.attributes["gpu.example.com"].model', 'runtime'],
  ['device.attributes["gpu.example.com"].model && true', 'runtime'],
  ['device.attributes["gpu.example.com"].model ? true : false', 'runtime'],
  ['device.attributes["gpu.example.com"]["model"] == "big"', true],
  ['device.attributes["gpu.example.com"][1] == "big"', 'compile'],
  ['device["driver"] == "x"', 'compile'],
  ['null', 'compile'],
  ['1', 'compile'],
  ['device.attributes["gpu.example.com"].ok || false', true],
  ['sets.contains(["big"], [device.attributes["gpu.example.com"].model])', true],
  ['["a","b"].isSorted()', true],
  ['[3,1].min() == 1', true],
  ['foo(1)', 'compile'],
  ['device.driver.foo()', 'compile'],
  ['quantity("1Gi").isInteger()', true],
  ['isQuantity("zz")', false],
  ['quantity("10Gi").sub(quantity("1Gi")) == quantity("9Gi")', true],
  ['quantity("10Gi") + quantity("1Gi") == quantity("9Gi")', 'compile'],
  ['device.attributes["gpu.example.com"].exists(k, k == "model")', true],
  ['device.attributes["gpu.example.com"].exists_one(k, k == "model")', true],
  ['device.attributes["gpu.example.com"].map(k, k).size() == 5', true],
  ['device.attributes["gpu.example.com"].list.exists(x, x == 1)', true],
  ['type(device.driver) == string', true],
  ['device.attributes["gpu.example.com"].cores > 3u', true],
  ['device.attributes["gpu.example.com"].?nothing.hasValue()', false],
  ['device.attributes["gpu.example.com"].?nothing.orValue(3) == 3', true],
  ['device.attributes["gpu.example.com"].?nothing.value() == 3', 'runtime'],
  ['device.attributes["gpu.example.com"][?"model"].orValue("x") == "big"', true],
  ['device.attributes == device.attributes', true],
  ['device.driver.split(".").size() == 3', true],
  ['device.driver.replace("gpu", "x") == "x.example.com"', true],
  ['device.driver.charAt(0) == "g"', true],
  ['device.driver.upperAscii() == "GPU.EXAMPLE.COM"', true],
  ['device.driver.substring(0, 3) == "gpu"', true],
  ['device.driver.substring(20, 30) == "gpu"', 'runtime'],
  ['true', true],
  ['device', 'compile'],
  ['device.attributes["gpu.example.com"].model == device.attributes["gpu.example.com"].cores', false],
  ['device.attributes["gpu.example.com"].cores == device.capacity["gpu.example.com"].memory', false],
];

test.each(VERDICTS)('%s', (expression, want) => {
  expect(kindOf(new Selectors().matches(expression, makeDevice(), DRIVER))).toBe(want);
});

describe('words of the scheduler', () => {
  test.each<readonly [string, SelectorAnswer]>([
    [
      'device.attributes["gpu.example.com"].missing == 1',
      {
        runtime:
          'no such key: missing. consider using CEL optional chaining (.? followed by orValue()) or guarding the check with has() for optional fields',
      },
    ],
    [
      'device.driver == 1',
      {
        compile:
          "compilation failed: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(string, int)'\n | device.driver == 1\n | ..............^",
      },
    ],
    [
      'nope',
      {
        compile:
          "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^",
      },
    ],
    ['"text"', { compile: 'must evaluate to bool or the unknown type, not string' }],
    [
      'device.attributes["gpu.example.com"].model',
      {
        runtime:
          "CEL result of type string could not be converted to bool: unsupported native conversion from string to 'bool'",
      },
    ],
  ])('%s', (expression, want) => {
    expect(new Selectors().matches(expression, makeDevice(), DRIVER)).toEqual(want);
  });

  test('an attribute without a value, and a version that is none, make every selector fail', () => {
    const ask = (attribute: object): SelectorAnswer =>
      new Selectors().matches('true', makeDevice({ attributes: { a: attribute } }), DRIVER);
    expect(ask({})).toEqual({ runtime: 'attribute a: unsupported attribute value' });
    expect(ask({ version: '1.2' })).toEqual({
      runtime: 'attribute a: parse semantic version: No Major.Minor.Patch elements found',
    });
  });
});

describe('hostile selectors', () => {
  const digits = Array.from({ length: 300 }, (_, index) => index).join(',');
  const nested = `[${digits}].all(a, [${digits}].all(b, [${digits}].all(c, a + b + c >= 0)))`;
  const grown = Array.from({ length: 40 }, (_, index) => `cel.bind(v${index + 1}, v${index} + v${index}, `);
  const explosive = `cel.bind(v0, "x", ${grown.join('')}v40 == "y"${')'.repeat(41)}`;

  test.each([
    ['loops in loops', nested],
    ['a text that doubles forty times', explosive],
  ])('%s are not run', (_name, expression) => {
    expect(kindOf(new Selectors().matches(expression, makeDevice(), DRIVER))).toBe(
      'a device selector may take too many steps',
    );
  });

  test('a pattern that would take JavaScript for ever is answered', () => {
    const device = makeDevice({ attributes: { model: { string: `${'a'.repeat(200)}!` } } });
    const expression = 'device.attributes["gpu.example.com"].model.matches("^(a+)+$")';
    expect(new Selectors().matches(expression, device, DRIVER)).toBe(false);
  });

  test('parentheses as deep as the text allows are refused, not a crash', () => {
    const expression = `${'('.repeat(5000)}true${')'.repeat(5000)}`;
    expect(kindOf(new Selectors().matches(expression, makeDevice(), DRIVER))).toBe('compile');
  });

  test('what is not simulated says so by name', () => {
    const ask = (expression: string): boolean | string =>
      kindOf(new Selectors().matches(expression, makeDevice(), DRIVER));
    expect(ask('ip("1.2.3.4").family() == 4')).toBe('device selectors with ip() are not simulated');
    expect(ask('device.attributes["gpu.example.com"].all(k, v, k != "q")')).toBe(
      'device selectors with two loop variables are not simulated',
    );
  });
});

test('has() and matches() in texts are left alone', () => {
  const expression = `"has(x)" != ".matches(y)" && r"\\has(" + '''matches(''' != "" && has(device.driver)`;
  expect(new Selectors().matches(expression, makeDevice(), DRIVER)).toBe(true);
});
