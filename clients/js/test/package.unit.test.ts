import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the library takes at most 9 KiB of a page, gzipped and without socket.io-client', () => {
  const run = spawnSync(process.execPath, [join(root, 'scripts/size.js')], { encoding: 'utf8' });

  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  assert.match(run.stdout, /^chatzz-client: \d+ bytes gzipped/);
});

test('nothing but peers is needed at run time', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  assert.equal(dependencies, undefined);
  assert.deepEqual(Object.keys(peerDependencies), ['react', 'socket.io-client']);
});

test('no source file is longer than 300 lines', () => {
  const files = ['src', 'test', 'scripts'].flatMap((folder) => readdirSync(join(root, folder)).map((file) => join(root, folder, file)));
  assert.ok(files.length > 15);

  const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length - 1 > 300);

  assert.deepEqual(long, []);
});

test('the entry points are where package.json says, and export what the readme uses', async () => {
  const main = await import(join(root, 'dist/index.js'));
  const react = await import(join(root, 'dist/react.js'));

  assert.deepEqual(Object.keys(main).sort(), ['Chatzz', 'ChatzzError', 'connect', 'messageKey']);
  assert.deepEqual(Object.keys(react).sort(), ['useChat', 'useConversation']);
});
