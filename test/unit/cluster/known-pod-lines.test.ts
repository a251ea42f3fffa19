// What is recalled is what would have been parsed, whatever a line says.
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { KnownPodLines } from '../../../src/cluster/known-pod-lines.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { type Change, readListedLines } from '../../../src/kubernetes/listed-lines.ts';
import { Doubtful } from '../../../src/kubernetes/object-store.ts';
import { rawPods } from '../../builders/arbitrary-pods.ts';
import { fullPod, lineOf } from '../../builders/full-pods.ts';

class Reading {
  readonly interner = new PodShapeInterner();
  readonly known: KnownPodLines;
  readonly #parse = (raw: unknown): PodObject => {
    this.parsed += 1;
    return parsePod(raw, this.interner);
  };
  parsed = 0;

  constructor(options: { readonly textBytesMax?: number } = {}) {
    this.known = new KnownPodLines(this.interner, options);
  }

  /** Reads with what is known, and without; shapes are the same objects then too. */
  read(batch: Buffer): readonly Change<PodObject>[] {
    const read = readListedLines(batch, { parse: this.#parse, known: this.known });
    const parsed = readListedLines(batch, { parse: (raw) => parsePod(raw, this.interner) });
    expect(read).toEqual(parsed);
    for (const [index, [, pod]] of read.changes.entries()) {
      expect(shapeOf(pod)).toBe(shapeOf(parsed.changes[index]?.[1]));
      expect(shapeOf(pod) === undefined || orderOf(pod)).toEqual(shapeOf(pod) === undefined || ORDER);
    }
    return read.changes;
  }

  lines(...lines: readonly string[]): readonly Change<PodObject>[] {
    return this.read(Buffer.from(`${lines.join('\n')}\n`));
  }
}

function shapeOf(pod: PodObject | Doubtful | undefined): object | undefined {
  return pod === undefined || pod instanceof Doubtful ? undefined : pod.shape;
}

function orderOf(pod: object | undefined): readonly string[] {
  return Object.keys(pod ?? {});
}

const ORDER = orderOf(parsePod(fullPod({ name: 'web', number: 1 }), new PodShapeInterner()));
const web = (number: number, more: object = {}) => lineOf(fullPod({ name: 'web', number, ...more }));

describe('KnownPodLines', () => {
  it('knows pods of one template again, whatever their order', () => {
    const reading = new Reading();
    const db = (number: number) => lineOf(fullPod({ name: 'db', number }));
    reading.lines(web(1), db(2), web(3), db(4), web(5), web(6));
    expect(reading.parsed).toBe(2);
  });

  test.each([
    { name: 'labels', more: { metadata: { labels: { app: 'web', tier: 'back' } } } },
    { name: 'an owner', more: { metadata: { ownerReferences: [] } } },
    { name: 'the wish to stay', more: { metadata: { annotations: { 'sluice.dev/do-not-disrupt': 'true' } } } },
    { name: 'an end', more: { metadata: { deletionTimestamp: '2026-11-01T00:00:00Z' } } },
    { name: 'requests', more: { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '2' } } }] } } },
    { name: 'no node', more: { spec: { nodeName: '' } } },
    { name: 'a local volume', more: { spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } } },
    { name: 'a phase', more: { status: { phase: 'Failed' } } },
    {
      name: 'no room',
      more: { status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] } },
    },
    { name: 'a resize', more: { status: { containerStatuses: [{ name: 'main', allocatedResources: { cpu: '3' } }] } } },
  ])('parses a pod with $name of its own, and then knows both', ({ more }) => {
    const reading = new Reading();
    reading.lines(web(1), web(2, more));
    expect(reading.parsed).toBe(2);
    reading.lines(web(3), web(4, more), web(5), web(6, more));
    expect(reading.parsed).toBe(2);
  });

  test.each([
    { name: 'a claim made for it', spec: { volumes: [{ name: 'scratch', ephemeral: {} }] } },
    {
      name: 'devices made for it',
      spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }] },
      status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'made' }] },
    },
  ])('parses every pod with $name, whose shape is its own', ({ spec, status = {} }) => {
    const reading = new Reading();
    reading.lines(...[1, 2, 3].map((number) => web(number, { spec, status })));
    expect(reading.parsed).toBe(3);
  });

  it('tells local volumes apart by name where an annotation names those that may be lost', () => {
    const reading = new Reading();
    const annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'cache' };
    const one = (number: number, volume: string) =>
      web(number, { metadata: { annotations }, spec: { volumes: [{ name: volume, emptyDir: {} }] } });
    const changes = reading.lines(one(1, 'cache'), one(2, 'data'), one(3, 'cache'), one(4, 'data'));
    const kept = changes.map(([, pod]) => pod && 'localStorage' in pod && pod.localStorage);
    expect([kept, reading.parsed]).toEqual([[false, true, false, true], 2]);
  });

  it('keeps the version of pods that wait, of which it makes their order', () => {
    const reading = new Reading();
    const waiting = (number: number) => web(number, { spec: { nodeName: '' } });
    const changes = reading.lines(waiting(1), waiting(2));
    expect(changes.map(([, pod]) => pod && 'version' in pod && pod.version)).toEqual([1001, 1002]);
    expect(reading.parsed).toBe(1);
  });

  test.each([
    { name: 'two specs', find: '"spec":{', put: '"spec":{"nodeName":"other"},"spec":{' },
    { name: 'two specs, the second without a node', find: '"kind"', put: '"kind"', more: '"spec":{"containers":[]}' },
    { name: 'two names', find: '"namespace"', put: '"name":"other","namespace"' },
    { name: 'a name in other words', find: '"namespace"', put: '"n\\u0061me":"other","namespace"' },
    { name: 'a second object', find: '{"type"', put: '{"object":{},"type"' },
    { name: 'a prototype', find: '"metadata":{', put: '"metadata":{"__proto__":{"labels":{"a":"b"}},' },
    { name: 'white space', find: '"metadata":{', put: '"metadata": {' },
    { name: 'an escape in its name', find: '"web-', put: '"\\u0077eb-' },
    { name: 'a name in other letters', find: '"web-', put: '"größe-' },
    { name: 'no name', find: /"name":"web-[^"]*"/, put: '"name":null' },
    { name: 'a long name', find: '"web-', put: `"${'w'.repeat(5000)}-` },
    { name: 'an odd time', find: /"creationTimestamp":"[^"]*"/, put: '"creationTimestamp":"yesterday"' },
    {
      name: 'deep managed fields',
      find: '"f:podIPs":{',
      put: `"f:deep":${'['.repeat(90)}${']'.repeat(90)},"f:podIPs":{`,
    },
    { name: 'broken managed fields', find: '"f:podIPs":{', put: '"f:podIPs":{,' },
    { name: 'half a pod', find: /"status".*/, put: '' },
  ])('reads a line with $name as JSON.parse does', ({ find, put, more }) => {
    const change = (line: string) =>
      more === undefined ? line.replace(find, put) : line.replace(find, put).replace(/\}\}$/, `,${more}}}`);
    const reading = new Reading();
    reading.lines(web(1), change(web(2)));
    reading.lines(change(web(3)), change(web(4)));
    reading.lines(web(5));
  });

  it('reads lines with any byte another as JSON.parse does', () => {
    const line = Buffer.from(`${web(2)}\n`);
    const reading = new Reading();
    reading.lines(web(1));
    const others = Buffer.from('"\\{}[],:0x \u0000\xff', 'latin1');
    for (let at = 0; at < line.length - 1; at += 1) {
      const was = line[at] ?? 0;
      line[at] = others[at % others.length] ?? 0;
      const known = reading.known.recall(line, { from: 0, to: line.length - 1 });
      if (known !== undefined) {
        const [parsed] = readListedLines(line, { parse: (raw) => parsePod(raw, reading.interner) }).changes;
        expect(known).toEqual(parsed);
      }
      line[at] = was;
    }
    expect(reading.parsed).toBe(1);
  });

  it('forgets when its text is full, and parses what is too long for it', () => {
    const bytes = web(1).length;
    const reading = new Reading({ textBytesMax: bytes + 10 });
    const db = (number: number) => lineOf(fullPod({ name: 'db', number }));
    reading.lines(
      web(1),
      web(2),
      db(1),
      db(2),
      web(3),
      web(4),
      web(5, { metadata: { labels: { a: 'x'.repeat(99) } } }),
    );
    expect(reading.parsed).toBe(4);
    const missed = [web(1), db(1), web(3), web(5, { metadata: { labels: { a: 'x'.repeat(99) } } })];
    expect(reading.known.missedBytes).toBe(missed.reduce((sum, line) => sum + line.length, 0));
  });

  const events = fc.constantFrom('ADDED', 'ADDED', 'ADDED', 'MODIFIED', 'DELETED');
  const unread = fc.oneof(fc.jsonValue(), fc.constant('"'), fc.constant('\\'));
  const own = fc.record({
    name: fc.constantFrom('a', 'b-1', 'größe', ''),
    uid: fc.uuid(),
    creationTimestamp: fc.constantFrom('2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z', 'yesterday', null),
    resourceVersion: fc.constantFrom('1', '2', 'x', ''),
    managedFields: unread,
    annotations: fc.dictionary(fc.constantFrom('a', 'kubernetes.io/config.mirror', 'ö'), fc.constantFrom('true', '')),
  });
  const noise = fc.record({ hostIP: unread, podIPs: unread, startTime: unread });
  const pods = fc.array(rawPods, { minLength: 1, maxLength: 3 }).chain((templates) =>
    fc.array(
      fc
        .tuple(fc.constantFrom(...templates), own, noise, fc.constantFrom('', 'node-1', 'node-2'), events)
        .map(([raw, metadata, status, nodeName, type]) =>
          JSON.stringify({
            type,
            object: {
              ...raw,
              metadata: { ...objectIn(raw, 'metadata'), ...metadata },
              spec: { ...objectIn(raw, 'spec'), nodeName },
              status: { ...objectIn(raw, 'status'), ...status },
            },
          }),
        ),
      { minLength: 4, maxLength: 12 },
    ),
  );

  it('reads any pods as they are parsed', () => {
    let [recalled, bytes] = [0, 0];
    fc.assert(
      fc.property(pods, fc.constantFrom(500, 2_000, 100_000), (lines, textBytesMax) => {
        const reading = new Reading({ textBytesMax });
        reading.lines(...lines);
        recalled += lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0) - reading.known.missedBytes;
        bytes += Buffer.byteLength(lines.join(''));
      }),
      { numRuns: 200 },
    );
    expect(recalled).toBeGreaterThan(bytes / 20);
  });
});

function objectIn(raw: Readonly<Record<string, unknown>>, name: string): object {
  const value = raw[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
