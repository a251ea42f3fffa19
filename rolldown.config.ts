// `npm run bundle`: the command as an image carries it, in dist/.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

export default defineConfig({
  // The thread is a program of its own, started by its name (src/cli/polish-thread.ts).
  input: { main: 'src/cli/main.ts', 'polish-worker': 'src/cli/polish-worker.ts' },
  platform: 'node',
  // `$`: the package's name alone, not what is below it.
  resolve: { alias: { undici$: fileURLToPath(new URL('deploy/bundle/undici.js', import.meta.url)) } },
  output: { dir: 'dist', cleanDir: true, format: 'esm', minify: true, entryFileNames: '[name].js' },
});
