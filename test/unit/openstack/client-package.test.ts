// The client as a package of its own: its files alone, built, with its declared dependencies and no others; and the examples
// of its README, run as a user's program would be, against the playground's OpenStack.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlayground } from '../../../src/playground/start-playground.ts';
import type { Playground } from '../../../src/playground/playground.ts';
import { importsOf, sourceFiles } from '../../source/source-files.ts';

const CLIENT = 'src/openstack/client';
const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

const own = manifest(`${CLIENT}/package.json`);
const examples = [...readFileSync(`${CLIENT}/README.md`, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
  ([, text = '']) => text,
);

let folder: string;
let playground: Playground;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'client-package-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of Object.keys(own.dependencies))
    symlinkSync(join(process.cwd(), 'node_modules', name), join(modules, name));
  cpSync(CLIENT, join(modules, own.name), { recursive: true });
  // as prepack does, without types: they are checked with the rest of the repository
  const javaScriptOnly = ['--noCheck', '--noResolve', '--declaration', 'false', '--lib', 'es5', '--types', ''];
  const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(modules, own.name, 'tsconfig.json'), ...javaScriptOnly]);
  playground = await startPlayground({ timings: { buildMs: 20, deleteMs: 20 } });
  writeFileSync(join(folder, 'clouds.yaml'), playground.cloudsYaml);
});

afterAll(async () => {
  await playground.close();
  rmSync(folder, { recursive: true });
});

async function runExample(index: number): Promise<string> {
  const file = join(folder, `example-${index}.ts`);
  writeFileSync(file, examples[index] ?? '');
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    IMAGE: playground.imageName,
    OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml'),
  };
  const { stdout } = await run(process.execPath, [file], { cwd: folder, env });
  return stdout;
}

test('the package declares what its files import, in the versions of this repository, and nothing else', () => {
  const imported = sourceFiles(CLIENT)
    .flatMap(({ text }) => importsOf(text).map(({ target }) => target))
    .filter((target) => !target.startsWith('.') && !target.startsWith('node:'))
    .map((target) => target.split('/')[0]);
  expect(new Set(imported)).toEqual(new Set(Object.keys(own.dependencies)));
  const root = manifest('package.json');
  expect(root.dependencies).toMatchObject(own.dependencies);
  expect(root.devDependencies).toMatchObject(own.devDependencies);
  expect(own.license).toBe(root.license);
  expect(readFileSync(`${CLIENT}/LICENSE`, 'utf8')).toBe(readFileSync('LICENSE', 'utf8'));
});

test('every file can be imported by the name of the package', async () => {
  const files = readdirSync(CLIENT).filter((name) => name.endsWith('.ts'));
  const code = files.map((name) => `await import('${own.name}/${name.replace('.ts', '')}');`).join('\n');
  writeFileSync(join(folder, 'imports.mjs'), `${code}\nprocess.stdout.write('all');`);
  expect((await run(process.execPath, ['imports.mjs'], { cwd: folder })).stdout).toBe('all');
});

test("the README's examples run", async () => {
  expect(examples).toHaveLength(3);
  const [list, create, share] = await Promise.all([runExample(0), runExample(1), runExample(2)]);
  expect(list).toMatch(/^b2-7 2 7000$/m);
  expect(create).toBe('ACTIVE\n');
  expect(share).toBe('1\n');
  expect(playground.books()).toMatchObject({ serversCreated: 1, serversLeft: 0, portsCreated: 1, portsLeft: 0 });
});
