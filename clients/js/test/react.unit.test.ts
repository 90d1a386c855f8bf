import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { act, createElement } from 'react';
import { renderToString } from 'react-dom/server';

import type { Chatzz } from '../src/index.js';
import { useChat, useConversation } from '../src/react.js';
import { openPage } from './dom.js';
import { BOB, FakeServer, until } from './fake.js';
import { Shared } from './page.js';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

function Talk({ chat }: { chat: Chatzz }) {
  const { state, unread } = useChat(chat);
  const { messages, presence, conversation, hasOlder } = useConversation(chat, BOB);
  return createElement('p', null, `${state} ${unread} ${conversation.userId} ${presence} ${hasOlder}: ${messages.map(({ message }) => message).join(', ')}`);
}

const NOTHING = 'disconnected 0 bob undefined true: ';

test('the hooks show the connection and the conversation as they are, and follow them', async () => {
  const { root, close } = openPage('');
  const { createRoot } = await import('react-dom/client');
  const page = createRoot(root);
  const chat = server.client();
  await act(() => page.render(createElement(Talk, { chat })));
  assert.equal(root.textContent, NOTHING);

  await act(async () => {
    await chat.connect().ready();
    server.say(BOB, 'one');
    void chat.send(BOB, 'two');
  });

  assert.equal(root.textContent, 'connected 1 bob online false: one, two');
  await act(() => page.unmount());
  close();
});

test('a page that a server has rendered is taken over as it is, whatever this browser knows by then', async () => {
  const html = renderToString(createElement(Talk, { chat: server.client() }));
  assert.equal(html, `<p>${NOTHING}</p>`);
  const storage = new Shared();
  void server.client({ storage }).send(BOB, 'kept');
  await until(() => storage.texts().length === 1);
  const chat = server.client({ storage }).connect();
  await chat.ready();
  server.say(BOB, 'one');
  await until(() => chat.conversation(BOB).messages.length === 2);

  const { root, close } = openPage(html);
  const complaints: unknown[] = [];
  const { hydrateRoot } = await import('react-dom/client');
  const element = createElement(Talk, { chat });
  const page = await act(() => hydrateRoot(root, element, { onRecoverableError: (error) => complaints.push(error) }));

  assert.deepEqual(complaints, []);
  assert.match(root.textContent ?? '', /^connected 1 bob online false: .*kept/);
  await act(() => page.unmount());
  close();
});

test('a server renders the state before everything, also of a client that is connected', async () => {
  const chat = await server.login();
  server.say(BOB, 'not for everybody');

  assert.equal(renderToString(createElement(Talk, { chat })), `<p>${NOTHING}</p>`);
});
