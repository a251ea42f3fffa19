import { describe, expect, test } from 'vitest';
import { checkFitLine, checkFitStream, runCheckFit } from '../../../src/cli/check-fit.ts';
import { keepOutput } from './keep-output.ts';

const pod = (requests: object = {}, spec: object = {}): object => ({
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', resources: { requests } }], ...spec },
});
const node = (name: string, fields: { readonly spec?: object; readonly labels?: object } = {}): object => ({
  metadata: { name, labels: fields.labels ?? {} },
  spec: fields.spec ?? {},
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
});

function verdict(given: object): unknown {
  return JSON.parse(checkFitLine(JSON.stringify(given)));
}

async function run(chunks: readonly string[], lineBytesMax?: number): Promise<{ code: number; lines: string[] }> {
  let text = '';
  async function* input(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
  }
  const write = async (part: string): Promise<void> => {
    await Promise.resolve();
    text += part;
  };
  const code = await checkFitStream(input(), write, lineBytesMax === undefined ? {} : { lineBytesMax });
  return { code, lines: text.split('\n').slice(0, -1) };
}

describe('a case', () => {
  test('is answered node by node', () => {
    const cordoned = node('node-b', { spec: { unschedulable: true } });
    const bound = { ...pod({ cpu: '1' }), spec: { ...pod({ cpu: '1' }), nodeName: 'node-c' } };
    expect(verdict({ id: 'c1', pod: pod({ cpu: '1500m' }), nodes: [node('node-a'), cordoned], pods: [bound] })).toEqual(
      {
        id: 'c1',
        nodes: {
          'node-a': { fits: true },
          'node-b': { fits: false, plugin: 'NodeUnschedulable', reasons: ['node(s) were unschedulable'] },
        },
      },
    );
  });

  test.each([
    [
      'a node of that name, another one named',
      pod({}, { nodeName: 'node-a' }),
      { fits: false, plugin: 'NodeName', reasons: ["node(s) didn't satisfy plugin(s) [NodeName]"] },
    ],
    [
      'two plugins that name nodes',
      pod({}, { nodeName: 'node-a', affinity: named('node-a', 'x') }),
      {
        fits: false,
        plugin: 'NodeAffinity,NodeName',
        reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity NodeName]"],
      },
    ],
    [
      'names that exclude each other',
      pod({}, { nodeName: 'node-a', affinity: named('x') }),
      {
        fits: false,
        plugin: 'NodeAffinity,NodeName',
        reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity NodeName] simultaneously"],
      },
    ],
    ['scheduling gates, which filters do not read', pod({}, { schedulingGates: [{ name: 'g' }] }), { fits: true }],
    [
      'a claim that is not there',
      pod({}, { resourceClaims: [{ name: 'gpu', resourceClaimName: 'one' }] }),
      { fits: false, plugin: 'DynamicResources', reasons: ['could not find ResourceClaim "default/one"'] },
    ],
    [
      'an unreadable selector',
      pod({}, { topologySpreadConstraints: [spread({ matchExpressions: [{ key: 'a', operator: 'Is' }] })] }),
      {
        fits: false,
        plugin: 'PodTopologySpread',
        reasons: [
          'running PreFilter plugin "PodTopologySpread": get constraints from pod: obtaining pod\'s hard topology spread constraints: "Is" is not a valid label selector operator',
        ],
        error: true,
      },
    ],
  ])('with %s', (_, given, want) => {
    expect(verdict({ id: 1, pod: given, nodes: [node('node-b')] })).toEqual({ id: 1, nodes: { 'node-b': want } });
  });

  test.each<[string, string, object]>([
    ['metadata of a pod', '{"metadata":null,"spec":{"containers":null}}', { fits: true }],
    ['spec of a pod', '{"metadata":{"name":"p","labels":null}}', { fits: true }],
    ['what a pod asks of nodes', '{"spec":{"nodeSelector":null,"affinity":null,"tolerations":null}}', { fits: true }],
    [
      'a label of a node selector',
      '{"spec":{"nodeSelector":{"disk":null}}}',
      {
        fits: false,
        plugin: 'NodeAffinity',
        reasons: ["node(s) didn't match Pod's node affinity/selector"],
      },
    ],
  ])('null: %s', (_, given, want) => {
    const lists =
      '"pods":[{"metadata":null,"spec":null}],"namespaces":null,"csiNodes":[{"metadata":{"name":"a"},"spec":null}]';
    const nodes =
      '[{"metadata":{"name":"a","labels":null},"spec":null,"status":{"allocatable":{"pods":"9","cpu":null}}}]';
    expect(JSON.parse(checkFitLine(`{"id":1,"pod":${given},"nodes":${nodes},${lists}}`))).toEqual({
      id: 1,
      nodes: { a: want },
    });
  });

  test.each(['null', '7', '[]'])('a pod that is %s is no pod', (given) => {
    expect(JSON.parse(checkFitLine(`{"id":1,"pod":${given},"nodes":[]}`))).toHaveProperty('error');
  });

  test('a node that is being deleted still counts', () => {
    const going = { ...node('a'), metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(verdict({ pod: pod(), nodes: [going] })).toEqual({ id: null, nodes: { a: { fits: true } } });
  });

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('a label, node and pod called %s', (name) => {
    const labels = `{"${name}":"v"}`;
    const text = (selector: string): string =>
      `{"id":"x","pod":{"metadata":{"name":"${name}","namespace":"${name}","labels":${labels}},"spec":{"nodeSelector":${selector},"containers":[]}},` +
      `"nodes":[{"metadata":{"name":"${name}","labels":${labels}},"status":{"allocatable":{"pods":"1"}}},{"metadata":{"name":"b"},"status":{"allocatable":{"pods":"1"}}}]}`;
    const refused = `{"fits":false,"plugin":"NodeAffinity","reasons":["node(s) didn't match Pod's node affinity/selector"]}`;
    const nodes = [`"b":${refused}`, `"${name}":{"fits":true}`];
    const got = checkFitLine(text(labels));
    expect(nodes.every((part) => got.includes(part))).toBe(true);
    expect(checkFitLine(text(`{"${name}":"w"}`))).not.toContain('"fits":true');
  });

  test.each(['1e999999', '-1', '9223372036854775809', '8Ei'])('a request of %s does no harm', (memory) => {
    expect(verdict({ id: 1, pod: pod({ memory }), nodes: [node('a')] })).toMatchObject({ nodes: { a: {} } });
  });

  test.each(['NaN', '1'.repeat(10_000_000)])('a request of %.10s… is an error', (memory) => {
    expect(verdict({ id: 1, pod: pod({ memory }), nodes: [] })).toEqual({
      id: 1,
      error: "Pod 'default/p' cannot be read as spec.containers[0].resources.requests.memory must be a quantity",
    });
  });
});

