// Bundles the extension into dist/extension.js; with --tests the unit tests into dist/test.
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const tests = process.argv.includes('--tests');

await build({
  entryPoints: tests
    ? readdirSync('test').map((name) => `test/${name}`)
    : { extension: 'src/extension.ts' },
  outdir: tests ? 'dist/test' : 'dist',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  minify: !tests,
  sourcemap: false,
  logLevel: 'warning',
});
