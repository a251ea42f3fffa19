// `npm run bundle`: the command as an image carries it, in dist/.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: 'src/cli/main.ts',
  platform: 'node',
  // `$`: the package's name alone, not what is below it.
  resolve: { alias: { undici$: fileURLToPath(new URL('deploy/bundle/undici.js', import.meta.url)) } },
  output: { dir: 'dist', cleanDir: true, format: 'esm', minify: true },
});
