'use strict';
// `chatzz dev --from-1x`: a front end as those of chatzz 1.x were, with a client of their time, goes on with what 1.1.5 wrote, and so does the demo.

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { Browser } = require('./browser.js');
const { Server } = require('./server.js');

let browser;
before(async () => {
  browser = await Browser.start();
});
after(() => browser?.end());

test('both find what was written before, and write to each other', async () => {
  const client = path.join(__dirname, '..', 'node_modules', 'sio2', 'dist');
  const server = await Server.start({ CHATZZ_SERVE_CLIENT: client }, ['--from-1x']);
  try {
    assert.match(server.said, /chatzz has been taken over, in /);
    const alice = await browser.open(`${server.url}/old?as=alice`);
    const shows = (line) => alice.locator('#log p').filter({ hasText: line }).waitFor();
    await alice.getByRole('button', { name: 'Bob (offline)' }).click();
    await shows('you: Hello Bob, are you there? (read)');
    await shows('you: Write when you read this. (not_sent)');

    const bob = await browser.person(server, 'bob');
    await bob.contact('alice').click();
    await bob.sees('Write when you read this.');
    await shows('you: Write when you read this. (read)');
    await bob.write('I read it.');
    await shows('Bob: I read it.');
    await alice.getByLabel('Message', { exact: true }).fill('See you on Friday');
    await alice.getByRole('button', { name: 'Send' }).click();
    await bob.sees('See you on Friday');
    assert.deepEqual(browser.complaints, []);
    await Promise.all([alice.close(), bob.page.close()]);
  } finally {
    await server.end();
  }
});
