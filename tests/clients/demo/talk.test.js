'use strict';
// How a conversation behaves that one reads, scrolls and writes in.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Browser, PHONE, picture } = require('./browser.js');
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

const pair = (one, other, viewport) => Promise.all([browser.person(server, one, other, viewport), browser.person(server, other, one)]);
const leave = (...people) => Promise.all(people.map(({ page }) => page.close()));
const log = (person) => person.page.locator('.log');

test('addresses of the web can be clicked, and nothing else can', async () => {
  const [alice, bob] = await pair('alice', 'bob');
  const text = 'See https://example.org/a?b=1&c=2, (http://example.org/x_(y)) and javascript:alert(1), data:text/html,x, '
    + 'nohttps://example.org <img src=x onerror=alert(2)> <a href="javascript:alert(3)">x</a> https:// https://example.org/"onclick="alert(4) end.';
  await alice.field.fill(text);
  await alice.field.press('Enter');
  for (const person of [alice, bob]) {
    await person.sees(text);
    const links = person.message(text).getByRole('link');
    const shown = await links.evaluateAll((all) => all.map(({ textContent, attributes }) => [textContent, Object.fromEntries([...attributes].map(({ name, value }) => [name, value]))]));
    const expected = ['https://example.org/a?b=1&c=2', 'http://example.org/x_(y)', 'https://example.org/'];
    assert.deepEqual(shown, expected.map((href) => [href, { href, target: '_blank', rel: 'noopener noreferrer' }]));
    assert.equal(await log(person).locator('img, script').count(), 0);
    assert.deepEqual(await person.texts(), [text], 'not a letter is lost');
  }
  await leave(alice, bob);
});

test('the head says who is online, who types, and when somebody was here', async () => {
  const [chidi, dilnoza] = await pair('chidi', 'dilnoza');
  const head = chidi.page.locator('.head');
  await head.filter({ hasText: 'online' }).waitFor();
  await dilnoza.field.pressSequentially('So');
  await chidi.typing().waitFor();
  assert.doesNotMatch(await head.innerText(), /online/);
  await dilnoza.page.close();
  await head.filter({ hasText: /last seen today, \d/ }).waitFor();
  assert.equal(await head.getByRole('heading', { level: 2 }).textContent(), 'Dilnoza Karimova');
  await leave(chidi);
});

test('on a wide screen there is one column, with what one writes below it', async () => {
  const [emre, freya] = await pair('emre', 'freya', { width: 1900, height: 900 });
  await emre.write('mine');
  await freya.write('theirs');
  await emre.sees('theirs');
  const [mine, theirs, field, send, whole] = await Promise.all([
    emre.message('mine'), emre.message('theirs'), emre.page.locator('.field'), emre.page.getByRole('button', { name: 'Send' }), log(emre),
  ].map((locator) => locator.boundingBox()));
  const right = (box) => box.x + box.width;
  assert.ok(Math.abs(right(mine) - theirs.x - 800) < 2, `from ${theirs.x} to ${right(mine)}`);
  assert.ok(Math.abs(field.x - theirs.x) < 2 && Math.abs(right(send) - right(mine)) < 2, 'the field is as wide');
  const [before, after] = [theirs.x - whole.x, right(whole) - right(mine)];
  assert.ok(Math.abs(before - after) < 20, `${before} before it, and ${after} after it`);
  await leave(emre, freya);
});

test('each button that is a picture has a label that is read out, and shown by the pointer', async () => {
  const [emre, freya] = await pair('emre', 'freya');
  const names = await emre.page.locator('button, a.button').evaluateAll((all) => all.filter(({ innerText }) => !innerText.trim())
    .map((one) => [one.ariaLabel, one.title, one.querySelector('svg')?.getAttribute('aria-hidden')]));
  assert.ok(names.length >= 7, String(names));
  for (const [label, title, isHidden] of names) {
    assert.ok(label, 'it has a label');
    assert.deepEqual([title, isHidden], [label, 'true']);
  }
  await leave(emre, freya);
});

/** Two people with more to read than a screen has room for. */
async function long(one, other, viewport) {
  const people = await pair(one, other, viewport);
  const words = Array.from({ length: 30 }, (_, at) => `${one} ${at + 1}`);
  for (const text of words) await people[0].write(text);
  await people[0].tick(words.at(-1), 'read');
  return [...people, words];
}

/** Whether a message is on the screen, and not below the fold. */
async function isInView(person, words) {
  const [message, whole] = await Promise.all([person.message(words).boundingBox(), log(person).boundingBox()]);
  return message.y >= whole.y - 1 && message.y + message.height <= whole.y + whole.height + 1;
}

test('whoever has scrolled up is shown how many messages are new, and gets there by a button', async () => {
  const [gabriel, hana] = await long('gabriel', 'hana');
  const down = hana.page.locator('.down');
  assert.equal(await down.count(), 0, 'at the end there is none');
  await log(hana).evaluate((element) => { element.scrollTop = 0; });
  await hana.page.getByRole('button', { name: 'Newest messages' }).waitFor();
  for (const [text, label] of [['one more', '1 new message'], ['and another', '2 new messages']]) {
    await gabriel.write(text);
    await down.filter({ hasText: label }).waitFor();
  }
  assert.equal(await log(hana).evaluate((element) => element.scrollTop), 0, 'the place is kept');
  await picture(hana.page, 'new-messages');
  await down.click();
  await down.waitFor({ state: 'detached' });
  assert.ok(await isInView(hana, 'and another'));
  await gabriel.tick('and another', 'read');
  assert.equal(await hana.page.evaluate(() => document.activeElement.role), 'log', 'the keyboard goes on there');
  await leave(gabriel, hana);
});

