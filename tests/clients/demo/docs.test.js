'use strict';
// What docs/front-end.md tells a newcomer to do, done: its commands and files, in an empty folder.
// CHATZZ_SOURCES is the repository, CHATZZ_LIBRARY a copy of clients/js with its packages.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Browser, picture } = require('./browser.js');
const { Server, freePort } = require('./server.js');

const page = fs.readFileSync(path.join(process.env.CHATZZ_SOURCES ?? '', 'docs/front-end.md'), 'utf8');
const blocks = (language) => [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text);
const folder = fs.mkdtempSync(path.join(process.env.CHATZZ_TEST_DIR ?? os.tmpdir(), 'chatzz-newcomer-'));

let server;
let browser;
let vite;
let origin;

/** One of the page's commands, with this test's folders instead of the newcomer's. */
function shell(command, cwd) {
  execFileSync('sh', ['-ec', command], { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
}

/** The package as the page has it made, without a change of the repository's own folder. */
function pack() {
  const [, command] = blocks('sh');
  assert.match(command, /cd clients\/js && npm install .* && npm pack --pack-destination \/tmp/);
  const library = process.env.CHATZZ_LIBRARY ?? '';
  const copy = path.join(folder, 'library');
  for (const part of ['src', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE']) {
    fs.cpSync(path.join(library, part), path.join(copy, part), { recursive: true });
  }
  fs.symlinkSync(path.join(library, 'node_modules'), path.join(copy, 'node_modules'));
  shell(`npm pack --pack-destination ${folder}`, copy);
}

/** The newcomer's page with one of the scripts, as the documentation has them, on this test's server. */
function write(script) {
  const known = 'http://127.0.0.1:3000';
  assert.ok(script.includes(known));
  const [html] = blocks('html');
  fs.writeFileSync(path.join(folder, 'my-chat/index.html'), html);
  fs.writeFileSync(path.join(folder, 'my-chat/main.js'), script.replaceAll(known, server.url));
}

before(async () => {
  [server, browser] = await Promise.all([Server.start(), Browser.start()]);
  pack();
  const [, , install] = blocks('sh');
  assert.match(install, /^mkdir ~\/my-chat && cd ~\/my-chat && npm init -y\nnpm install \/tmp\/chatzz-client-0\.1\.0\.tgz /);
  shell(install.replace('/tmp/', `${folder}/`).replaceAll('~/', `${folder}/`), folder);
  assert.match(blocks('sh')[3], /^npx vite$/m);
  const port = await freePort();
  origin = `http://localhost:${port}`;
  const program = path.join(folder, 'my-chat/node_modules/vite/bin/vite.js');
  vite = spawn(process.execPath, [program, '--port', port, '--strictPort'], { cwd: path.join(folder, 'my-chat'), stdio: 'ignore' });
  process.once('exit', () => vite.kill('SIGKILL'));
});
after(async () => {
  vite?.kill('SIGKILL');
  await browser?.end();
  await server?.end();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** The window of one of the two; the page has no icon, which the browser may complain about. */
async function open(as, partner) {
  for (const end = Date.now() + 30_000; !(await fetch(origin).then(({ ok }) => ok, () => false)); await sleep(50)) {
    assert.ok(Date.now() < end, 'vite serves the page');
  }
  const window = await browser.open(`${origin}/?as=${as}&with=${partner}`);
  await window.waitForFunction((name) => document.querySelector('h1').textContent.toLowerCase().startsWith(name), partner);
  return window;
}

async function send(window, text) {
  await window.getByLabel('Message').fill(text);
  await window.getByLabel('Message').press('Enter');
  await window.locator('#messages').getByText(`me: ${text}`).waitFor();
}

const lines = (window) => window.locator('#messages p').allTextContents();

/** Two people write, the server goes away while they go on, and comes back. */
async function chat(one, other, names) {
  await one.getByLabel('Message').pressSequentially('Hel');
  await other.locator('#typing').getByText(`${names[0]} is typing`).waitFor();
  await send(one, 'Hello');
  await one.getByText('me: Hello (read)').waitFor();
  await server.kill();
  await one.getByText('No connection').waitFor();
  await send(one, 'kept one');
  await send(other, 'kept two');
  await server.begin();
  await one.getByText('me: kept one (read)').waitFor();
  await other.getByText('me: kept two (read)').waitFor();
  const shown = async (window, name) => (await lines(window)).map((line) => line.replace('me:', `${name}:`).replace(/ \(.*\)$/, ''));
  const mine = await shown(one, names[0]);
  assert.deepEqual(await shown(other, names[1]), mine);
  assert.equal(mine.length, 3);
  assert.deepEqual(browser.complaints.filter((text) => !text.includes('404')), []);
}

test('whoever follows the page from nothing has two people who chat', async () => {
  write(blocks('js')[0]);
  const [alice, bob] = [await open('alice', 'bob'), await open('bob', 'alice')];
  await alice.getByText('Bob is online').waitFor();
  await chat(alice, bob, ['Alice', 'Bob']);
  await picture(alice, 'newcomer');
  await Promise.all([alice.close(), bob.close()]);
});

test('the way without the library works as it is written', async () => {
  write(blocks('js')[2]);
  const [chidi, emre] = [await open('chidi', 'emre'), await open('emre', 'chidi')];
  await chidi.waitForTimeout(1500); // both have met before anything is typed
  await chat(chidi, emre, ['Chidi', 'Emre']);
  await Promise.all([chidi.close(), emre.close()]);
});

test('the page\'s numbers are true', () => {
  const demo = path.join(process.env.CHATZZ_SOURCES, 'clients/demo/src');
  const count = fs.readdirSync(demo).map((file) => fs.readFileSync(path.join(demo, file), 'utf8').split('\n').length).reduce((sum, one) => sum + one);
  const [, said] = /about (\d+) lines/.exec(page);
  assert.ok(Math.abs(count - Number(said)) < 100, `the demo has ${count} lines`);
});
