// The import law: which room may import which, held as data and compared with every import statement of src.
import { readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { importsOf, sourceFiles } from './source/source-files.ts';

interface Room {
  readonly name: string;
  /** As the README prints it. */
  readonly mayImport: string;
  readonly kind: 'pure' | 'shell' | 'adapter' | 'double' | 'edge';
  readonly rooms: readonly string[];
  /** Only types, of these rooms. */
  readonly typesOf?: readonly string[];
  /** Single files of other rooms. */
  readonly files?: readonly string[];
  readonly packages: readonly string[];
}

const PURE = ['api', 'cluster', 'scheduling', 'simulation', 'planner', 'lifecycle'];
const PORTS = ['src/controllers/ports.ts', 'src/controllers/port-errors.ts'];
const ALL = [...PURE, 'controllers', 'fleet', 'kubernetes', 'openstack', 'telemetry', 'playground'];

const ROOMS: readonly Room[] = [
  { name: 'api', mayImport: '–', kind: 'pure', rooms: [], packages: ['typebox'] },
  { name: 'cluster', mayImport: 'api', kind: 'pure', rooms: ['api'], packages: [] },
  {
    name: 'scheduling',
    mayImport: 'api, cluster',
    kind: 'pure',
    rooms: ['api', 'cluster'],
    packages: ['@marcbachmann/cel-js', 're2js'],
  },
  {
    name: 'simulation',
    mayImport: '+ scheduling',
    kind: 'pure',
    rooms: ['api', 'cluster', 'scheduling'],
    packages: [],
  },
  {
    name: 'planner',
    mayImport: '+ simulation',
    kind: 'pure',
    rooms: ['api', 'cluster', 'scheduling', 'simulation'],
    packages: [],
  },
  { name: 'lifecycle', mayImport: 'api, cluster', kind: 'pure', rooms: ['api', 'cluster'], packages: [] },
  { name: 'controllers', mayImport: 'the pure rooms', kind: 'shell', rooms: PURE, packages: ['node:'] },
  {
    name: 'fleet',
    mayImport: 'pure rooms, controllers',
    kind: 'shell',
    rooms: [...PURE, 'controllers'],
    packages: ['node:'],
  },
  {
    name: 'kubernetes',
    mayImport: 'api, cluster (types), ports',
    kind: 'adapter',
    rooms: ['api'],
    typesOf: ['cluster'],
    files: PORTS,
    packages: ['node:', 'undici', 'yaml', 'cockatiel', 'typebox'],
  },
  {
    name: 'openstack',
    mayImport: 'api, cluster (types), ports',
    kind: 'adapter',
    rooms: ['api'],
    typesOf: ['cluster'],
    files: PORTS,
    packages: ['node:', 'undici', 'yaml', 'cockatiel', 'typebox'],
  },
  {
    name: 'telemetry',
    mayImport: 'api, planner (types), ports',
    kind: 'adapter',
    rooms: ['api'],
    typesOf: ['planner'],
    files: PORTS,
    packages: ['node:', 'pino', '@prometheus-io/client'],
  },
  { name: 'playground', mayImport: 'pure rooms', kind: 'double', rooms: PURE, packages: ['node:', 'yaml', 'undici'] },
  { name: 'cli', mayImport: 'all', kind: 'edge', rooms: ALL, packages: ['node:', 'yaml'] },
];
const ROOM_BY_NAME = new Map(ROOMS.map((room) => [room.name, room]));

/** What a pure room must not even name: same arguments, same bytes out. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bprocess\.|\bconsole\.|\basync\b|\bawait\b|\bPromise\b|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bfetch\(|\bcrypto\b|\bglobalThis\b/;

const sources = sourceFiles('src');

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** Why this import breaks the law; undefined = it does not. */
function verdict(path: string, statement: { readonly target: string; readonly typeOnly: boolean }): string | undefined {
  const room = ROOM_BY_NAME.get(roomOf(path));
  const { target } = statement;
  if (room === undefined) return `${path} is in no room`;
  if (!target.startsWith('.')) {
    const listed = room.packages.some((name) =>
      name === 'node:' ? target.startsWith(name) : target === name || target.startsWith(`${name}/`),
    );
    return listed ? undefined : `${path} imports the package ${target}`;
  }
  const file = normalize(`${dirname(path)}/${target}`);
  if (path.startsWith('src/openstack/client/') && !file.startsWith('src/openstack/client/'))
    return `${path}: the OpenStack client imports nothing of ours, not ${file}`;
  if (file === 'package.json' && room.kind === 'edge') return undefined;
  const other = roomOf(file);
  if (other === room.name || room.rooms.includes(other) || room.files?.includes(file) === true) return undefined;
  if (room.typesOf?.includes(other) === true)
    return statement.typeOnly ? undefined : `${path} may import only types of ${other}, not ${file}`;
  return `${path} imports ${file}: ${room.name} may not import ${other}`;
}

describe('the import law', () => {
  it('has every room of src, and src has every room', () => {
    const found = new Set(sources.map((source) => roomOf(source.path)));
    expect([...found].sort()).toEqual(ROOMS.map((room) => room.name).sort());
  });

  it.each(ROOMS)('$name imports only what it may', ({ name }) => {
    const broken = sources
      .filter((source) => roomOf(source.path) === name)
      .flatMap((source) => importsOf(source.text).map((statement) => verdict(source.path, statement)))
      .filter((found) => found !== undefined);
    expect(broken).toEqual([]);
  });

  it('has no cycle between rooms', () => {
    const done: string[] = [];
    const left = new Map(ROOMS.map((room) => [room.name, [...room.rooms, ...(room.typesOf ?? [])]]));
    for (;;) {
      const free = [...left].filter(([, needs]) => needs.every((need) => done.includes(need)));
      if (free.length === 0) break;
      for (const [name] of free) {
        done.push(name);
        left.delete(name);
      }
    }
    expect([...left.keys()]).toEqual([]);
  });

  it('is what the README prints', () => {
    const rows = readFileSync('README.md', 'utf8')
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => ROOM_BY_NAME.has(/^`([a-z]+)`$/.exec(cells[1] ?? '')?.[1] ?? ''))
      .map((cells) => `${cells[1]} | ${cells[2]} | ${cells[3]}`);
    expect(rows).toEqual(ROOMS.map((room) => `\`${room.name}\` | ${room.mayImport} | ${room.kind}`));
  });

  it.each(PURE)('%s is pure', (name) => {
    const impure = sources
      .filter((source) => roomOf(source.path) === name)
      .flatMap(({ path, code }) =>
        code.split('\n').flatMap((line, index) => {
          const found = IMPURE.exec(line)?.[0];
          return found === undefined ? [] : [`${path}:${index + 1} ${found}`];
        }),
      );
    expect(impure).toEqual([]);
  });
});

