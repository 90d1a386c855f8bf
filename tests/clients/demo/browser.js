'use strict';
// Chromium, and the window of one person in it. The browser is CHATZZ_CHROMIUM; pictures are kept in CHATZZ_PICTURES.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { chromium } = require('playwright-core');

/** How long a step may take, in ms. */
const STEP = 20_000;
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const DESKTOP = { width: 1200, height: 800 };
const PHONE = { width: 390, height: 780 };

class Browser {
  /** Script errors, and refusals of the content security policy. */
  complaints = [];
  #profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chatzz-demo-browser-'));
  #context;

  /** One whose reader writes dates and times as people of this language do. */
  static async start(locale = 'en-GB') {
    const browser = new Browser();
    const executablePath = process.env.CHATZZ_CHROMIUM;
    assert.ok(executablePath, 'CHATZZ_CHROMIUM is not set: it names the browser');
    browser.#context = await chromium.launchPersistentContext(browser.#profile, { executablePath, args: ARGS, viewport: DESKTOP, locale });
    return browser;
  }

  /** Lets the pages of a server know where the browser is. */
  async locate(server, place) {
    await this.#context.grantPermissions(['geolocation'], { origin: server.url });
    await this.#context.setGeolocation(place);
  }

  /** Runs a function in each page that is opened from now on, before its own scripts. */
  prepare(script) {
    return this.#context.addInitScript(script);
  }

  /** Lets the pages of an origin notify. */
  allowNotifications(origin) {
    return this.#context.grantPermissions(['notifications'], { origin });
  }

  /** Hands data to the service worker of a page, as the browser's vendor would. */
  async push(page, origin, data) {
    const session = await this.#context.newCDPSession(page);
    const registered = new Promise((resolve) => {
      session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [one] }) => one && resolve(one.registrationId));
    });
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId: await registered, data });
  }

  async open(url, viewport = DESKTOP) {
    const page = await this.#context.newPage();
    await page.setViewportSize(viewport);
    page.setDefaultTimeout(STEP);
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (line) => {
      // What is refused while the server is away is not the page's fault.
      if (line.type() === 'error' && !/ERR_CONNECTION|WebSocket connection|502/.test(line.text())) this.complaints.push(line.text());
    });
    await page.goto(url);
    return page;
  }

  /** The window of a person, who may be chatting with somebody at once. */
  async person(server, name, partner, viewport) {
    const query = new URLSearchParams({ as: name, ...(partner && { with: partner }) });
    const person = new Person(name, await this.open(`${server.url}/?${query}`, viewport));
    await person.page.locator('.me .avatar.online').waitFor({ state: 'attached' });
    if (partner) await person.field.waitFor();
    return person;
  }

  async end() {
    await this.#context?.close();
    fs.rmSync(this.#profile, { recursive: true, force: true });
  }
}

class Person {
  constructor(name, page) {
    Object.assign(this, { name, page });
  }

  get field() {
    return this.page.getByLabel('Message', { exact: true });
  }

  contact(name) {
    return this.page.locator(`nav [data-user="${name}"]`);
  }

  message(words) {
    return this.page.locator('.log .message').filter({ has: this.page.getByText(words, { exact: true }) });
  }

  /** What the conversation shows, from the top. */
  texts() {
    return this.page.locator('.log .message p').allTextContents();
  }

  async add(name) {
    await this.page.getByRole('button', { name: 'Add somebody' }).click();
    await this.page.getByLabel('Search people').fill(name);
    await this.page.locator(`dialog [data-user="${name}"]`).click();
    await this.page.locator(`nav [data-user="${name}"][aria-current]`).waitFor({ state: 'attached' });
    await this.field.waitFor();
  }

  /** Opens the conversation with a contact. */
  async turnTo(name) {
    await this.contact(name).click();
    await this.page.locator(`nav [data-user="${name}"][aria-current]`).waitFor({ state: 'attached' });
    await this.field.waitFor();
  }

  async write(words) {
    await this.field.fill(words);
    await this.field.press('Enter');
    await this.message(words).waitFor();
  }

  /** Waits until one's own message has a status. */
  tick(words, status) {
    return this.message(words).locator(`.tick[data-status="${status}"]`).waitFor();
  }

  sees(words) {
    return this.message(words).waitFor();
  }

  banner() {
    return this.page.locator('.banner');
  }

  /** That the other one is typing, as the head of the conversation says. */
  typing() {
    return this.page.locator('.head .typing').filter({ hasText: 'is typing' });
  }

  /** Blocks whom one chats with, and says that it is meant. */
  async block(name) {
    await this.page.getByRole('button', { name: `Block ${name}` }).click();
    await this.page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  }
}

/** Keeps a picture of a page as an artefact. */
async function picture(page, name) {
  const folder = process.env.CHATZZ_PICTURES;
  assert.ok(folder, 'CHATZZ_PICTURES is not set: it names the folder for pictures');
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  assert.ok(fs.statSync(file).size > 5000, `${file} shows something`);
}

module.exports = { Browser, DESKTOP, PHONE, Person, picture };
