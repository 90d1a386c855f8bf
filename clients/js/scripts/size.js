// What the library adds to a page: bundled, minified and gzipped, without socket.io-client. Ends with 1 above the limit.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const LIMIT = 10 * 1024; // bytes
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../dist/index.js', import.meta.url))],
  bundle: true,
  external: ['socket.io-client'],
  format: 'esm',
  minify: true,
  target: 'es2022',
  write: false,
});
const bundle = outputFiles[0].contents;
const size = gzipSync(bundle, { level: 9 }).length;
console.log(`chatzz-client: ${size} bytes gzipped of at most ${LIMIT} (${bundle.length} minified)`);
process.exitCode = size <= LIMIT ? 0 : 1;
