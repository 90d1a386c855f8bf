/** The package as npm has it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { Chatzz } from '../src/index.js';
import { packed, root, scripted, sources } from './support.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { place, archive } = packed();
const tarball = new Uint8Array(readFileSync(archive));
const lines = (file: string) => readFileSync(file, 'utf8').split('\n').length - 1;

test('nothing is needed at run time, and there are at most 300 lines of own source', () => {
  const own = readdirSync(join(root, 'src')).filter((file) => file !== 'openapi.ts');
  const sum = own.map((file) => lines(join(root, 'src', file))).reduce((sum, one) => sum + one);

  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
  assert.ok(own.length > 3 && sum <= 300, `${sum} lines`);
  for (const file of readdirSync(join(root, 'test'))) assert.ok(lines(join(root, 'test', file)) <= 300, file);
});

test('it is imported by a module and required by a script of Node.js', () => {
  const print = 'console.log(Object.keys(all).filter((name) => name !== \'default\' && name !== \'__esModule\').sort().join())';
  writeFileSync(join(place, 'entry.mjs'), `import * as all from 'chatzz-server'; ${print}`);
  writeFileSync(join(place, 'entry.cjs'), `const all = require('chatzz-server'); ${print}`);

  for (const entry of ['entry.mjs', 'entry.cjs']) {
    assert.equal(execFileSync(process.execPath, [entry], { cwd: place, encoding: 'utf8' }), 'Chatzz,ChatzzError,listener,verify\n');
  }
});

test('publint has nothing to say, and the types are right for every way of importing', async () => {
  const { messages } = await publint({ pack: { tarball: tarball.slice().buffer }, strict: true });
  const found = await checkPackage(createPackageFromTarballData(tarball));

  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
  assert.ok(found.types, 'there are types');
  assert.deepEqual(found.problems, []);
  assert.deepEqual(readdirSync(join(place, 'package')).sort(), ['LICENSE', 'README.md', 'dist', 'package.json']);
});

test('the links of the readme work outside the repository', () => {
  const base = `${manifest.repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/`;
  const links = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  assert.ok(links.length >= 3);

  for (const link of links.filter((link) => !link.startsWith('#') && !link.startsWith('https://www.standardwebhooks.com'))) {
    assert.ok(link.startsWith(base), `${link} begins with ${base}`);
    assert.ok(existsSync(join(sources, link.slice(base.length).replace(/#.*/, ''))), link);
  }
});

test('the lock file names hashes and no place to fetch from', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { version: string; integrity?: string; resolved?: string }> };

  for (const [name, version] of Object.entries(manifest.devDependencies)) assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  for (const [name, { integrity, resolved }] of Object.entries(packages).slice(1)) assert.deepEqual([typeof integrity, resolved], ['string', undefined], name);
});

test('the types are those of docs/openapi.json', () => {
  const made = execFileSync(process.execPath, [join(root, 'scripts/generate.js'), '--print'], { encoding: 'utf8' });

  assert.ok(made === readFileSync(join(root, 'src/openapi.ts'), 'utf8'), 'src/openapi.ts is old; refresh it: npm run generate in clients/server-js');
});

test('every call of the API has its method, and no method calls anything else', async () => {
  interface Operation { requestBody?: { content: object }; responses: Record<string, { content: object }> }
  const { paths } = JSON.parse(readFileSync(join(sources, 'docs/openapi.json'), 'utf8')) as { paths: Record<string, Record<string, Operation>> };
  const all = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ call: `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '*')}`, operation })));
  // Streams of lines are no calls with an answer: they are read and written with `fetch`.
  const isStream = ({ requestBody, responses }: Operation) => [requestBody, ...Object.values(responses)].some((one) => one && 'application/x-ndjson' in one.content);
  const documented = all.filter(({ operation }) => !isStream(operation)).map(({ call }) => call);
  const api = await scripted([200, { events: [{ id: 'e1' }], results: [], cursor: 'c' }]);
  const chatzz = new Chatzz({ url: `${api.url}/`, key: 'k' });

  for (const [name, call] of Object.entries(chatzz)) await assert.doesNotReject((call as (...args: unknown[]) => Promise<unknown>)('*', '*'), name);
  await chatzz.events({ after: 'head' }).next();

  const called = api.asked.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
  assert.deepEqual([...new Set(called)].sort(), documented.filter((call) => call !== 'GET /v1/openapi.json').sort());
  await api.end();
});

test('what comes into a path stays in its place', async () => {
  const api = await scripted([200, {}]);
  const chatzz = new Chatzz({ url: api.url, key: 'k' });
  await chatzz.user('../a b/?x#ü');
  for (const id of ['', '.', '..']) await assert.rejects(chatzz.endSockets(id), TypeError);
  assert.deepEqual(api.asked.map(({ path }) => path), ['/v1/users/..%2Fa%20b%2F%3Fx%23%C3%BC']);
  await api.end();
});
