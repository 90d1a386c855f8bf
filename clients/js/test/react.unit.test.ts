import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

import type { Chatzz } from '../src/index.js';
import { useChat, useConversation } from '../src/react.js';
import { BOB, FakeServer } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

function Talk({ chat }: { chat: Chatzz }) {
  const { state, unread } = useChat(chat);
  const { messages, presence, conversation } = useConversation(chat, BOB);
  return `${state} ${unread} ${conversation.userId} ${presence}: ${messages.map(({ message }) => message).join(', ')}`;
}

test('the hooks show the connection and the conversation as they are', async () => {
  const chat = server.client();
  const page = () => renderToStaticMarkup(createElement(Talk, { chat }));
  assert.equal(page(), 'disconnected 0 bob undefined: ');

  await chat.connect().ready();
  server.say(BOB, 'one');
  void chat.send(BOB, 'two');

  assert.equal(page(), 'connected 1 bob online: one, two');
});
