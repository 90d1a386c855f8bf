/** What a compiler knows of the application's users. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compile } from './compiler.js';

const PRELUDE = `
import { Chatzz, connect, messageKey } from 'chatzz-client';
import type { ChatMessage, Conversation, Message, UserDetails } from 'chatzz-client';
import { useChat, useConversation } from 'chatzz-client/react';
interface User { username: string; age?: number; avatar: string | null }
const options = { url: 'https://chat.example.org', userId: 'alice' };
const chat = connect<User>(options);
`;

/** Lines, each of which is one of an application. */
const RIGHT = [
  'const name: string | undefined = chat.user?.username;',
  'const id: string | number | undefined = chat.user?._id;',
  'const ages: (number | undefined)[] = chat.conversations.map(({ contact }) => contact?.age);',
  'const avatar: string | null | undefined = chat.conversation(\'bob\').contact?.avatar;',
  'chat.on(\'message\', ({ from, to }, { contact }) => void [from.username?.trim(), to.age?.toFixed(), contact?.username?.trim()]);',
  'chat.once(\'presence\', ({ user }) => void user.username?.trim());',
  'chat.on(\'contact-added\', ({ username, addedAt }) => void [username?.trim(), addedAt.trim()]);',
  'const sent: Promise<Message<User>> = chat.send(\'bob\', \'text\');',
  'const page: Promise<{ messages: Message<User>[] }> = chat.getOldMessages({ userId: \'bob\' });',
  'const blocked: Promise<UserDetails<User>[]> = chat.blockedUsers();',
  'const online: Promise<(string | undefined)[]> = chat.activeUsers().then(({ users }) => users.map(({ username }) => username));',
  'const added: Promise<Conversation<User>> = chat.addContact(\'bob\');',
  'const state = useChat(chat).user?.username?.trim();',
  'const talk = useConversation(chat, \'bob\').contact?.username?.trim();',
  'const keys: string[] = chat.conversation(\'bob\').messages.map(messageKey);',
  'const mine: boolean[] = chat.conversation(\'bob\').messages.map((message) => chat.isMine(message));',
  'const last: boolean = chat.isMine(chat.conversations[0]!.last!);',
  'function show(message: ChatMessage<User>): string { return \'from\' in message ? message.from.username ?? \'deleted\' : \'me\'; }',
  'const made: Chatzz<User> = new Chatzz<User>(options);',
  'const any: unknown = connect(options).user?.whatever;',
  'const untyped: Chatzz = connect(options);',
];

const WRONG: [line: string, complaint: RegExp][] = [
  ['chat.user?.usernam;', /'usernam' does not exist/],
  ['chat.conversation(\'bob\').contact?.firstName;', /'firstName' does not exist/],
  ['const sure: string = chat.user!.username;', /undefined/],
  ['chat.on(\'message\', ({ from }) => from.name);', /'name' does not exist/],
  ['useConversation(chat, \'bob\').contact?.name;', /'name' does not exist/],
  ['const age: number = connect(options).user!.age;', /unknown/],
];

const lines = [...RIGHT, ...WRONG.map(([line]) => line)];
const [text, first] = [`${PRELUDE}${lines.map((line) => `{ ${line} }`).join('\n')}\n`, PRELUDE.split('\n').length];
const said = compile({ 'app.ts': text }, { skipLibCheck: false, noUnusedLocals: false });
const at = (index: number) => said.filter(({ line }) => line === first + index).map(({ text }) => text).join('\n');

for (const [index, line] of RIGHT.entries()) test(`the types know: ${line}`, () => assert.equal(at(index), ''));
for (const [index, [line, complaint]] of WRONG.entries()) test(`the types notice: ${line}`, () => assert.match(at(RIGHT.length + index), complaint));
