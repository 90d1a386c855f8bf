'use strict';
// What docs/front-end.md tells a newcomer to do, done.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { Browser, picture } = require('./browser.js');
const { Newcomer, Page } = require('./newcomer.js');
const { Server } = require('./server.js');

const page = new Page('docs/front-end.md');

let server;
let browser;
let newcomer;
before(async () => {
  [server, browser] = await Promise.all([Server.start({}, []), Browser.start()]);
  newcomer = new Newcomer(server);
  newcomer.pack(page.block('2.', 'sh'));
  const install = page.block('2.', 'sh', 1);
  assert.match(install, /^mkdir ~\/my-chat && cd ~\/my-chat && npm init -y\n/);
  newcomer.shell(install, path.dirname(newcomer.home));
});
after(async () => {
  newcomer?.end();
  await browser?.end();
  await server?.end();
});

async function send(window, text) {
  await window.getByLabel('Message').fill(text);
  await window.getByLabel('Message').press('Enter');
  await window.getByText(text).waitFor();
}

/** What a page shows of a conversation, whoever looks at it: name and text of each line. */
async function lines(window, me, other) {
  const all = await window.locator('p').allTextContents();
  return all.filter((line) => line.startsWith('me:') || line.startsWith(`${other}:`))
    .map((line) => line.replace(/^me:/, `${me}:`).replace(/ \(\w+\)$/, ''));
}

/** Two people write, the server goes away for a while in which both go on, and comes back. */
async function chat(one, other, read, words) {
  await one.getByLabel('Message').pressSequentially('Hel');
  await other.getByText('is typing').waitFor();
  await send(one, words[0]);
  await read(one, words[0]).waitFor();
  await server.kill();
  await one.getByText('No connection').waitFor();
  await other.getByText('No connection').waitFor();
  for (const text of words.slice(1)) {
    await send(one, `${text} from one`);
    await send(other, `${text} from the other`);
  }
  await server.begin();
  for (const window of [one, other]) await window.getByText('No connection').waitFor({ state: 'detached' });
  const last = words.at(-1);
  await read(one, `${last} from one`).waitFor();
  await read(other, `${last} from the other`).waitFor();
  assert.deepEqual(browser.complaints.filter((text) => !text.includes('404')), [], 'there is no icon');
}

/** Alice's and Bob's windows, who both know each other's name. */
async function pair() {
  const windows = await Promise.all([newcomer.open(browser, 'alice'), newcomer.open(browser, 'bob')]);
  for (const [at, name] of ['Bob', 'Alice'].entries()) await windows[at].getByRole('heading', { name }).waitFor();
  return windows;
}

/** The pages show what they should of these words, and the same. */
async function agree(alice, bob, words) {
  const shown = await lines(alice, 'Alice', 'Bob');
  assert.deepEqual(await lines(bob, 'Bob', 'Alice'), shown);
  const by = (name, suffix) => [
    shown.filter((line) => words.some((text) => line === `${name}: ${text}${suffix}`)),
    words.slice(1).map((text) => `${name}: ${text}${suffix}`),
  ];
  for (const [name, suffix] of [['Alice', ' from one'], ['Bob', ' from the other']]) assert.deepEqual(...by(name, suffix));
  assert.equal(shown.filter((line) => line === `Alice: ${words[0]}`).length, 1);
}

/** What Bob writes while Alice's page has it off the screen is not read, until she scrolls to it. */
async function readsWhatSheSees(alice, bob, read, scroll) {
  await alice.setViewportSize({ width: 400, height: 250 });
  await scroll(alice, 0);
  await send(bob, 'off the screen');
  await alice.getByText('off the screen').waitFor({ state: 'attached' });
  await alice.waitForTimeout(500); // longer than reads are batched
  assert.equal(await read(bob, 'off the screen').count(), 0);
  await scroll(alice, 1e6);
  await read(bob, 'off the screen').waitFor();
}

const mine = (window, text) => window.getByText(`me: ${text} (read)`);

