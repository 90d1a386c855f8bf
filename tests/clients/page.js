'use strict';
// Two people really chat through the demo page, in two windows of Chromium.
//
//   node page.js --url http://127.0.0.1:3000 [--alice alice] [--bob bob] [--screenshot FILE]
//
// `--alice` and `--bob` are user names of demo users who have never met. `--screenshot` saves alice's window (1200 × 800),
// with others in her list: `--friends` (default freya,gabriel,ines), the first of whom writes to her. The browser is CHATZZ_CHROMIUM, /usr/bin/chromium or one
// on the PATH. Prints {"ok":true,"steps":N}, or names the failed step and exits 1.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');

const STEP_TIMEOUT_MS = 10000;
const BROWSER_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const BROWSER_ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const REPLY = 'Hello Alice, good to see you here ☕';
const LATER = 'See you at three, then?';

const text = { type: 'string' };
const { values: options } = parseArgs({
  options: {
    url: text, alice: { ...text, default: 'alice' }, bob: { ...text, default: 'bob' }, friends: { ...text, default: 'freya,gabriel,ines' },
    screenshot: text,
  },
});

// A machine without an emoji font would put an empty box into the picture.
const HELLO = `Grüße, Bob! ${options.screenshot ? '' : '👋 '}Здравствуй`;

let current = 'start';
let steps = 0;

async function step(name, run) {
  current = name;
  const result = await run();
  steps += 1;
  return result;
}

function findBrowser() {
  const onPath = (process.env.PATH ?? '').split(path.delimiter).flatMap((folder) => BROWSER_NAMES.map((name) => path.join(folder, name)));
  const candidates = process.env.CHATZZ_CHROMIUM ? [process.env.CHATZZ_CHROMIUM] : ['/usr/bin/chromium', ...onPath];
  const found = candidates.find((file) => fs.existsSync(file));
  if (!found) throw new Error(`no Chromium at ${candidates[0]} or on the PATH: install it ("apt-get install chromium") or set CHATZZ_CHROMIUM`);
  return found;
}

function loadPlaywright() {
  try {
    return require('playwright-core').chromium;
  } catch (cause) {
    throw new Error('playwright-core is not installed: run "npm install" in tests/clients', { cause });
  }
}

/** One person's window; `complaints` collects script errors and refusals of the content security policy. */
class Window {
  constructor(page, name, complaints) {
    Object.assign(this, { page, name });
    page.setDefaultTimeout(STEP_TIMEOUT_MS);
    page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`));
    page.on('console', (line) => { if (line.type() === 'error') complaints.push(`${name}: ${line.text()}`); });
  }

  async visit(query = '') {
    await this.page.goto(`${options.url}/?as=${this.name}${query}`);
    await this.page.locator('#me .avatar').waitFor();
  }

  contact(name) {
    return this.page.locator(`#contacts [data-user="${name}"]`);
  }

  message(words) {
    return this.page.locator('#log .message').filter({ hasText: words });
  }

  async add(name) {
    await this.page.getByRole('button', { name: 'Add somebody' }).click();
    await this.page.locator(`#strangers [data-user="${name}"]`).click();
    await this.page.locator('#composer').waitFor();
  }

  async write(words) {
    await this.page.getByLabel('Message', { exact: true }).fill(words);
    await this.page.keyboard.press('Enter');
    await this.message(words).waitFor();
  }

  tick(words, status) {
    return this.message(words).locator(`.tick[data-status="${status}"]`).waitFor();
  }
}

async function chat(alice, bob) {
  await step('alice opens the page', () => alice.visit());
  await step('bob opens the page', () => bob.visit());
  await step('alice adds bob', () => alice.add(options.bob));
  await step('bob sees alice appear, online', () => bob.page.locator(`#contacts .online[data-user="${options.alice}"]`).waitFor());
  await step('alice writes', () => alice.write(HELLO));
  await step('alice sees it delivered', () => alice.tick(HELLO, 'sent'));
  await step('bob sees the text and the badge', async () => {
    await bob.contact(options.alice).locator('.badge').filter({ hasText: '1' }).waitFor();
    await bob.contact(options.alice).filter({ hasText: HELLO }).waitFor();
    assert.match(await bob.page.title(), /^\(1\) /);
  });
  await step('bob opens the conversation', async () => {
    await bob.contact(options.alice).click();
    await bob.message(HELLO).waitFor();
    await bob.contact(options.alice).locator('.badge').waitFor({ state: 'detached' });
  });
  await step('alice sees it read', () => alice.tick(HELLO, 'read'));
  await step('bob answers', () => bob.write(REPLY));
  await step('alice sees the answer', () => alice.message(REPLY).waitFor());
  await step('bob sees his answer read', () => bob.tick(REPLY, 'read'));
}