describe('lines', () => {
  const good = JSON.stringify({ id: 'good', pod: pod(), nodes: [node('a')] });
  const answer = '{"id":"good","nodes":{"a":{"fits":true}}}';

  test('are answered in order however they are cut', async () => {
    const text = `${good}\n${good}\n${good}`;
    const cut = Array.from({ length: Math.ceil(text.length / 7) }, (_, index) => text.slice(index * 7, index * 7 + 7));
    expect(await run(cut)).toEqual({ code: 0, lines: [answer, answer, answer] });
  });

  test.each([
    ['no JSON', 'what', /^\{"id":null,"error":"the line is not JSON: /],
    ['an empty line', '', /^\{"id":null,"error":"the line is not JSON: /],
    ['no object', '[]', /^\{"id":null,"error":"the line is not a JSON object"\}$/],
    ['no nodes', '{"id":"x"}', /^\{"id":"x","error":"nodes must be a list"\}$/],
    ['no pod', '{"id":"x","nodes":[]}', /^\{"id":"x","error":"Pod '' cannot be read/],
    [
      'a list that is none',
      '{"id":7,"pod":{"metadata":{},"spec":{}},"nodes":[],"pods":{}}',
      /^\{"id":7,"error":"pods must/,
    ],
    ['too long', `"${'x'.repeat(5000)}"`, /^\{"id":null,"error":"the line is longer than 1000 bytes"\}$/],
  ])('with %s give an error, and the run goes on', async (_, line, want) => {
    const { code, lines } = await run([`${good}\n${line}\n${good}\n`], 1000);
    expect(code).toBe(1);
    expect(lines).toEqual([answer, expect.stringMatching(want), answer]);
  });

  test('nothing gives nothing', async () => {
    expect(await run([])).toEqual({ code: 0, lines: [] });
  });

  test('a slow reader holds the run back', async () => {
    let writing = 0;
    let read = 0;
    async function* input(): AsyncGenerator<Uint8Array> {
      for (; read < 20; read += 1) {
        expect(writing).toBe(0);
        yield await Promise.resolve(Buffer.from(`${good}\n`));
      }
    }
    const write = async (): Promise<void> => {
      writing += 1;
      await new Promise((resolve) => setImmediate(resolve));
      writing -= 1;
    };
    expect(await checkFitStream(input(), write)).toBe(0);
    expect(read).toBe(20);
  });
});

test('--help says the contract', async () => {
  const output = keepOutput();
  expect(await runCheckFit(['--help'], output)).toBe(0);
  expect(output.out).toContain('"deviceClasses"');
});

function named(...names: readonly string[]): object {
  const fields = [{ key: 'metadata.name', operator: 'In', values: names }];
  return {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: fields }] } },
  };
}

function spread(labelSelector: object): object {
  return { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector };
}