test('whoever follows the page from nothing has two people who chat', async () => {
  newcomer.write({ 'index.html': page.block('2.', 'html'), 'main.js': page.block('2.', 'js') });
  assert.equal(page.block('3.', 'sh'), 'npx vite\n');
  for (const name of ['alice', 'bob']) assert.ok(page.text.includes(`<http://localhost:5173/?as=${name}>`));
  await newcomer.vite();
  const [alice, bob] = await pair();
  await alice.getByText('Bob is online').waitFor();
  const words = ['Hello', 'kept 1', 'kept 2', 'kept 3'];
  await chat(alice, bob, mine, words);
  await agree(alice, bob, words);
  await alice.bringToFront();
  await picture(alice, 'newcomer');
  await readsWhatSheSees(alice, bob, mine, (window, top) => window.evaluate((y) => scrollTo(0, y), top));
  await Promise.all([alice.close(), bob.close()]);
});

test('a window that is reloaded while the server is away keeps what waits, and has the rest when it is back', async () => {
  const [alice, bob] = await pair();
  await send(alice, 'before the loss');
  await bob.getByText('Alice: before the loss').waitFor();
  await server.kill();
  await alice.getByText('No connection').waitFor();
  await send(alice, 'written in vain?');
  await alice.reload();
  await alice.getByText('me: written in vain? (waiting)').waitFor();
  await send(alice, 'and one more');
  await server.begin();
  await mine(alice, 'and one more').waitFor();
  await alice.getByText('me: before the loss').waitFor();
  const ofThis = (line) => /before|vain|more/.test(line);
  const shown = (await lines(bob, 'Bob', 'Alice')).filter(ofThis);
  assert.deepEqual(shown, ['Alice: before the loss', 'Alice: written in vain?', 'Alice: and one more']);
  assert.deepEqual((await lines(alice, 'Alice', 'Bob')).filter(ofThis), shown);
  await Promise.all([alice.close(), bob.close()]);
});

test('somebody to talk to is played by the program', async () => {
  const [command, , , ...args] = page.block('3.', 'sh', 1).trim().replace('cargo run', 'cargo-run').split(' ');
  assert.deepEqual([command, args.slice(0, 1)], ['cargo-run', ['peer']]);
  const alice = await newcomer.open(browser, 'alice');
  newcomer.start(process.env.CHATZZ_BIN, [...args, '--url', server.url]);
  await alice.getByText('Bob is online').waitFor();
  await send(alice, 'Echo?');
  await alice.getByText('Bob: Echo?').waitFor();
  await mine(alice, 'Echo?').waitFor();
  newcomer.stop();
  await alice.close();
});

test('the way without the library works as it is written', async () => {
  newcomer.write({ 'index.html': page.block('2.', 'html'), 'main.js': page.block('Without', 'js') });
  await newcomer.vite();
  const [alice, bob] = await pair();
  const words = ['Hello plainly', 'plain 1', 'plain 2', 'plain 3'];
  await chat(alice, bob, mine, words);
  await agree(alice, bob, words);
  await Promise.all([alice.close(), bob.close()]);
});

test('the way with React works as it is written', async () => {
  newcomer.shell(page.block('With React', 'sh'));
  newcomer.write({
    'vite.config.js': page.block('With React', 'js'), 'index.html': page.block('With React', 'html'),
    'talk.tsx': page.block('With React', 'tsx'), 'main.tsx': page.block('With React', 'tsx', 1),
  });
  await newcomer.vite();
  const [alice, bob] = await pair();
  const words = ['Hello React', 'react 1', 'react 2', 'react 3'];
  await chat(alice, bob, (window, text) => window.getByText(`${text} read`, { exact: true }), words);
  const shown = (window) => window.locator('p').filter({ hasText: /[Rr]eact.* read$/ }).allTextContents();
  assert.equal((await shown(alice)).length, 7);
  assert.deepEqual(await shown(bob), await shown(alice));
  await Promise.all([alice.close(), bob.close()]);
});

test('the way with logins works as it is written', async () => {
  await newcomer.logsIn(page.block('Your own users', 'js'));
});

test('the page has no example that is not tried', () => {
  assert.match(page.block('1.', 'sh'), /^cargo run --release -- dev$/m);
  assert.deepEqual(page.unused(), []);
});

test('the page\'s numbers are true', () => {
  const demo = path.join(process.env.CHATZZ_SOURCES, 'clients/demo/src');
  const count = fs.readdirSync(demo).map((file) => fs.readFileSync(path.join(demo, file), 'utf8').split('\n').length).reduce((sum, one) => sum + one);
  const [, said] = /about (\d+) lines/.exec(page.text);
  assert.ok(Math.abs(count - Number(said)) < 100, `the demo has ${count} lines`);
});
