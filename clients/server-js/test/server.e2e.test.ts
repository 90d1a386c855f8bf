/** Against a real server, which is killed and started again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chatzz, ChatzzError, type Event, type Handlers, type PulledEvent, listener } from '../src/index.js';
import { ALICE, BOB, SECRET, server, service, until } from './support.js';

const CAROL = '65a000000000000000000003';
let there: Awaited<ReturnType<typeof server>>;
let app: Awaited<ReturnType<typeof service>>;
let chatzz: Chatzz;
/** What the application hears and says; a test may change it. */
let handlers: Handlers = {};
before(async () => {
  app = await service((req, res) => void listener(SECRET, handlers)(req, res));
  there = await server({
    CHATZZ_HOOKS: 'before-send,before-add,user-details', CHATZZ_HOOK_URL: app.url, CHATZZ_HOOK_FAILURE: 'refuse', CHATZZ_EVENTS_URL: app.url,
  });
  chatzz = there.chatzz;
});
after(async () => {
  await there?.running.end();
  await app?.end();
});

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => assert.fail('it succeeds'), (error) => error);
  assert.ok(error instanceof ChatzzError, String(error));
  return error.code;
}
const allow: Handlers = {
  'before-send': () => ({ action: 'allow' }), 'before-add': () => ({ action: 'allow' }), 'user-details': () => ({ action: 'allow' }), event: () => {},
};

test('every call does what it says', async () => {
  handlers = allow;
  const sent = await chatzz.send({ from: ALICE, to: BOB, message: 'Hi', key: 'first' });
  assert.deepEqual([sent.from, sent.to, sent.message, sent.duplicate], [ALICE, BOB, 'Hi', undefined]);
  const again = await chatzz.send({ from: ALICE, to: BOB, message: 'Hi', key: 'first' });
  assert.deepEqual([again._id, again.duplicate], [sent._id, true]);
  const { results } = await chatzz.sendBatch([
    { from: ALICE, to: BOB, message: 'one', key: 'b1' }, { from: ALICE, to: '65a0000000000000000000ff', message: 'two', key: 'b2' },
  ]);
  assert.deepEqual(results.map(({ status, problem }) => problem?.code ?? status), [201, 'user-not-found']);
  assert.equal((await chatzz.message(sent._id)).message, 'Hi');

  const opened = await chatzz.openChatRoom({ from: ALICE, to: CAROL });
  assert.equal(opened.created, true);
  assert.equal((await chatzz.chatRoom(opened._id))._id, opened._id);
  assert.equal((await chatzz.chatRoomOf(CAROL, ALICE))._id, opened._id);
  const page = await chatzz.messages(sent.chatRoomId, { limit: 1 });
  assert.deepEqual(page.messages.map(({ message }) => message), ['one']);

  assert.equal((await chatzz.user(ALICE)).user._id, ALICE);
  assert.deepEqual((await chatzz.chatRooms(BOB, { limit: 5 })).contacts.map(({ _id }) => _id), [ALICE]);
  assert.deepEqual((await chatzz.presence([ALICE, BOB])).users.map(({ status }) => status), ['offline', 'offline']);
  await until('the numbers are there', async () => (await chatzz.unread([BOB])).users[0]?.unreadCount === 2);
  assert.deepEqual(await chatzz.markDelivered(BOB, { with: ALICE, upTo: 1 }), { delivered: 1 });
  assert.deepEqual(await chatzz.markRead(BOB, { with: ALICE, upTo: 1 }), { read: 1 });

  await chatzz.block(BOB, ALICE);
  assert.equal(await code(chatzz.send({ from: ALICE, to: BOB, message: 'Hello?', key: 'blocked' })), 'blocked');
  assert.deepEqual((await chatzz.blocked(BOB)).users, [ALICE]);
  await chatzz.unblock(BOB, ALICE);
  await chatzz.setPrivacy(BOB, { whitelistOnly: true, whitelist: [ALICE] });
  const { whitelistOnly, whitelist } = await chatzz.privacy(BOB);
  assert.deepEqual([whitelistOnly, whitelist], [true, [ALICE]]);
  assert.equal((await chatzz.stats()).online, 0);
  assert.deepEqual(await chatzz.endSockets(BOB), { ended: 0 });
  assert.deepEqual(await chatzz.signal(BOB, { ring: true }), { online: false });
  assert.deepEqual((await chatzz.redact(sent._id)).redacted, true);
  assert.equal((await chatzz.redactChatRoom(sent.chatRoomId)).hasMore, false);
  assert.equal((await chatzz.message(results[0]!.message!._id)).message, '');
  assert.deepEqual((await chatzz.letters()).letters, []);
  assert.equal(await code(chatzz.retryLetter('nothing')), 'letter-not-found');
});

