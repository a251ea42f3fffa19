// `npm run bundle`: the command as an image carries it, in dist/.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

export default defineConfig({
  // Threads are programs of their own, started by their names (src/cli/polish-thread.ts, pod-reading-thread.ts).
  input: {
    main: 'src/cli/main.ts',
    'polish-worker': 'src/cli/polish-worker.ts',
    'pod-reading-worker': 'src/cli/pod-reading-worker.ts',
  },
  platform: 'node',
  // `$`: the package's name alone, not what is below it.
  resolve: { alias: { undici$: fileURLToPath(new URL('deploy/bundle/undici.js', import.meta.url)) } },
  output: { dir: 'dist', cleanDir: true, format: 'esm', minify: true, entryFileNames: '[name].js' },
});
