'use strict';
// Two people really chat through the demo application, each in a window of Chromium.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Browser, picture } = require('./browser.js');
const { Server } = require('./server.js');

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([Server.start(), Browser.start()]);
});
after(async () => {
  await browser?.end();
  await server?.end();
});

test('two people chat, and the ticks tell what became of each message', async () => {
  const [alice, bob] = [await browser.person(server, 'alice'), await browser.person(server, 'bob')];
  await alice.add('bob');
  await bob.page.locator('nav [data-user="alice"][data-presence="online"]').waitFor();
  await alice.write('Grüße, Bob! Здравствуй');
  await alice.tick('Grüße, Bob! Здравствуй', 'sent');
  await bob.contact('alice').filter({ hasText: 'Grüße, Bob! Здравствуй' }).waitFor();
  await bob.contact('alice').locator('.badge').filter({ hasText: '1' }).waitFor();
  assert.match(await bob.page.title(), /^\(1\) Bob/);

  await bob.contact('alice').click();
  await bob.sees('Grüße, Bob! Здравствуй');
  await bob.contact('alice').locator('.badge').waitFor({ state: 'detached' });
  await alice.tick('Grüße, Bob! Здравствуй', 'read');
  await bob.write('Hello Alice');
  await alice.sees('Hello Alice');
  await bob.tick('Hello Alice', 'read');

  await bob.page.goto('about:blank');
  await alice.page.locator('.head').filter({ hasText: 'last seen' }).waitFor();
  await alice.write('Are you gone?');
  await alice.tick('Are you gone?', 'not_sent');
  await picture(alice.page, 'three-ticks');
  await bob.page.goto(`${server.url}/?as=bob&with=alice`);
  await bob.sees('Are you gone?');
  await alice.tick('Are you gone?', 'read');
  await bob.page.reload();
  await bob.sees('Are you gone?');
  const all = ['Grüße, Bob! Здравствуй', 'Hello Alice', 'Are you gone?'];
  assert.deepEqual([await alice.texts(), await bob.texts()], [all, all]);
  assert.equal(await alice.page.locator('.log .day').allTextContents().then(String), 'Today');
  await Promise.all([alice.page.close(), bob.page.close()]);
});

test('typing shows while somebody types, and goes with the message or by itself', async () => {
  const [chidi, dilnoza] = [await browser.person(server, 'chidi', 'dilnoza'), await browser.person(server, 'dilnoza', 'chidi')];
  await chidi.field.pressSequentially('I thi');
  await dilnoza.typing().waitFor();
  await dilnoza.page.locator('nav .typing').waitFor();
  await picture(dilnoza.page, 'typing');

  await chidi.field.press('Enter');
  await dilnoza.sees('I thi');
  await dilnoza.typing().waitFor({ state: 'detached', timeout: 2000 });

  await dilnoza.field.pressSequentially('and then');
  await chidi.typing().waitFor();
  await chidi.typing().waitFor({ state: 'detached' });
  assert.equal(await dilnoza.field.inputValue(), 'and then', 'nothing was sent');
  await Promise.all([chidi.page.close(), dilnoza.page.close()]);
});

test('a server that is away for ten seconds while both write loses, repeats and reorders nothing', async () => {
  const [emre, freya] = [await browser.person(server, 'emre', 'freya'), await browser.person(server, 'freya', 'emre')];
  await emre.write('before');
  await freya.sees('before');

  await server.kill();
  await Promise.all([emre, freya].map((person) => person.banner().filter({ hasText: 'reconnecting' }).waitFor()));
  for (const at of [1, 2, 3]) {
    await emre.write(`from Emre ${at}`);
    await freya.write(`from Freya ${at}`);
  }
  await emre.tick('from Emre 3', 'waiting');
  await picture(emre.page, 'outbox');
  await freya.page.reload().catch(() => {}); // there is nobody to load it from
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  await server.begin();
  await freya.page.goto(`${server.url}/?as=freya&with=emre`);
  await emre.banner().filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
  await emre.write('after');
  await freya.sees('after');
  await emre.sees('from Freya 3');
  await emre.tick('after', 'read');

  const shown = await emre.texts();
  assert.deepEqual(await freya.texts(), shown, 'both see the same');
  assert.deepEqual(shown.filter((text) => !text.includes('Freya')), ['before', 'from Emre 1', 'from Emre 2', 'from Emre 3', 'after']);
  assert.deepEqual(shown.filter((text) => text.includes('Freya')), ['from Freya 1', 'from Freya 2', 'from Freya 3'], 'over a reload as well');
  await Promise.all([emre.page.close(), freya.page.close()]);
});

