'use strict';
// What docs/back-end.md, the readme of chatzz-server and the front page have the writer of a back end do, done.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Browser } = require('./browser.js');
const { Newcomer, Page } = require('./newcomer.js');
const { Server, freePort } = require('./server.js');

const guide = new Page('docs/back-end.md');
const readme = new Page('clients/server-js/README.md');
const front = new Page('README.md');
const STEPS = 'A server of your own';

let server;
let browser;
let newcomer;
/** The ports of the API and of the new server, instead of 3001 and 3002. */
let ports;
let key;
before(async () => {
  ports = [await freePort(), await freePort()];
  newcomer = new Newcomer({});
  fs.mkdirSync(newcomer.home);
  // the first line makes the secret; the second and the third say what chatzz is started with
  const [secret, settings, start, ...rest] = guide.block(STEPS, 'sh').trim().split('\n');
  assert.deepEqual(rest, []);
  newcomer.shell(secret);
  const env = Object.fromEntries(settings.replace(/^export /, '').split(' ').map((one) => one.split('=')));
  const [, file] = /^CHATZZ_HOOK_SECRET_FILE=(\S+) cargo run --release -- dev$/.exec(start);
  env.CHATZZ_HOOK_URL = env.CHATZZ_HOOK_URL.replace('3002', ports[1]);
  env.CHATZZ_HOOK_SECRET_FILE = newcomer.meant(file);
  const line = execFileSync(process.env.CHATZZ_BIN, ['key', 'new', 'shop', 'read,send,events,manage'], { encoding: 'utf8' }).split('\n');
  key = line[1].trim();
  fs.writeFileSync(newcomer.meant('~/keys'), line[3].trim());
  const api = { CHATZZ_API_LISTEN: `127.0.0.1:${ports[0]}`, CHATZZ_API_KEYS_FILE: newcomer.meant('~/keys') };
  [server, browser] = await Promise.all([Server.start({ ...env, ...api }, []), Browser.start()]);
});
after(async () => {
  newcomer?.end();
  await browser?.end();
  await server?.end();
});

/** A program of the page, with this test's ports. */
function save(name, text) {
  fs.writeFileSync(path.join(newcomer.home, name), text.replaceAll('127.0.0.1:3001', `127.0.0.1:${ports[0]}`).replaceAll('3002', String(ports[1])));
}

/** Starts a command of the page; what it says is collected. */
function run(command) {
  const child = newcomer.start('sh', ['-ec', newcomer.meant(`exec env ${command}`)], ['ignore', 'pipe', 'pipe']);
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { child.said += text; });
  return child;
}

/** A call of the API by its address, as of another back end. */
async function call(method, way, json) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${ports[0]}/v1/${way}`, { method, headers, body: json && JSON.stringify(json) });
  assert.ok(answer.ok, await answer.text());
}

async function says(child, text) {
  for (const end = Date.now() + 60_000; !child.said.includes(text); await sleep(20)) assert.ok(Date.now() < end, `“${text}” is not in:\n${child.said}`);
}

test('whoever follows the page has a server that answers, refuses and hears', async () => {
  const [copy, pack, folder, install, ...rest] = guide.block(STEPS, 'sh', 1).trim().split('\n');
  assert.deepEqual(rest, []);
  assert.equal(copy, 'cp .chatzz/api-key ~/chatzz-key');
  fs.writeFileSync(newcomer.meant('~/chatzz-key'), key);
  newcomer.pack(pack, 'server-js');
  assert.equal(folder, 'mkdir ~/my-shop && cd ~/my-shop && npm init -y');
  newcomer.shell('npm init -y');
  newcomer.shell(install);
  save('server.mjs', guide.block(STEPS, 'js'));
  const command = guide.block(STEPS, 'sh', 2).trim();
  const shop = run(command);

  assert.ok(guide.text.includes('`http://127.0.0.1:3000/?as=alice&with=bob`'));
  const alice = await browser.person(server, 'alice', 'bob');
  const write = async (text) => {
    await alice.field.fill(text);
    await alice.field.press('Enter');
  };
  const log = alice.page.getByRole('log');
  await write('Do you have tea?');
  await log.getByText('Thank you! We answer soon.').waitFor();
  await says(shop, 'Do you have tea?');
  assert.match(shop.said, /^message\.created \{/m);
  await write('Call 5550100');
  await alice.page.getByText('Please do not send telephone numbers.').first().waitFor();

  shop.kill('SIGKILL');
  await write('Are you there?');
  await sleep(500);
  assert.equal(await log.getByText('Thank you! We answer soon.').count(), 1);
  const again = run(command);
  await log.getByText('Thank you! We answer soon.').nth(1).waitFor({ timeout: 60_000 });
  assert.ok(!again.said.includes('Do you have tea?'), 'it goes on at its cursor');

  // somebody who blocked the shop cannot be thanked; everybody else still is
  const [aliceId, bobId] = ['65a000000000000000000001', '65a000000000000000000002'];
  await call('PUT', `users/${aliceId}/blocks/${bobId}`);
  await call('POST', 'messages', { from: aliceId, to: bobId, message: 'You are blocked', key: 'blocked' });
  await says(again, 'You are blocked');
  await call('DELETE', `users/${aliceId}/blocks/${bobId}`);
  await call('POST', 'messages', { from: aliceId, to: bobId, message: 'Welcome back', key: 'back' });
  await log.getByText('Thank you! We answer soon.').nth(2).waitFor({ timeout: 60_000 });
  assert.equal(again.exitCode, null);
  await alice.page.close();
  newcomer.stop();
});

