'use strict';
// The demo application on a phone, in the dark, by keyboard, for a screen reader, side by side, and without npm.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Browser, DESKTOP, PHONE, Person, picture } = require('./browser.js');
const { Server } = require('./server.js');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([Server.start(), Browser.start()]);
});
after(async () => {
  await browser?.end();
  await server?.end();
});

/** What axe finds, in frames as well; the policy of the page forbids script elements, not the debugger. */
async function findings(page) {
  for (const frame of page.frames()) await frame.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  assert.ok(passes.length > 10, 'axe has looked at something');
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

test('axe finds nothing, in light and in dark', async () => {
  const [alice, bob] = [await browser.person(server, 'alice', 'bob'), await browser.person(server, 'bob', 'alice')];
  await alice.write('Can you read this?');
  await bob.write('In any light.');
  await alice.sees('In any light.');
  await bob.page.close();
  await alice.write('Good.');
  await alice.tick('Good.', 'not_sent');
  const start = await browser.open(server.url);
  await start.getByRole('heading', { name: 'Who are you?' }).waitFor();
  const duo = await browser.open(`${server.url}/duo?as=alice&with=bob`, { width: 1600, height: 800 });

  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    for (const [name, page] of Object.entries({ chat: alice.page, start, duo })) {
      await page.emulateMedia({ colorScheme });
      found.push(...(await findings(page)).map((finding) => `${name}, ${colorScheme}: ${finding}`));
    }
    await picture(alice.page, `chat-${colorScheme}`);
    await alice.page.getByRole('button', { name: 'Add somebody' }).click();
    found.push(...(await findings(alice.page)).map((finding) => `adding, ${colorScheme}: ${finding}`));
    await alice.page.keyboard.press('Escape');
    await alice.page.getByRole('button', { name: /^Block Bob/ }).click();
    found.push(...(await findings(alice.page)).map((finding) => `asked whether to block, ${colorScheme}: ${finding}`));
    await alice.page.keyboard.press('Escape');
    await alice.field.fill('x'.repeat(4001));
    found.push(...(await findings(alice.page)).map((finding) => `too long, ${colorScheme}: ${finding}`));
    await alice.field.fill('');
    for (const view of ['Back to contacts', 'Bob Okafor']) {
      await alice.page.setViewportSize(PHONE);
      await alice.page.getByRole('button', { name: view }).click();
      found.push(...(await findings(alice.page)).map((finding) => `on a phone, ${view}, ${colorScheme}: ${finding}`));
    }
    await alice.page.setViewportSize(DESKTOP);
  }
  await alice.block('Bob');
  await alice.page.getByText(/^You blocked Bob/).waitFor();
  const sender = await browser.person(server, 'bob', 'alice');
  await sender.write('And now?');
  await sender.tick('And now?', 'failed');
  for (const colorScheme of ['light', 'dark']) {
    for (const [name, { page }] of Object.entries({ blocked: alice, sender })) {
      await page.emulateMedia({ colorScheme });
      found.push(...(await findings(page)).map((finding) => `${name}, ${colorScheme}: ${finding}`));
    }
  }
  await alice.page.getByRole('button', { name: 'Unblock' }).click();
  await alice.field.waitFor();

  assert.deepEqual(found, []);
  await Promise.all([alice.page, start, duo, sender.page].map((page) => page.close()));
});

test('axe does find what is wrong', async () => {
  const page = await browser.open(server.url);
  await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
  await page.evaluate(() => document.body.append(document.createElement('button')));

  assert.match(String(await findings(page)), /button-name/);
  await page.close();
});

test('everything is done by keyboard alone', async () => {
  const chidi = await browser.person(server, 'chidi');
  const { keyboard } = chidi.page;
  const focus = (name) => chidi.page.getByRole('button', { name }).focus();
  await focus('Add somebody');
  await keyboard.press('Enter');
  await keyboard.type('diln');
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await chidi.field.waitFor();
  await chidi.page.waitForFunction(() => document.activeElement.id === 'text');
  await keyboard.type('one');
  await keyboard.press('Shift+Enter');
  await keyboard.type('two');
  await keyboard.press('Enter');
  await chidi.page.locator('.log .message p').waitFor();

  assert.deepEqual(await chidi.texts(), ['one\ntwo']);
  await focus('Add somebody');
  await keyboard.press('Enter');
  await chidi.page.locator('dialog').waitFor();
  await keyboard.press('Escape');
  await chidi.page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await chidi.page.evaluate(() => document.activeElement.ariaLabel), 'Add somebody', 'the focus is where it was');

  await focus(/^Block Dilnoza/);
  await keyboard.press('Enter');
  await chidi.page.waitForFunction(() => document.activeElement.textContent === 'Cancel');
  await keyboard.press('Enter');
  await chidi.page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await chidi.page.locator('.blocked').count(), 0, 'the first button changes nothing');
  assert.match(await chidi.page.evaluate(() => document.activeElement.ariaLabel), /^Block Dilnoza/, 'the focus is where it was');
  await keyboard.press('Enter');
  await chidi.page.waitForFunction(() => document.activeElement.textContent === 'Cancel');
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await chidi.page.waitForFunction(() => document.activeElement.textContent.startsWith('You blocked Dilnoza'));
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await chidi.page.waitForFunction(() => document.activeElement.id === 'text');
  await chidi.page.close();
});

