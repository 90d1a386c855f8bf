import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { compile, root, sources } from './compiler.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** A folder in which the package is packed, and installed as it would be by npm. */
const place = join(root, 'build', `packed-${process.pid}`);
let tarball: Buffer;

before(() => {
  mkdirSync(join(place, 'node_modules'), { recursive: true });
  const pack = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', place], root);
  const file = join(place, pack.trim());
  tarball = readFileSync(file);
  run('tar', ['-xzf', file, '-C', place], place);
  symlinkSync(join(place, 'package'), join(place, 'node_modules', 'chatzz-client'));
});
after(() => rmSync(place, { recursive: true }));

/** What a command prints. */
function run(command: string, args: string[], cwd = place): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test('the library takes at most 10 KiB of a page, gzipped and without socket.io-client', () => {
  const run = spawnSync(process.execPath, [join(root, 'scripts/size.js')], { encoding: 'utf8' });

  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  assert.match(run.stdout, /^chatzz-client: \d+ bytes gzipped/);
});

test('nothing but peers is needed at run time', () => {
  const { dependencies, peerDependencies } = manifest;

  assert.equal(dependencies, undefined);
  assert.deepEqual(Object.keys(peerDependencies), ['react', 'socket.io-client']);
});

test('no source file is longer than 300 lines', () => {
  const files = ['src', 'test', 'scripts'].flatMap((folder) => readdirSync(join(root, folder)).map((file) => join(root, folder, file)));
  assert.ok(files.length > 15);

  const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length - 1 > 300);

  assert.deepEqual(long, []);
});

/** What each entry point exports. */
const EXPORTED = { 'chatzz-client': 'Chatzz,ChatzzError,connect,messageKey,readWhenSeen', 'chatzz-client/react': 'useChat,useConversation' };

for (const [entry, names] of Object.entries(EXPORTED)) {
  test(`${entry} is imported by a module and required by a script of Node.js`, () => {
    const print = 'console.log(Object.keys(all).filter((name) => name !== \'default\' && name !== \'__esModule\').sort().join())';
    writeFileSync(join(place, 'entry.mjs'), `import * as all from '${entry}'; ${print}`);
    writeFileSync(join(place, 'entry.cjs'), `const all = require('${entry}'); ${print}`);

    assert.equal(run(process.execPath, ['entry.mjs']), `${names}\n`);
    assert.equal(run(process.execPath, ['entry.cjs']), `${names}\n`);
  });

  test(`${entry} is found by whoever knows no "exports"`, () => {
    // By the path of a folder, `main` alone counts.
    const print = `console.log(Object.keys(require('./node_modules/${entry}')).filter((name) => name !== '__esModule').sort().join())`;
    writeFileSync(join(place, 'old.cjs'), print);

    assert.equal(run(process.execPath, ['old.cjs']), `${names}\n`);
  });
}

test('a program with "moduleResolution": "node" has the types', () => {
  const text = `import { connect } from 'chatzz-client';\nimport { useChat } from 'chatzz-client/react';\n`
    + `export const name: string | undefined = useChat(connect<{ name: string }>({ url: 'https://chat.example.org', userId: 'alice' })).user?.name;\n`
    + `export const wrong = connect({ url: '', userId: '' }).unread.length;\n`;
  const said = compile({ 'app.ts': text }, {
    module: 'CommonJS', moduleResolution: 'Node10', verbatimModuleSyntax: false, skipLibCheck: false, baseUrl: '.',
    paths: { 'chatzz-client': [join(place, 'package')], 'chatzz-client/react': [join(place, 'package/react')] },
  });

  assert.deepEqual(said.map(({ line, text }) => `${line}: ${text}`), ['4: error TS2339: Property \'length\' does not exist on type \'number\'.']);
});

test('publint has nothing to say about the package', async () => {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });

  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
});

test('the types are right for every way of importing the package', async () => {
  const found = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));

  assert.ok(found.types, 'there are types');
  assert.deepEqual(found.problems, []);
  assert.deepEqual(Object.keys(found.entrypoints).sort(), ['.', './package.json', './react']);
});

test('the package has what it needs and nothing else', () => {
  const top = readdirSync(join(place, 'package')).sort();

  assert.deepEqual(top, ['LICENSE', 'README.md', 'dist', 'package.json', 'react']);
});

test('the links of the readme work outside the repository', () => {
  const base = `${manifest.repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/`;
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  assert.ok(links.length >= 5);

  for (const link of links.filter((link) => !link.startsWith('#'))) {
    assert.ok(link.startsWith(base), `${link} begins with ${base}`);
    assert.ok(existsSync(join(sources, link.slice(base.length).replace(/#.*/, ''))), link);
  }
});

test('the lock file names hashes and no place to fetch from', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string; integrity?: string; resolved?: string }> };

  for (const [name, version] of Object.entries(manifest.devDependencies)) assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  for (const [name, { integrity, resolved }] of Object.entries(packages).slice(1)) {
    assert.ok(integrity, name);
    assert.equal(resolved, undefined, name);
  }
});