test('hooks decide, and a function that throws is no verdict', async () => {
  const asked: unknown[] = [];
  handlers = {
    ...allow,
    'before-send': ({ message }) => {
      asked.push(message);
      if (message === 'throw') throw new Error('on purpose');
      return /\d{7}/.test(message) ? { action: 'refuse', reason: 'No numbers.', meta: { rule: 'phone' } } : { action: 'replace', message: `${message}!` };
    },
    'user-details': ({ users }) => ({ action: 'replace', users: users.map(({ _id }) => ({ _id, shown: true })) }),
  };
  const say = (message: string, key: string) => chatzz.send({ from: ALICE, to: BOB, message, key, ask: true });

  assert.equal((await say('Hello', 'h1')).message, 'Hello!');
  const refused = await say('Call 5550100', 'h2').then(() => assert.fail(), (error) => error as ChatzzError);
  assert.deepEqual([refused.code, refused.problem?.reason, refused.problem?.meta], ['refused', 'No numbers.', { rule: 'phone' }]);
  const impatient = new Chatzz({ ...there.options, patience: 500 });
  const mute = console.error;
  console.error = () => {};
  assert.equal(await code(impatient.send({ from: ALICE, to: BOB, message: 'throw', key: 'h3', ask: true })), 'unavailable');
  console.error = mute;
  assert.ok(asked.includes('throw'));
  assert.equal((await chatzz.user('65a000000000000000000004')).user.shown, true);
});

test('events are heard over a server that is killed, and exactly the rest from the cursor of any', async (t) => {
  const pushed: Event[] = [];
  handlers = { ...allow, event: (event) => pushed.push(event) };
  const heard: PulledEvent[] = [];
  const stop = new AbortController();
  const listening = (async () => {
    for await (const event of chatzz.events({ after: 'head', types: ['message.created'], signal: stop.signal })) heard.push(event);
  })();
  t.after(() => stop.abort()); // or the loop goes on after a failure
  const texts = (events: Event[]) => events.flatMap((event) => (event.type === 'message.created' ? [event.data.message.message] : []));
  // Until the loop hears, it is not known whether it has begun.
  for (let at = 0; heard.length === 0; at += 1) {
    await chatzz.send({ from: ALICE, to: BOB, message: 'before', key: `begin-${at}` });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  await chatzz.send({ from: ALICE, to: BOB, message: 'one', key: 'k1' });
  await there.running.kill();
  const waits = chatzz.send({ from: ALICE, to: BOB, message: 'two', key: 'k2' });
  await there.running.begin();
  await waits;
  await chatzz.send({ from: BOB, to: ALICE, message: 'three', key: 'k3' });
  await until(`heard ${texts(heard)}`, () => texts(heard).includes('three'), 60_000);

  const unique = [...new Map(heard.map((event) => [event.id, event])).values()].filter((event) => ['one', 'two', 'three'].includes(texts([event])[0] ?? ''));
  assert.deepEqual(texts(unique), ['one', 'two', 'three']);
  stop.abort();
  await listening;
  const rest: string[] = [];
  const end = new AbortController();
  for await (const event of chatzz.events({ after: unique[0]!.cursor, types: ['message.created'], signal: end.signal })) {
    rest.push(...texts([event]));
    if (rest.at(-1) === 'three') end.abort();
  }
  assert.deepEqual(rest, ['two', 'three']);
  // what is pushed is the same, without a cursor
  await until('it was pushed', () => texts(pushed).includes('three'), 60_000);
  const one = pushed.find(({ id }) => id === unique[0]!.id);
  assert.deepEqual(Object.keys(one ?? {}).sort(), ['data', 'id', 'timestamp', 'type']);
});
