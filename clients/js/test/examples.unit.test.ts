/** The examples of the documentation, against the types. That they work is tried in `tests/clients/demo`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { compile, sources } from './compiler.js';

/** As a page without TypeScript is read by an editor. */
const OPTIONS = {
  allowJs: true, checkJs: true, strict: false, noUncheckedIndexedAccess: false, noUnusedLocals: false, types: ['node'],
  jsx: 'react-jsx', exactOptionalPropertyTypes: false,
};
/** What no type can know: the elements of the page, and the fields of the application's users. */
const UNKNOWN = /^error TS(2339: Property 'value' does not exist on type 'HTMLElement'|2322: Type 'unknown' is not assignable to type 'ReactNode')/;

const examples = Object.fromEntries(['clients/js/README.md', 'docs/front-end.md'].flatMap((page) => {
  const blocks = [...readFileSync(join(sources, page), 'utf8').matchAll(/^```(jsx?)\n(.*?)^```$/gms)];
  return blocks.map(([, language = '', text = ''], at): [string, string] => [`${page.replaceAll('/', '_')}-${at}.${language}`, text]);
}));

/** One that stands alone; the snippets are about a `user` that the reader has. */
function whole(text: string): string {
  return text.includes('user.id,') ? `import { connect } from 'chatzz-client';\nconst user = { id: '' };\n${text}` : text;
}

function complaints(files: Record<string, string>): string[] {
  const found = compile(files, OPTIONS).filter(({ text }) => !UNKNOWN.test(text));
  return found.map(({ file, line, text }) => `${file}:${line}: ${text}`);
}

test('the examples satisfy the types of the library', () => {
  const files = Object.fromEntries(Object.entries(examples).map(([name, text]) => [name, whole(text)]));
  assert.ok(Object.keys(files).length >= 9);
  // The other half of one of them.
  files['talk.jsx'] = Object.values(files).find((text) => text.includes('export function Talk({ chat')) ?? '';

  assert.deepEqual(complaints(files), []);
});

test('an example with a name that the library does not have is noticed', () => {
  const changed = (text: string) => whole(text).replace('.markRead', '.markAsRead').replace('userId:', 'user:').replace('useConversation }', 'useTalk }');
  const touched = Object.entries(examples).filter(([, text]) => changed(text) !== whole(text) && text.includes('chatzz-client'));
  assert.ok(touched.length >= 5);
  const said = complaints(Object.fromEntries(touched.map(([name, text]) => [name, changed(text)])));

  for (const [name] of touched) assert.match(said.filter((line) => line.startsWith(name)).join('\n'), /does not exist|no exported member/, name);
});
