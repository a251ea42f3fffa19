// What the bundle takes for undici (rolldown.config.ts) is the product's part of it: the same Agent, able to ask.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { sourceFiles } from './source/source-files.ts';

it('of undici the product uses the Agent alone', () => {
  const values = sourceFiles('src').flatMap(({ text }) =>
    [...text.matchAll(/import \{([^}]*)\} from 'undici'/g)].flatMap(([, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type ')),
    ),
  );
  expect([...new Set(values)]).toEqual(['Agent']);
});

it('the Agent of the bundle sends a request and reads the answer', () => {
  const code = `
    const { Agent } = await import('${new URL('../deploy/bundle/undici.js', import.meta.url).href}');
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const agent = new Agent();
    const origin = 'http://127.0.0.1:' + server.address().port;
    const { statusCode, body } = await agent.request({ origin, path: '/a', query: { b: 'c' }, method: 'GET' });
    process.stdout.write(statusCode + ' ' + (await body.text()));
    await agent.close();
    server.close();`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  expect(said).toBe('200 /a?b=c');
});
