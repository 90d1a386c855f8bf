/** Texts that cannot be sent, or not as they are. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { isBlank, isTooLong, tidied } from '../src/text.js';
import { BOB, FakeServer, until } from './fake.js';
import { Shared } from './page.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const PASTED = [
  ['a line break of a presentation', 'one\vtwo', 'one\ntwo'],
  ['the end of a page', 'one\ftwo', 'one\ntwo'],
  ['a next line', 'one\u0085two', 'one\ntwo'],
  ['the mark of a cell in a table', 'one\u0007two', 'one two'],
  ['the colours of a terminal', '\u001b[31mred\u001b[0m', ' [31mred [0m'],
  ['a zero', 'C\u0000string', 'C string'],
  ['Windows-1252 that was read as Latin-1', '\u0093quoted\u0094 \u007f', ' quoted   '],
  ['the first half of a torn emoji', 'torn \ud83d', 'torn \ufffd'],
  ['the second half of one', '\udc4b torn', '\ufffd torn'],
] as const;

for (const [what, pasted, sent] of PASTED) {
  test(`a pasted text with ${what} is sent without it`, async () => {
    const chat = await server.login();

    const stored = await chat.send(BOB, pasted);

    assert.equal(stored.message, sent);
    assert.equal(server.payloads('send-message')[0].message, sent);
  });
}

test('line feeds, tabs, carriage returns, whole emoji and joined ones stay as they are', () => {
  for (const text of ['a\nb\r\nc\td', '👋🏽', '👩‍👩‍👧', 'می‌خواهم', '\u2028', 'a\u00adb', 'नमस्ते']) assert.equal(tidied(text), text);
});

test('what waits shows as it will be stored', () => {
  const bob = server.client().conversation(BOB);
  void bob.send('one\vtwo');

  assert.equal(bob.messages[0]?.message, 'one\ntwo');
});

const BLANK = ['', ' \n\t', '\u200b\u200b', '\ufeff', ' \u200d ', '\u00ad', '\u2060', '\u3164', '\u2800', '\u{e0041}', '\ufe0f', '\u0000\u0007', '\u202e'];

for (const text of BLANK) {
  test(`a text of ${JSON.stringify(text)} is refused as empty at once, and not kept`, async () => {
    const storage = new Shared();
    const chat = server.client({ storage });

    await assert.rejects(chat.send(BOB, text), { name: 'ChatzzError', code: 'bad-request' });

    assert.deepEqual(chat.conversation(BOB).messages, []);
    assert.equal(storage.items.size, 0);
  });
}

test('a text with anything to see is not empty', () => {
  for (const text of ['.', '\u200bx', '👋', '\u0301', '\ufffd', '\u{1f3fb}']) assert.ok(!isBlank(text), JSON.stringify(text));
});

test('a key that no server takes is announced at once', async () => {
  const chat = server.client();
  for (const key of ['', 'x'.repeat(65), 'schlüssel', 'a\nb']) await assert.rejects(chat.send(BOB, 'text', key), { code: 'bad-request' });

  assert.deepEqual(chat.conversation(BOB).messages, []);
});

test('a text that no server takes fails at once, without a connection, and stays to be copied or discarded', async () => {
  const storage = new Shared();
  const chat = server.client({ storage });
  const announced: string[] = [];
  chat.on('error', ({ code }) => announced.push(code));

  await assert.rejects(chat.send(BOB, 'x'.repeat(65_537), 'long'), { code: 'message-too-long' });

  const [failed] = chat.conversation(BOB).messages;
  assert.ok(failed?.status === 'failed' && failed.error?.code === 'message-too-long');
  assert.deepEqual(announced, ['message-too-long']);
  await until(() => storage.texts().length === 1, 'it survives a reload');
  await chat.connect().ready();
  await assert.rejects(chat.retry('long'), { code: 'message-too-long' });
  chat.discard('long');
  assert.deepEqual(chat.conversation(BOB).messages, []);
  await chat.getOldMessages({ userId: BOB });
  assert.equal(server.payloads('send-message').length, 0);
});

test('with maxChars a text that this server refuses fails at once', async () => {
  const chat = await server.login({ maxChars: 5 });

  await chat.send(BOB, '👋👋👋👋👋');
  await assert.rejects(chat.send(BOB, '123456'), { code: 'message-too-long' });

  assert.equal(server.payloads('send-message').length, 1);
});

test('bytes are counted as the server counts them', () => {
  for (const one of ['a', 'é', '\u0800', '€', '👋', '\u2028', '\ud7ff', '\ue000', '\uffff', '\u{10ffff}']) {
    const bytes = new TextEncoder().encode(one).length;
    const most = one.repeat(Math.floor(65_536 / bytes)) + 'a'.repeat(65_536 % bytes);
    assert.ok(!isTooLong(most), JSON.stringify(one));
    assert.ok(isTooLong(`${most}a`), JSON.stringify(one));
  }
});

test('only what can be seen counts as typing', async () => {
  const chat = await server.login();
  for (const text of [' ', '\u200b', 'x', '\u200b']) chat.conversation(BOB).keystroke(text);
  await until(() => server.payloads('typing').length === 2);

  assert.deepEqual(server.payloads('typing').map(({ typing }) => typing), [true, false]);
});
