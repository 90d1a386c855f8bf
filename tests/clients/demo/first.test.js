'use strict';
// What somebody finds who starts `chatzz dev` for the first time: people who have written to each other.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Browser, DESKTOP, picture } = require('./browser.js');
const { Server } = require('./server.js');

const DAY = 86_400_000;
/** What Bob wrote some days ago, by itself; and what Alice wrote within one minute. */
const ALONE = 'The robot it is. Grüße an alle!';
const [FIRST, SECOND] = ['Projector tested. The picture is three metres wide.', 'And the sound carries to the other bank.'];

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([Server.start({}, []), Browser.start()]);
});
after(async () => {
  await browser?.end();
  await server?.end();
});

test('a picture for the readme', async () => {
  const [alice, bob] = [await browser.person(server, 'alice', 'bob', DESKTOP), await browser.person(server, 'bob', 'alice')];
  await alice.contact('freya').locator('.badge').filter({ hasText: '2' }).waitFor();
  await alice.page.bringToFront();
  await bob.field.pressSequentially('Wait', { delay: 20 });
  await alice.typing().waitFor();
  await alice.page.mouse.move(760, 300);
  await picture(alice.page, 'demo');
  await bob.field.fill('');
  await Promise.all([alice, bob].map((person) => person.page.close()));
});

test('what one person writes within a minute has one time and one tick', async () => {
  const alice = await browser.person(server, 'alice', 'bob');
  await alice.sees(SECOND);
  assert.equal(await alice.message(FIRST).locator('time, .tick').count(), 0);
  assert.equal(await alice.message(SECOND).locator('time').count(), 1);
  await alice.tick(SECOND, 'read');
  const gap = async (one, other) => (await alice.message(other).boundingBox()).y - (await alice.message(one).boundingBox()).y;
  const height = async (words) => (await alice.message(words).boundingBox()).height;
  assert.ok(await gap(FIRST, SECOND) - await height(FIRST) < 5, 'they stand together');
  const next = 'You are a hero. See you at seven?';
  assert.ok(await gap(SECOND, next) - await height(SECOND) > 5, 'another person stands apart');
  await alice.page.close();
});

test('days and times are those of the reader, in their words and by their clock', async (t) => {
  const readers = {};
  for (const locale of ['en-GB', 'de', 'en-US']) {
    readers[locale] = await Browser.start(locale);
    t.after(() => readers[locale].end());
  }
  const alice = await browser.person(server, 'alice', 'bob');
  const written = new Date(await alice.message(ALONE).locator('time').getAttribute('datetime'));
  /** The heading above the message and its time, so many days later. */
  const shown = async (locale, days) => {
    const page = await readers[locale].open('about:blank');
    await page.clock.setFixedTime(written.getTime() + days * DAY);
    await page.goto(`${server.url}/?as=alice&with=bob`);
    const message = page.locator('.log .message').filter({ hasText: ALONE });
    await message.waitFor();
    const found = await message.evaluate((element) => {
      let above = element;
      while (!above.matches('.day')) above = above.previousElementSibling;
      return [above.textContent, element.querySelector('time').textContent];
    });
    await page.close();
    return found;
  };
  const by = (locale, style) => written.toLocaleDateString(locale, style);
  const at = (locale) => written.toLocaleTimeString(locale, { timeStyle: 'short' });
  assert.deepEqual(await shown('en-GB', 0), ['Today', at('en-GB')]);
  assert.deepEqual(await shown('en-GB', 1), ['Yesterday', at('en-GB')]);
  assert.deepEqual(await shown('en-GB', 4), [by('en-GB', { weekday: 'long' }), at('en-GB')]);
  const [date] = await shown('en-GB', 40);
  assert.ok(date.endsWith(by('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })), date);
  assert.deepEqual(await shown('de', 1), ['Gestern', at('de')]);
  const [, time] = await shown('en-US', 1);
  assert.match(time, /[AP]M$/);
  await alice.page.close();
});

test('a line stands above what is unread, until one writes', async () => {
  const line = (person) => person.page.locator('.log .unread');
  const alice = await browser.person(server, 'alice', 'freya');
  await alice.sees('I can bring a second screen.');
  await line(alice).filter({ hasText: 'Unread messages' }).waitFor();
  const next = await line(alice).evaluate((element) => element.nextElementSibling.querySelector('p').textContent);
  assert.equal(next, 'I can bring a second screen.');
  await alice.contact('freya').locator('.badge').waitFor({ state: 'detached' });
  assert.equal(await line(alice).count(), 1, 'also when they are read');
  await alice.write('Please do!');
  await line(alice).waitFor({ state: 'detached' });

  const freya = await browser.person(server, 'freya', 'alice');
  await freya.write('Then I will.');
  await alice.sees('Then I will.');
  await freya.tick('Then I will.', 'read');
  assert.equal(await line(alice).count(), 0, 'whoever looks has nothing unread');
  await alice.page.evaluate(() => { document.hasFocus = () => false; });
  await freya.write('Are you still there?');
  await alice.page.locator('.log .unread + .message').filter({ hasText: 'Are you still there?' }).waitFor();
  await Promise.all([alice, freya].map((person) => person.page.close()));
});

test('the list is searched by names and by what was written last', async () => {
  const alice = await browser.person(server, 'alice');
  const search = alice.page.getByLabel('Search conversations');
  const finds = (people) => alice.page.waitForFunction(
    (wanted) => [...document.querySelectorAll('nav [data-user]')].map((one) => one.dataset.user).sort().join() === wanted, people.join(),
  );
  const all = ['bob', 'chidi', 'freya', 'gabriel', 'hana', 'jamal', 'kateryna'];
  await finds(all);
  for (const [words, people] of [['LINDSTROM', ['freya']], ['deer ate', ['hana']], ['катерина', ['kateryna']]]) {
    await search.fill(words);
    await finds(people);
  }
  await search.fill('nobody at all');
  await alice.page.getByText('Nothing found for “nobody at all”.').waitFor();
  await search.fill('');
  await finds(all);
  await alice.page.close();
});

test('side by side it says whose half is whose', async () => {
  const page = await browser.open(`${server.url}/duo`, { width: 1600, height: 900 });
  for (const [name, user] of [['Alice Moreau', 'alice'], ['Bob Okafor', 'bob']]) {
    const half = page.locator('section', { has: page.getByRole('heading', { name: `This half is ${name}` }) });
    await half.locator(`iframe[name="${user}"]`).waitFor();
    await half.frameLocator('iframe').locator('.me').filter({ hasText: `@${user}` }).waitFor();
    await half.frameLocator('iframe').locator('.message').filter({ hasText: ALONE }).waitFor();
  }
  await picture(page, 'duo-first');
  await page.close();
});

test('the pages complained about nothing', () => assert.deepEqual(browser.complaints, []));
