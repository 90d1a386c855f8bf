import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** A server for `npm run dev`: `cargo run -- dev`. */
const server = 'http://127.0.0.1:3000';

export default defineConfig({
  resolve: {
    alias: [
      { find: 'chatzz-client/react', replacement: at('../js/src/react.ts') },
      { find: 'chatzz-client', replacement: at('../js/src/index.ts') },
      // The hooks are written for React; Preact knows them under this name.
      { find: /^react$/, replacement: 'preact/compat' },
    ],
    // The library has no packages of its own where this is built.
    dedupe: ['preact', 'socket.io-client'],
  },
  build: {
    target: 'es2022',
    // The content security policy allows no script but those of the server's own files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: [at('index.html'), at('duo.html')] },
  },
  server: { proxy: { '/demo': server, '/socket.io': { target: server, ws: true } } },
});