test('where more is unread than there is room for, one begins at the first', async () => {
  const [ines, jamal] = await pair('ines', 'jamal');
  await jamal.page.goto('about:blank');
  for (let at = 1; at <= 40; at += 1) await ines.write(`line ${at}`);
  await ines.message('line 40').locator('.tick:not([data-status="waiting"])').waitFor();
  await jamal.page.goto(`${server.url}/?as=jamal&with=ines`);
  await jamal.page.locator('.log .unread + .message').filter({ has: jamal.page.getByText('line 1', { exact: true }) }).waitFor();
  await jamal.page.getByRole('button', { name: '40 new messages' }).waitFor();
  assert.ok(await isInView(jamal, 'line 1'));
  assert.equal(await isInView(jamal, 'line 40'), false);
  await ines.tick('line 40', 'sent');
  await leave(ines, jamal);
});

test('a window that shrinks, and a draft that grows, keep the last message in view', async () => {
  const [kateryna, liang, words] = await long('kateryna', 'liang');
  const last = words.at(-1);
  const until = (isTrue) => kateryna.page.waitForFunction(([text, wanted]) => {
    const whole = document.querySelector('.log').getBoundingClientRect();
    const found = [...document.querySelectorAll('.log .message')].find(({ textContent }) => textContent.includes(text));
    return (found.getBoundingClientRect().bottom <= whole.bottom + 1) === wanted;
  }, [last, isTrue]);
  for (const height of [500, 300, 700]) {
    await kateryna.page.setViewportSize({ width: 1000, height });
    await until(true);
  }
  await kateryna.field.fill('a\nb\nc\nd\ne');
  await until(true);
  assert.ok(await isInView(kateryna, last));
  assert.equal(await kateryna.page.locator('.down').count(), 0);

  await kateryna.field.fill('');
  await log(kateryna).evaluate(async (element) => {
    // a person scrolls when they see that there is room again
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    element.scrollTop = 100;
  });
  await kateryna.page.locator('.down').waitFor();
  await kateryna.page.setViewportSize({ width: 1000, height: 500 });
  await until(false);
  assert.equal(await log(kateryna).evaluate((element) => element.scrollTop), 100, 'whoever reads further up stays there');
  await leave(kateryna, liang);
});

test('near the limit the characters are counted, and what is too long is not sent', async () => {
  const [alice, bob] = await pair('alice', 'bob');
  const counter = alice.page.locator('.counter');
  await alice.field.fill('x'.repeat(3799));
  assert.equal(await counter.count(), 0);
  for (const [text, said] of [
    ['x'.repeat(3800), '200 characters left'], ['😀'.repeat(3999), '1 character left'], ['x'.repeat(4000), '0 characters left'],
    ['😀'.repeat(4001), '1 character too many'], ['x'.repeat(4002), '2 characters too many'],
  ]) {
    await alice.field.fill(text);
    await counter.filter({ hasText: said }).waitFor();
  }
  assert.equal(await counter.getAttribute('role'), 'alert', 'it is said aloud');
  const before = await alice.texts();
  await alice.field.press('Enter');
  assert.equal(await alice.page.getByRole('button', { name: 'Send' }).isDisabled(), true);
  assert.deepEqual(await alice.texts(), before);
  await alice.field.fill('x'.repeat(4000));
  await alice.field.press('Enter');
  await bob.sees('x'.repeat(4000));
  await leave(alice, bob);
});

test('the limit is that of the server', async (t) => {
  const strict = await Server.start({ CHATZZ_MESSAGE_MAX_CHARS: '30' });
  t.after(() => strict.end());
  const alice = await browser.person(strict, 'alice', 'bob');
  await alice.field.fill('x'.repeat(31));
  await alice.page.getByText('1 character too many').waitFor();
  await leave(alice);
});

test('blocking is asked about first', async () => {
  const [chidi, dilnoza] = await pair('chidi', 'dilnoza');
  const dialog = chidi.page.getByRole('dialog', { name: 'Block Dilnoza Karimova?' });
  for (const no of [() => dialog.getByRole('button', { name: 'Cancel' }).click(), () => chidi.page.keyboard.press('Escape')]) {
    await chidi.page.getByRole('button', { name: 'Block Dilnoza Karimova' }).click();
    await dialog.waitFor();
    await no();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await chidi.field.isVisible(), true, 'nothing has changed');
  }
  await dilnoza.write('Hello');
  await dilnoza.tick('Hello', 'read');
  await chidi.block('Dilnoza Karimova');
  await chidi.page.getByText(/^You blocked Dilnoza/).waitFor();
  await leave(chidi, dilnoza);
});

test('on a phone, Back returns from the conversation to the contacts', async () => {
  const emre = await browser.person(server, 'emre', undefined, PHONE);
  const list = emre.contact('freya');
  await emre.page.evaluate(() => { window.isSame = true; });
  for (const back of [() => emre.page.goBack(), () => emre.page.getByRole('button', { name: 'Back to contacts' }).click()]) {
    await list.click();
    await emre.field.waitFor();
    assert.match(emre.page.url(), /with=freya/);
    await back();
    await list.waitFor();
    assert.equal(await emre.page.locator('.talk').isVisible(), false);
    assert.doesNotMatch(emre.page.url(), /with=/);
  }
  await emre.page.goForward();
  await emre.field.waitFor();
  assert.equal(await emre.page.evaluate(() => window.isSame), true, 'the page was never left');
  await emre.page.reload();
  await emre.field.waitFor();
  await emre.page.goBack();
  await list.waitFor();
  await leave(emre);
});

test('the pages complained about nothing', () => assert.deepEqual(browser.complaints, []));