test('the first example of the readme sends a message once', async () => {
  assert.ok(readme.block('A first', 'sh').includes(guide.block(STEPS, 'sh', 1).split('\n')[1]));
  assert.equal(readme.block('A first', 'sh', 1).trim(), guide.block(STEPS, 'sh', 1).trim().split('\n').at(-1));
  save('first.mjs', readme.block('A first', 'js'));
  const command = readme.block('A first', 'sh', 2).trim().replace('chatzz_...', key);
  const first = run(command);
  await says(first, 'Bob has it now.\nBob is offline.\n');
  const second = run(command);
  await says(second, 'Bob had it before.\n');
});

test('the example of the front page sends once, however often it is run, and hears of it', async () => {
  save('front.mjs', front.block('A back end', 'js'));
  const sent = 'message.created Your order is on its way.\n';
  await says(run(`CHATZZ_KEY=${key} node front.mjs`), sent);
  const again = run(`CHATZZ_KEY=${key} node front.mjs`);
  await says(again, sent);
  const [alice, bob] = ['65a000000000000000000001', '65a000000000000000000002'];
  await call('POST', 'messages', { from: alice, to: bob, message: 'the last one', key: 'after-the-front-page' });
  await call('POST', `users/${bob}/read`, { with: alice });
  await says(again, 'message.created the last one\n');
  await says(again, 'message.read up to ');
  assert.equal(again.said.split(sent).length, 2, again.said);
  assert.match(again.said, /^message\.read up to \d+$/m);
  newcomer.stop();
});

test('the other examples of the readme hear and refuse', async () => {
  save('more.mjs', `import { Chatzz } from 'chatzz-server';
const chatzz = new Chatzz({ url: 'http://127.0.0.1:3001', key: process.env.CHATZZ_KEY });
setTimeout(async () => {
  await chatzz.send({ from: '65a000000000000000000001', to: '65a000000000000000000002', message: 'Tea?', key: 'tea', ask: true });
  await chatzz.send({ from: '65a000000000000000000001', to: '65a000000000000000000002', message: '555 01 00', key: 'phone', ask: true })
    .catch((error) => console.log(error.problem.reason));
}, 1_000);
${readme.block('Hooks', 'js')}
${readme.block('Events', 'js')}`);
  const child = run(`CHATZZ_KEY=${key} CHATZZ_SECRET=$(cat ~/chatzz-secret) node more.mjs`);
  await says(child, '65a000000000000000000001 → 65a000000000000000000002: Tea?');
  await says(child, 'Please do not send telephone numbers.');
  newcomer.stop();
});

test('the example of the page about hooks refuses what the readme\'s does', async () => {
  const hooks = new Page('docs/hooks.md').block('What to answer', 'js');
  save('hooks.mjs', `import { Chatzz } from 'chatzz-server';
const chatzz = new Chatzz({ url: 'http://127.0.0.1:3001', key: process.env.CHATZZ_KEY });
${hooks}
await chatzz.send({ from: '65a000000000000000000001', to: '65a000000000000000000002', message: '+1 555 0100', key: 'hooks', ask: true })
  .catch((error) => console.log(JSON.stringify(error.problem.meta)));`);
  await says(run(`CHATZZ_KEY=${key} HOOK_SECRET=$(cat ~/chatzz-secret) node hooks.mjs`), '{"rule":"phone"}');
  newcomer.stop();
});

test('the readme has no example that is not tried', () => {
  assert.deepEqual(readme.unused(), []);
  assert.deepEqual(guide.unused().filter((block) => block.startsWith(STEPS)), []);
});
