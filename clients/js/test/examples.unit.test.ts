/** The examples of the documentation, against the types. That they work is tried in `tests/clients/demo`. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { transform } from 'esbuild';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

import { compile, root, sources } from './compiler.js';

/** As a page without TypeScript is read by an editor. */
const LOOSE = {
  allowJs: true, checkJs: true, strict: false, noUncheckedIndexedAccess: false, noUnusedLocals: false, types: ['node'],
  exactOptionalPropertyTypes: false,
};
/** As a new project with React and TypeScript is set up: the strict way. */
const STRICT = { jsx: 'react-jsx', moduleResolution: 'Bundler', module: 'ESNext', types: ['react'] };
/** What no type can know: the elements of the page. */
const UNKNOWN = /^error TS2339: Property 'value' does not exist on type 'HTMLElement'/;

const examples = Object.fromEntries(['clients/js/README.md', 'docs/front-end.md'].flatMap((page) => {
  const blocks = [...readFileSync(join(sources, page), 'utf8').matchAll(/^```(js|tsx)\n(.*?)^```$/gms)];
  return blocks.map(([, language = '', text = ''], at): [string, string] => [`${page.replaceAll('/', '_')}-${at}.${language}`, text]);
}));

/** One that stands alone; the snippets are about a `user` that the reader has. */
function whole(text: string): string {
  return text.includes('user.id,') ? `import { connect } from 'chatzz-client';\nconst user = { id: '' };\n${text}` : text;
}

function complaints(files: Record<string, string>): string[] {
  const [plain, react] = ['.js', '.tsx'].map((end) => Object.fromEntries(Object.entries(files).filter(([name]) => name.endsWith(end))));
  const found = [...compile(plain ?? {}, LOOSE).filter(({ text }) => !UNKNOWN.test(text)), ...compile(react ?? {}, STRICT)];
  return found.map(({ file, line, text }) => `${file}:${line}: ${text}`);
}

/** The other half of an example. */
const talk = { 'talk.tsx': Object.values(examples).find((text) => text.includes('export function Talk({ chat')) ?? '' };

test('the examples satisfy the types of the library', () => {
  const files = Object.fromEntries(Object.entries(examples).map(([name, text]) => [name, whole(text)]));
  assert.ok(Object.keys(files).length >= 9);
  assert.equal(Object.keys(files).filter((name) => name.endsWith('.tsx')).length, 3);

  assert.deepEqual(complaints({ ...files, ...talk }), []);
});

test('an example with a name that the library does not have is noticed', () => {
  const changed = (text: string) => whole(text).replace('.markRead', '.markAsRead').replace('userId:', 'user:').replace('useConversation }', 'useTalk }').replace('readWhenSeen', 'readWhenRead').replace('connect<User>', 'join<User>');
  const touched = Object.entries(examples).filter(([, text]) => changed(text) !== whole(text) && text.includes('chatzz-client'));
  assert.ok(touched.length >= 5);
  const said = complaints({ ...Object.fromEntries(touched.map(([name, text]) => [name, changed(text)])), ...talk });

  for (const [name] of touched) assert.match(said.filter((line) => line.startsWith(name)).join('\n'), /does not exist|no exported member|Cannot find name/, name);
});

test('the example for React is rendered by a server, which connects nobody', async () => {
  const example = Object.values(examples).find((text) => text.includes('export function App()')) ?? '';
  const place = join(root, 'build', `rendered-${process.pid}`);
  mkdirSync(place);
  try {
    const { code } = await transform(example, { loader: 'tsx', jsx: 'automatic', format: 'esm' });
    writeFileSync(join(place, 'app.mjs'), code);
    const { App } = await import(join(place, 'app.mjs'));

    assert.equal(renderToStaticMarkup(createElement(App)), '<p>disconnected…</p>');
    assert.deepEqual(process.getActiveResourcesInfo().filter((what) => /Timeout|TCP/.test(what)), []);
  } finally {
    rmSync(place, { recursive: true });
  }
});
