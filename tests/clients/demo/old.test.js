'use strict';
// A front end as those of chatzz 1.x were talks to the demo application, in dialect 1 and with clients of two ages.

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

const CLIENTS = {
  'that chatzz dev serves by itself': {},
  2.5: { CHATZZ_SERVE_CLIENT: path.join(__dirname, '..', 'node_modules', 'sio2', 'dist') },
};

for (const [client, keys] of Object.entries(CLIENTS)) {
  test(`with the client ${client} it chats with the demo application`, async () => {
    // the demo says by itself that it speaks the newest dialect
    const server = await Server.start({ CHATZZ_DIALECT: '1', ...keys });
    try {
      const bob = await browser.person(server, 'bob');
      const alice = await browser.open(`${server.url}/old?as=alice`);
      const shows = (line) => alice.locator('#log p').filter({ hasText: line }).waitFor();
      await alice.getByRole('button', { name: 'add Bob' }).click();
      await bob.contact('alice').click();
      await alice.getByLabel('Message', { exact: true }).fill('Hello from long ago');
      await alice.getByRole('button', { name: 'Send' }).click();
      await bob.sees('Hello from long ago');
      await shows('you: Hello from long ago (read)');
      await bob.write('Hello from today');
      await shows('Bob: Hello from today');
      await bob.tick('Hello from today', 'read');

      await alice.goto('about:blank');
      await bob.write('Are you gone?');
      await bob.tick('Are you gone?', 'not_sent');
      await alice.goto(`${server.url}/old?as=alice`);
      await bob.tick('Are you gone?', 'sent');
      await alice.getByRole('button', { name: 'Bob (online)' }).click();
      await shows('Bob: Are you gone?');
      await bob.tick('Are you gone?', 'read');
      assert.deepEqual(browser.complaints, []);
      await Promise.all([alice.close(), bob.page.close()]);
    } finally {
      await server.end();
    }
  });
}