async function leaveAndReturn(alice, bob) {
  await step('bob goes away and alice sees him offline', async () => {
    await bob.page.goto('about:blank');
    await alice.page.locator('#head').filter({ hasText: 'last seen' }).waitFor();
  });
  await step('alice writes to nobody there', async () => {
    await alice.write(LATER);
    await alice.tick(LATER, 'not_sent');
  });
  await step('bob returns and finds all of it in order', async () => {
    await bob.visit(`&with=${options.alice}`);
    await bob.message(LATER).waitFor();
    await bob.message(HELLO).waitFor();
    assert.deepEqual(await bob.page.locator('#log .message p').allTextContents(), [HELLO, REPLY, LATER]);
  });
  await step('alice sees the rest read', () => alice.tick(LATER, 'read'));
  await step('a reload of bob keeps the history', async () => {
    await bob.page.reload();
    await bob.message(HELLO).waitFor();
    assert.deepEqual(await bob.page.locator('#log .message p').allTextContents(), [HELLO, REPLY, LATER]);
    await bob.tick(REPLY, 'read');
  });
}

async function takePicture(alice, bob, friend, others) {
  const lines = [
    [bob, 'Three is perfect. The café by the river?'], [alice, 'Yes! I will bring the slides: one chat room, seq 1, 2, 3 … and no gap.'],
    [bob, 'And when my train is in the tunnel?'], [alice, 'Then it waits in the database and finds you at the other end.'],
    [bob, 'Отлично. До встречи!'],
  ];
  for (const name of others) await step(`alice adds ${name}`, () => alice.add(name));
  await step('alice returns to bob', () => alice.contact(options.bob).click());
  for (const [person, line] of lines) {
    await step(`${person.name} writes a line`, () => person.write(line));
    await step('the other sees it', () => (person === alice ? bob : alice).message(line).waitFor());
  }
  await step('a friend writes', async () => {
    await friend.visit();
    await friend.add(options.alice);
    await friend.write('Hej! Är allt klart för demon?');
    await friend.write('I can bring a second screen.');
  });
  await step('the picture is taken', async () => {
    await alice.contact(friend.name).locator('.badge').filter({ hasText: '2' }).waitFor();
    await bob.tick(lines.at(-1)[1], 'read');
    await alice.page.mouse.move(760, 150);
    await alice.page.screenshot({ path: options.screenshot });
  });
}

async function main() {
  if (!options.url) throw new Error('--url is missing');
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chatzz-page-'));
  const complaints = [];
  let browser;
  try {
    browser = await step('Chromium starts', () => loadPlaywright().launchPersistentContext(profile, {
      executablePath: findBrowser(), args: BROWSER_ARGS, viewport: { width: 1200, height: 800 }, locale: 'en-GB',
    }));
    const open = async (name) => new Window(await browser.newPage(), name, complaints);
    const [alice, bob] = [await open(options.alice), await open(options.bob)];
    await chat(alice, bob);
    await leaveAndReturn(alice, bob);
    if (options.screenshot) {
      const [friend, ...others] = options.friends.split(',');
      await takePicture(alice, bob, await open(friend), others);
    }
    await step('nothing was complained about', () => assert.deepEqual(complaints, []));
  } catch (error) {
    if (complaints.length) error.message += ` (the page said: ${complaints.join('; ')})`;
    throw error;
  } finally {
    await browser?.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

main().then(
  () => console.log(JSON.stringify({ ok: true, steps })),
  (error) => {
    console.log(JSON.stringify({ ok: false, step: current, steps, error: error.message }));
    process.exitCode = 1;
  },
);
