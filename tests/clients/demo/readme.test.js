'use strict';
// The examples of clients/js/README.md, as they are written: in a browser, and in Node; and the short one of the front page.

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Browser } = require('./browser.js');
const { ALICE, Newcomer, Page } = require('./newcomer.js');
const { Server } = require('./server.js');

/** What the examples leave to the reader. */
const HTML = '<!doctype html><html lang="en"><ul id="messages"></ul><div id="end"></div><form id="form"><input id="text"></form><div id="root"></div>';
const MOUNT = 'import { createRoot } from \'react-dom/client\';\nimport { App } from \'./app\';\n'
  + 'createRoot(document.getElementById(\'root\')).render(<App />);\n';

/** How long a line is waited for, in ms: a reconnect comes up to 22 s after the one before. */
const PATIENCE = 60_000;

const page = new Page('clients/js/README.md');
const front = new Page('README.md');
const guide = new Page('docs/front-end.md');

let server;
let browser;
let newcomer;
before(async () => {
  [server, browser] = await Promise.all([Server.start({}, []), Browser.start()]);
  newcomer = new Newcomer(server);
  newcomer.pack(page.block('Install', 'sh'));
  // The folder and the bundler, of which this page says nothing.
  const [folder, install] = guide.block('2.', 'sh', 1).trim().split('\n');
  newcomer.shell(folder, path.dirname(newcomer.home));
  const own = page.block('Install', 'sh', 1).trim();
  assert.ok(install.startsWith(`${own} `), `${install} is ${own} and a bundler`);
  newcomer.shell(`${install} && npm install react react-dom`);
});
after(async () => {
  newcomer?.end();
  await browser?.end();
  await server?.end();
});

/** A person at a terminal, who runs one of the commands of the page. */
class Terminal {
  said = '';
  #child;

  constructor(command) {
    const [program, ...args] = command.replaceAll('\'', '').split(' ');
    assert.equal(program, 'node');
    this.#child = newcomer.start(process.execPath, args, ['pipe', 'pipe', 'pipe']);
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on('data', (text) => { this.said += text; });
  }

  type(text) {
    this.#child.stdin.write(`${text}\n`);
  }

  /** Waits until a line, or one like it, has been printed, and so often. */
  async prints(line, times = 1) {
    const count = () => this.said.split('\n').filter((one) => (line instanceof RegExp ? line.test(one) : one === line)).length;
    for (const end = Date.now() + PATIENCE; count() < times; await sleep(20)) assert.ok(Date.now() < end, `“${line}” is not in:\n${this.said}`);
    assert.equal(count(), times, this.said);
  }

  /** What the other one wrote, in this order. */
  heard(name) {
    return this.said.split('\n').filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  }

  leave() {
    this.#child.kill('SIGKILL');
  }
}

/** The two commands of the page: Alice's, then Bob's. */
let commands;

test('two people chat by the example for Node, also while the server is away', async () => {
  newcomer.write({ 'chat.mjs': page.block('Node', 'js') });
  commands = page.block('Node', 'sh').trim().split('\n');
  assert.equal(commands.length, 2);
  assert.ok(commands[0].startsWith(`node chat.mjs ${ALICE} `));
  const [alice, bob] = commands.map((command) => new Terminal(command));
  for (const person of [alice, bob]) await person.prints('-- connected (login)');
  alice.type('one');
  await bob.prints('alice: one');
  bob.type('two');
  await alice.prints('bob: two');

  await server.kill();
  for (const person of [alice, bob]) await person.prints('-- reconnecting (transport close)');
  for (const at of [1, 2, 3]) {
    alice.type(`a${at}`);
    bob.type(`b${at}`);
  }
  await server.begin();
  await alice.prints('bob: b3');
  await bob.prints('alice: a3');
  assert.deepEqual([alice.heard('bob'), bob.heard('alice')], [['two', 'b1', 'b2', 'b3'], ['one', 'a1', 'a2', 'a3']]);
  for (const person of [alice, bob]) person.leave();

  const again = new Terminal(commands[0]);
  for (const line of ['me: one', 'they: two', 'me: a3', 'they: b3']) await again.prints(line);
  again.leave();
});

test('the example for plain JavaScript shows and sends messages', async () => {
  newcomer.write({ 'index.html': `${HTML}<script type="module" src="/main.js"></script>`, 'main.js': page.block('Plain', 'js') });
  await newcomer.vite();
  const bob = new Terminal(commands[1]);
  await bob.prints('-- connected (login)');
  const alice = await newcomer.open(browser);
  await alice.locator('#messages li', { hasText: 'one' }).first().waitFor();
  bob.type('do you see this?');
  await alice.getByText('do you see this? (read)').waitFor();
  await alice.locator('#text').fill('I do');
  await alice.locator('#text').press('Enter');
  await bob.prints('alice: I do');
  await alice.getByText('I do (read)').waitFor();
  assert.equal(await alice.locator('#text').inputValue(), '');
  await alice.close();
  bob.leave();
});

test('the example for React shows contacts and messages, and sends', async () => {
  newcomer.write({
    'vite.config.js': guide.block('With React', 'js'), 'main.jsx': MOUNT,
    'index.html': `${HTML}<script type="module" src="/main.jsx"></script>`, 'app.tsx': page.block('React', 'tsx'),
  });
  await newcomer.vite();
  const bob = new Terminal(commands[1]);
  await bob.prints('-- connected (login)');
  const alice = await newcomer.open(browser);
  await alice.getByRole('button', { name: 'bob (online) I do' }).waitFor();
  bob.type('and here?');
  await alice.getByRole('button', { name: 'bob (online) and here? 1' }).click();
  await alice.locator('p', { hasText: 'and here? read' }).waitFor();
  await alice.getByLabel('Message').pressSequentially('here too');
  await alice.getByLabel('Message').press('Enter');
  await bob.prints('alice: here too');
  await alice.locator('p', { hasText: 'here too read' }).waitFor();
  assert.equal(await alice.getByLabel('Message').inputValue(), '');
  await server.kill();
  await alice.getByText('reconnecting…').waitFor();
  await server.begin();
  await alice.getByText('reconnecting…').waitFor({ state: 'detached' });
  await alice.close();
  bob.leave();
});

test('the example with logins logs in', async () => {
  await newcomer.logsIn(page.block('With logins', 'js'));
});

test('the shortest way, on the front page, brings a message from one to the other', async () => {
  newcomer.write({ 'chat.mjs': front.block('A front end', 'js') });
  const commands = front.block('A front end', 'sh').trim().split('\n');
  assert.equal(commands.length, 2);
  const bob = new Terminal(commands[0]);
  const alice = new Terminal(commands[1]);
  // Whoever of the two is there first.
  for (const person of [alice, bob]) await person.prints(/^\d+ alice Hello (not_sent|sent)$/);
  for (const person of [alice, bob]) person.leave();
});

test('the pages complained about nothing', () => assert.deepEqual(browser.complaints.filter((text) => !text.includes('404')), []));

test('the readme has no example that is not tried', () => assert.deepEqual(page.unused(), []));
