'use strict';
// The bundles for browsers of socket.io-client 1 to 4 in a page of another origin: one that the server lists, and one
// that it does not. The browser is CHATZZ_CHROMIUM. The last line of the output is a report as JSON.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { createServer } = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { chromium } = require('playwright-core');

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** Milliseconds that a bundle may take to log in or to be refused. */
const PATIENCE = 20_000;

const { values: args } = parseArgs({
  options: { url: { type: 'string' }, user: { type: 'string' }, listed: { type: 'string' }, unlisted: { type: 'string' } },
});

/** Runs in the page: logs in, and says as whom, or why not. */
function logIn([url, userId, transport, patience]) {
  return new Promise((resolve) => {
    const socket = io(url, { transports: [transport], forceNew: true, reconnection: false });
    const end = (outcome) => {
      socket.close();
      resolve(outcome);
    };
    setTimeout(() => end('no answer'), patience);
    socket.on('connect_error', () => end('refused'));
    socket.on('connect', () => {
      socket.emit('connect-user', { userId }, (error, details) => end(error ? error.code : details.userId));
    });
  });
}

async function main() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chatzz-origins-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHATZZ_CHROMIUM, args: ARGS });
  const outcomes = {};
  try {
    for (const origin of [args.listed, args.unlisted]) {
      const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>a page</title>'));
      await new Promise((resolve) => pages.listen(new URL(origin).port, '127.0.0.1', resolve));
      for (const client of ['sio1', 'sio2', 'sio3', 'sio4']) {
        for (const transport of ['polling', 'websocket']) {
          const page = await context.newPage();
          await page.goto(`${origin}/`);
          await page.addScriptTag({ path: path.join(__dirname, 'node_modules', client, 'dist', 'socket.io.js') });
          const outcome = await page.evaluate(logIn, [args.url, args.user, transport, PATIENCE]);
          (outcomes[origin] ??= {})[`${client} ${transport}`] = outcome;
          await page.close();
        }
      }
      pages.close();
    }
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  return outcomes;
}

assert.ok(process.env.CHATZZ_CHROMIUM, 'CHATZZ_CHROMIUM is not set: it names the browser');
main().then(
  (outcomes) => console.log(JSON.stringify(outcomes)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
