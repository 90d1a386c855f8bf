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
  [server, browser] = await Promise.all([Server.start(), Browser.start()]);
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
  return all.filter((line) => line.startsWith('me:') || line.startsWith(`${other}:`)).map((line) => line.replace(/^me:/, `${me}:`).replace(/ \(\w+\)$/, ''));
}

/** Two people write, the server goes away while they go on, and comes back. */
async function chat(one, other, read) {
  await one.getByLabel('Message').pressSequentially('Hel');
  await other.getByText('is typing').waitFor();
  await send(one, 'Hello');
  await read(one, 'Hello').waitFor();
  await server.kill();
  await one.getByText('No connection').waitFor();
  await send(one, 'kept one');
  await send(other, 'kept two');
  await send(one, 'kept three');
  await server.begin();
  await read(one, 'kept three').waitFor();
  await read(other, 'kept two').waitFor();
  assert.deepEqual(browser.complaints.filter((text) => !text.includes('404')), [], 'there is no icon');
}

/** The same, in the pages that say “me”. */
async function chatPlainly(one, other, names) {
  await chat(one, other, (window, text) => window.getByText(`me: ${text} (read)`));
  const mine = await lines(one, names[0], names[1]);
  assert.deepEqual(await lines(other, names[1], names[0]), mine);
  assert.equal(mine.length, 4);
  await Promise.all([one.close(), other.close()]);
}

async function pair(one, other) {
  const windows = await Promise.all([newcomer.open(browser, one, other), newcomer.open(browser, other, one)]);
  for (const [at, name] of [other, one].entries()) {
    await windows[at].getByRole('heading', { name: new RegExp(`^${name}`, 'i') }).waitFor();
  }
  return windows;
}

test('whoever follows the page from nothing has two people who chat', async () => {
  newcomer.write({ 'index.html': page.block('2.', 'html'), 'main.js': page.block('2.', 'js') });
  assert.equal(page.block('3.', 'sh'), 'npx vite\n');
  await newcomer.vite();
  const [alice, bob] = await pair('alice', 'bob');
  await alice.getByText('Bob is online').waitFor();
  await alice.bringToFront();
  await picture(alice, 'newcomer');
  await chatPlainly(alice, bob, ['Alice', 'Bob']);
});

test('the way without the library works as it is written', async () => {
  newcomer.write({ 'index.html': page.block('2.', 'html'), 'main.js': page.block('Without', 'js') });
  const [chidi, emre] = await pair('chidi', 'emre');
  await chidi.waitForTimeout(1500); // both have met before anything is typed
  await chatPlainly(chidi, emre, ['Chidi', 'Emre']);
});

test('the way with React works as it is written', async () => {
  newcomer.shell(page.block('With React', 'sh'));
  newcomer.write({
    'vite.config.js': page.block('With React', 'js'), 'index.html': page.block('With React', 'html'),
    'talk.jsx': page.block('With React', 'jsx'), 'main.jsx': page.block('With React', 'jsx', 1),
  });
  await newcomer.vite();
  const [freya, hana] = await pair('freya', 'hana');
  await chat(freya, hana, (window, text) => window.locator('p').filter({ hasText: text }).getByText('read', { exact: true }));
  const texts = ['Hello read', 'kept one read', 'kept three read', 'kept two read'];
  const shown = await freya.locator('p').filter({ hasText: / read$/ }).allTextContents();
  assert.deepEqual(await hana.locator('p').filter({ hasText: / read$/ }).allTextContents(), shown);
  assert.deepEqual([...shown].sort(), texts);
  await Promise.all([freya.close(), hana.close()]);
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
