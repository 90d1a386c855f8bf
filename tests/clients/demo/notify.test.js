'use strict';
// Notifications of the demo, and of the page of docs/push.md, in a browser that says what is shown.

const assert = require('node:assert/strict');
const { createServer } = require('node:http');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Browser } = require('./browser.js');
const { Page } = require('./newcomer.js');
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

/** Runs in the page: nobody is asked by a window of the system, and what is shown can be seen. */
function watch() {
  const Real = window.Notification;
  let permission = 'default';
  window.notices = [];
  window.Notification = class extends EventTarget {
    static get permission() { return permission; }
    static async requestPermission() { permission = 'granted'; return permission; }
    constructor(title, { body, tag }) {
      super();
      Object.assign(this, { title, body, tag, isOpen: true });
      for (const other of window.notices) if (other.tag === tag) other.isOpen = false;
      window.notices.push(this);
    }
    close() { this.isOpen = false; }
  };
  if (!Real) throw new Error('this browser has no notifications');
}

const hide = (page, isHidden) => page.evaluate((hidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
  if (hidden) document.hasFocus = () => false; // or what arrives is read
  else delete document.hasFocus;
  document.dispatchEvent(new Event('visibilitychange'));
}, isHidden);
const shown = (page) => page.evaluate(() => window.notices.filter(({ isOpen }) => isOpen).map(({ title, body }) => `${title}: ${body}`));
const notices = (page, wanted) => page.waitForFunction((all) => JSON.stringify(window.notices.filter(({ isOpen }) => isOpen).map(({ title, body }) => `${title}: ${body}`)) === all, JSON.stringify(wanted));

test('a page that nobody sees shows a notification once it may, and takes it back when it is read', async () => {
  await browser.prepare(watch);
  const alice = await browser.person(server, 'alice', 'bob');
  const bob = await browser.person(server, 'bob', 'alice');
  await hide(alice.page, true);
  await bob.write('nobody was asked');
  await alice.sees('nobody was asked');
  assert.deepEqual(await shown(alice.page), []);

  await alice.page.getByRole('button', { name: 'Notify me' }).click();
  await alice.page.getByRole('button', { name: 'Notify me' }).waitFor({ state: 'detached' });
  await bob.write('one');
  await bob.write('two');
  const name = await bob.page.locator('.me').innerText();
  await notices(alice.page, [`${name.split('\n')[0].trim()}: two`]);

  await hide(alice.page, false);
  await notices(alice.page, []);
  await bob.write('seen at once');
  await alice.sees('seen at once');
  assert.deepEqual(await shown(alice.page), []);

  await hide(alice.page, true);
  await bob.write('three');
  await notices(alice.page, [`${name.split('\n')[0].trim()}: three`]);
  const phone = await browser.person(server, 'alice', 'bob');
  await phone.sees('three');
  await phone.page.bringToFront();
  await notices(alice.page, []);
  for (const person of [alice, bob, phone]) await person.page.close();
});

test('the page of docs/push.md subscribes, and its service worker shows what is pushed and opens the chat', async () => {
  const page = new Page('docs/push.md');
  const posted = [];
  const files = { '/': ['text/html', '<!doctype html><title>x</title>'], '/push.js': ['text/javascript', page.block('Browsers', 'js', 1)], '/service-worker.js': ['text/javascript', page.block('Browsers', 'js', 2)] };
  const site = createServer(async (req, res) => {
    if (req.method === 'POST') {
      let body = '';
      for await (const part of req) body += part;
      posted.push(JSON.parse(body));
    }
    const [type, text] = files[req.url.replace(/\?.*/, '')] ?? ['text/plain', ''];
    res.writeHead(200, { 'content-type': type }).end(text);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${site.address().port}`;
  try {
    await browser.allowNotifications(origin);
    const window = await browser.open(`${origin}/`);
    // the vendor's service is out of reach: the subscription alone is made up
    await window.evaluate(async () => {
      PushManager.prototype.subscribe = async (options) => ({ toJSON: () => ({ endpoint: 'https://push.example.org/1', ...options }) });
      const { subscribe } = await import('/push.js');
      await subscribe('public-key');
    });
    assert.deepEqual(posted, [{ kind: 'web-push', subscription: { endpoint: 'https://push.example.org/1', userVisibleOnly: true, applicationServerKey: 'public-key' } }]);

    const payload = { title: 'New message', body: 'Hi', tag: 'room1', count: 2, from: 'alice' };
    const tags = () => window.evaluate(async () => (await (await navigator.serviceWorker.getRegistration()).getNotifications()).map(({ title, body, tag, data }) => ({ title, body, tag, data })));
    // a worker that has just begun may miss the first
    for (const end = Date.now() + 20_000; (await tags()).length === 0; await sleep(300)) {
      assert.ok(Date.now() < end, 'a notification is shown');
      await browser.push(window, origin, JSON.stringify(payload));
    }
    assert.deepEqual(await tags(), [{ title: 'New message (2)', body: 'Hi', tag: 'room1', data: { from: 'alice' } }]);
    await window.evaluate(async () => (await import('/push.js')).withdraw('another'));
    assert.equal((await tags()).length, 1);
    await window.evaluate(async () => (await import('/push.js')).withdraw('room1'));
    assert.deepEqual(await tags(), []);
    await window.close();
  } finally {
    site.closeAllConnections();
    site.close();
  }
});