test('who is blocked is told so at the message, and writes again when the block is lifted', async () => {
  const [hana, jamal] = [await browser.person(server, 'hana', 'jamal'), await browser.person(server, 'jamal', 'hana')];
  const phone = await browser.person(server, 'hana', 'jamal');
  const notice = (person) => person.page.getByText(/^You blocked Jamal/);
  await hana.write('Hello');
  await jamal.sees('Hello');
  await hana.block('Jamal');
  await Promise.all([hana, phone].map((person) => notice(person).waitFor()));
  assert.equal(await hana.field.count(), 0, 'one does not write to somebody whom one has blocked');
  assert.equal(await hana.page.getByRole('button', { name: /^Block Jamal/ }).count(), 0);
  await hana.contact('jamal').getByText('blocked', { exact: true }).waitFor();

  await jamal.write('Are you there?');
  await jamal.tick('Are you there?', 'failed');
  await jamal.message('Are you there?').getByText(/^Hana .*takes no messages from you\.$/).waitFor();
  await picture(jamal.page, 'blocked-sender');
  await hana.page.reload();
  await notice(hana).waitFor();
  await hana.sees('Hello');
  assert.deepEqual(await hana.texts(), ['Hello']);
  await picture(hana.page, 'blocked');

  await phone.page.getByRole('button', { name: 'Unblock' }).click();
  await Promise.all([hana, phone].map((person) => person.field.waitFor()));
  assert.equal(await notice(hana).count(), 0);
  await jamal.message('Are you there?').getByRole('button', { name: 'Try again' }).click();
  await hana.sees('Are you there?');
  await jamal.write('Good.');
  await hana.sees('Good.');
  await jamal.tick('Good.', 'read');
  await hana.write('Here I am');
  await jamal.sees('Here I am');
  const all = ['Hello', 'Are you there?', 'Good.', 'Here I am'];
  assert.deepEqual([await hana.texts(), await jamal.texts(), await phone.texts()], [all, all, all]);
  await Promise.all([hana, jamal, phone].map((person) => person.page.close()));
});

test('scrolling up loads older messages and keeps the place', async () => {
  const [gabriel, hana] = [await browser.person(server, 'gabriel', 'hana'), await browser.person(server, 'hana', 'gabriel')];
  const texts = Array.from({ length: 120 }, (_, at) => `line ${at + 1}`);
  for (const text of texts) await gabriel.write(text);
  await gabriel.tick('line 120', 'read');
  await hana.page.reload();
  await hana.sees('line 120');
  assert.equal(await hana.page.getByText('line 1', { exact: true }).count(), 0, 'not everything is loaded at once');
  const log = hana.page.locator('.log');
  const { top, seen } = await log.evaluate((element) => {
    element.scrollTop = 60;
    const first = [...element.querySelectorAll('.message')].find((message) => message.offsetTop - element.offsetTop >= 60);
    return { top: first.getBoundingClientRect().top, seen: first.querySelector('p').textContent };
  });
  await hana.page.waitForFunction((count) => document.querySelectorAll('.log .message').length > count, 50);
  const now = await hana.message(seen).evaluate((element) => element.getBoundingClientRect().top);
  assert.ok(Math.abs(now - top) < 40, `${seen} was at ${top} and is at ${now}`);

  await assert.doesNotReject(async () => {
    while (await hana.page.getByRole('button', { name: /Older messages|Loading/ }).count() > 0) {
      await log.evaluate((element) => { element.scrollTop = 0; });
      await hana.page.waitForTimeout(100);
    }
  });
  assert.deepEqual(await hana.texts(), texts);
  await Promise.all([gabriel.page.close(), hana.page.close()]);
});

test('a message is read when its end of the conversation is on the screen and the page has the focus, and not before', async () => {
  const [gabriel, hana] = [await browser.person(server, 'gabriel', 'hana'), await browser.person(server, 'hana', 'gabriel')];
  const unread = async (text) => {
    await gabriel.write(text);
    await hana.sees(text);
    await hana.page.waitForTimeout(500); // longer than reads are batched
    await gabriel.tick(text, 'sent');
  };
  const log = hana.page.locator('.log');
  await hana.sees('line 120');
  await log.evaluate((element) => { element.scrollTop = 0; });
  await unread('below the screen');
  await log.evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await gabriel.tick('below the screen', 'read');

  await hana.page.evaluate(() => { document.hasFocus = () => false; });
  await unread('behind another window');
  await hana.page.evaluate(() => {
    delete document.hasFocus;
    dispatchEvent(new Event('focus'));
  });
  await gabriel.tick('behind another window', 'read');
  await Promise.all([gabriel.page.close(), hana.page.close()]);
});

test('a draft waits in its conversation, also over a reload', async () => {
  const ines = await browser.person(server, 'ines', 'jamal');
  await ines.field.fill('not finished');
  await ines.add('alice');
  assert.equal(await ines.field.inputValue(), '', 'another conversation has its own');
  await ines.page.reload();
  await ines.turnTo('jamal');
  assert.equal(await ines.field.inputValue(), 'not finished');

  await ines.field.press('Enter');
  await ines.sees('not finished');
  await ines.page.reload();
  await ines.turnTo('jamal');
  await ines.sees('not finished');
  assert.equal(await ines.field.inputValue(), '');
  await ines.page.close();
});

test('a place that is shared shows as a card with a map, also after a reload', async () => {
  await browser.locate(server, { latitude: 48.2082, longitude: 16.3738 });
  const [ines, jamal] = [await browser.person(server, 'ines', 'jamal'), await browser.person(server, 'jamal', 'ines')];
  await ines.page.getByRole('button', { name: 'Share your place' }).click();
  const card = (person) => person.page.locator('.log .message a.card').filter({ hasText: '48.2082, 16.3738' });
  await card(jamal).waitFor();
  await jamal.sees('I am at 48.2082, 16.3738');
  assert.match(await card(jamal).getAttribute('href'), /mlat=48\.2082&mlon=16\.3738/);
  await picture(jamal.page, 'place');
  await jamal.page.reload();
  await jamal.turnTo('ines');
  await card(jamal).waitFor();
  await Promise.all([ines.page.close(), jamal.page.close()]);
});

test('the pages complained about nothing', () => assert.deepEqual(browser.complaints, []));