test('on a phone one sees the contacts or the conversation, and nothing sticks out', async () => {
  const emre = await browser.person(server, 'emre', undefined, PHONE);
  const isInside = () => emre.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  await emre.add('freya');
  await emre.write(`a long word: ${'x'.repeat(200)}`);
  assert.equal(await emre.contact('freya').isVisible(), false);
  assert.ok((await emre.field.boundingBox()).height < 60, 'the field is small again');
  assert.ok(await isInside());
  await picture(emre.page, 'phone-conversation');

  await emre.page.getByRole('button', { name: 'Back to contacts' }).click();
  await emre.contact('freya').waitFor();
  assert.equal(await emre.page.locator('.talk').isVisible(), false);
  assert.ok(await isInside());
  await picture(emre.page, 'phone-contacts');
  await emre.page.close();
});

test('an invitation link begins a chat with whoever opens it', async () => {
  const page = await browser.open(`${server.url}/?with=gabriel`);
  await page.getByRole('heading', { name: 'Gabriel invites you to a chat' }).waitFor();
  assert.equal(await page.locator('[data-user="gabriel"]').count(), 0, 'nobody chats with themselves');
  await page.locator('[data-user="hana"]').click();
  const hana = new Person('hana', page);
  await hana.write('You wanted to talk?');
  await hana.tick('You wanted to talk?', 'not_sent');

  const gabriel = await browser.person(server, 'gabriel');
  await gabriel.contact('hana').filter({ hasText: 'You wanted to talk?' }).waitFor();
  await Promise.all([page.close(), gabriel.page.close()]);
});

test('two people are shown side by side, and one sees what the other writes', async () => {
  const page = await browser.open(`${server.url}/duo?as=ines&with=jamal`, { width: 1600, height: 800 });
  const [ines, jamal] = ['ines', 'jamal'].map((name) => new Person(name, page.frameLocator(`iframe[name="${name}"]`)));
  await ines.field.fill('Do you see me?');
  await ines.field.press('Enter');
  await jamal.page.locator('.log .message').filter({ hasText: 'Do you see me?' }).waitFor();
  await ines.page.locator('.tick[data-status="read"]').first().waitFor();
  await picture(page, 'duo');
  await page.close();
});

test('two people at different servers see what the other writes, and that they write', async (t) => {
  const { CHATZZ_NATS_SERVER } = process.env;
  const two = await Server.start({ CHATZZ_NATS_SERVER }, ['--servers', '2', '--nats', '--empty']);
  t.after(() => two.end());
  const page = await browser.open(`${two.url}/duo?as=ines&with=jamal`, { width: 1600, height: 800 });
  const [ines, jamal] = ['ines', 'jamal'].map((name) => new Person(name, page.frameLocator(`iframe[name="${name}"]`)));
  await page.getByRole('heading', { name: /^Inés Gutiérrez, at server 1 of 2/ }).waitFor();
  await page.getByRole('heading', { name: /^Jamal Haddad, at server 2 of 2/ }).waitFor();

  await ines.write('Do you see me from over there?');
  await jamal.sees('Do you see me from over there?');
  // by now both panes have their pages
  const [, ...panes] = page.frames().map((frame) => new URL(frame.url()).port);
  assert.equal(new Set(panes).size, 2, 'each is served by another one');
  await ines.tick('Do you see me from over there?', 'read');
  await jamal.write('As if you were here.');
  await ines.sees('As if you were here.');
  // One server learns within two seconds who is at the other one.
  let seen = false;
  const typing = ines.typing().waitFor().finally(() => { seen = true; });
  for (; !seen; await sleep(200)) await jamal.field.press('x');
  await typing;

  await picture(page, 'duo-servers');
  assert.deepEqual(await findings(page), []);
  await page.close();
});

test('whoever is nobody is asked who they are', async () => {
  const page = await browser.open(`${server.url}/?as=nobody`);
  await page.getByText('There is no demo user “nobody”.').waitFor();
  await page.close();
});

test('the pages complained about nothing', () => assert.deepEqual(browser.complaints, []));

test('without npm a plain page says what is missing, and two people chat all the same', async () => {
  // A cache of its own, where nothing was built, and nothing to build with.
  const cache = fs.mkdtempSync(`${process.env.CHATZZ_TEST_DIR ?? '/tmp'}/chatzz-no-npm-`);
  const mongod = process.env.CHATZZ_MONGOD ?? `${process.env.XDG_CACHE_HOME ?? `${process.env.HOME}/.cache`}/chatzz/mongod-6.0.5/mongod`;
  const plain = await Server.start({ PATH: '/var/empty', XDG_CACHE_HOME: cache, ...(fs.existsSync(mongod) && { CHATZZ_MONGOD: mongod }) });
  try {
    assert.match(plain.said, /Install Node\.js 18 or later with npm/);
    const [alice, bob] = [await browser.open(`${plain.url}/?as=alice`), await browser.open(`${plain.url}/?as=bob`)];
    await alice.getByText('This is the plain page').waitFor();
    await alice.getByRole('button', { name: 'add Bob' }).click();
    await alice.getByLabel('Message', { exact: true }).fill('Hello without npm');
    await alice.getByLabel('Message', { exact: true }).press('Enter');
    await bob.getByRole('button', { name: 'Alice (online)' }).click();
    await bob.getByText('Alice: Hello without npm').waitFor();
    await alice.getByText('you: Hello without npm (read)').waitFor();

    await plain.kill();
    await bob.getByText('No connection').waitFor();
    await bob.getByLabel('Message', { exact: true }).fill('kept');
    await bob.getByLabel('Message', { exact: true }).press('Enter');
    await plain.begin();
    await alice.getByText('Bob: kept').waitFor();
    assert.equal(await alice.getByText('Bob: kept').count(), 1);
    assert.deepEqual(browser.complaints, []);
  } finally {
    await plain.end();
    fs.rmSync(cache, { recursive: true });
  }
});