describe('the law itself', () => {
  const rows: readonly { name: string; path: string; text: string; legal: boolean }[] = [
    {
      name: 'a value of an allowed room',
      path: 'src/planner/a.ts',
      text: "import { b } from '../cluster/b.ts';",
      legal: true,
    },
    { name: 'a room above', path: 'src/cluster/a.ts', text: "import { b } from '../planner/b.ts';", legal: false },
    {
      name: 'a type of a room above',
      path: 'src/cluster/a.ts',
      text: "import type { B } from '../planner/b.ts';",
      legal: false,
    },
    {
      name: 'types only, as types',
      path: 'src/kubernetes/a.ts',
      text: "import type { B } from '../cluster/b.ts';",
      legal: true,
    },
    {
      name: 'types only, name by name',
      path: 'src/kubernetes/a.ts',
      text: "import { type B } from '../cluster/b.ts';",
      legal: true,
    },
    {
      name: 'types only, as a value',
      path: 'src/kubernetes/a.ts',
      text: "import { type C, b } from '../cluster/b.ts';",
      legal: false,
    },
    {
      name: 'ports',
      path: 'src/openstack/a.ts',
      text: "import type { Cloud } from '../controllers/ports.ts';",
      legal: true,
    },
    {
      name: 'another file beside ports',
      path: 'src/openstack/a.ts',
      text: "import type { B } from '../controllers/work-queue.ts';",
      legal: false,
    },
    { name: 'another adapter', path: 'src/kubernetes/a.ts', text: "import '../telemetry/b.ts';", legal: false },
    {
      name: 'a re-export over several lines',
      path: 'src/api/a.ts',
      text: "export {\n  b,\n} from '../cluster/b.ts';",
      legal: false,
    },
    { name: 'a dynamic import', path: 'src/fleet/a.ts', text: "const b = await import('../cli/b.ts');", legal: false },
    {
      name: 'Node in a pure room',
      path: 'src/api/a.ts',
      text: "import { readFileSync } from 'node:fs';",
      legal: false,
    },
    {
      name: 'ours in the OpenStack client',
      path: 'src/openstack/client/a.ts',
      text: "import { b } from '../../api/b.ts';",
      legal: false,
    },
    { name: 'an import in a comment', path: 'src/api/a.ts', text: "// import { b } from '../cli/b.ts';", legal: true },
    { name: 'a file in no room', path: 'src/a.ts', text: "import { b } from './b.ts';", legal: false },
  ];
  it.each(rows)('$name: legal is $legal', ({ path, text, legal }) => {
    const broken = importsOf(text).flatMap((statement) => verdict(path, statement) ?? []);
    expect(broken.length === 0).toBe(legal);
  });
});
