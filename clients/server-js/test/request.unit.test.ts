/** What becomes of a call when something fails, against an API that answers as the test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chatzz, ChatzzError, type NewMessage } from '../src/index.js';
import { ALICE, BOB, type Scripted, problem, scripted } from './support.js';

const message: NewMessage = { from: ALICE, to: BOB, message: 'Hi', key: 'one' };
const STORED: Scripted = [201, { _id: 'm1' }];

async function against(answers: Scripted[], more = {}) {
  const api = await scripted(...answers);
  const retries: ChatzzError[] = [];
  const chatzz = new Chatzz({ url: api.url, key: 'chatzz_test', onRetry: (error) => retries.push(error), ...more });
  return { ...api, retries, chatzz };
}

async function fails(promise: Promise<unknown>): Promise<ChatzzError> {
  const error = await promise.then(() => assert.fail('it succeeds'), (error) => error);
  assert.ok(error instanceof ChatzzError, String(error));
  return error;
}

test('a send goes on over broken connections and servers that are busy, under the same key', async () => {
  const api = await against(['breaks', [503, problem(503, 'unavailable')], [500, problem(500, 'internal', 'perhaps')], [502, '<html>'], STORED]);

  assert.deepEqual(await api.chatzz.send(message), { _id: 'm1' });

  assert.deepEqual(api.asked.map(({ method, path, body }) => `${method} ${path} ${body}`), Array(5).fill(`POST /v1/messages ${JSON.stringify(message)}`));
  assert.deepEqual(api.retries.map(({ code }) => code), ['unreachable', 'unavailable', 'internal', 'unreachable']);
  await api.end();
});

test('Retry-After is waited for, and what would take longer than the patience fails at once', async () => {
  const busy: Scripted = [429, problem(429, 'rate-limited'), { 'retry-after': '1' }];
  const api = await against([busy, STORED]);
  await api.chatzz.send(message);
  const [first, second] = api.asked.map(({ at }) => at);
  assert.ok(second! - first! >= 1_000, `${second! - first!} ms`);
  await api.end();

  const late = await against([[429, problem(429, 'rate-limited'), { 'retry-after': '3600' }]]);
  const error = await fails(late.chatzz.send(message));
  assert.deepEqual([error.code, error.status, error.retryAfter, late.asked.length], ['rate-limited', 429, 3_600_000, 1]);
  await late.end();
});

test('what chatzz refuses is not repeated, and says why', async () => {
  const refusal = { ...problem(403, 'refused'), reason: 'No numbers.', meta: { rule: 'phone' } };
  const api = await against([[403, refusal]]);

  const error = await fails(api.chatzz.send(message));

  assert.deepEqual({ code: error.code, message: error.message, stored: error.stored, status: error.status, reason: error.problem?.reason, meta: error.problem?.meta },
    { code: 'refused', message: 'because of refused', stored: 'no', status: 403, reason: 'No numbers.', meta: { rule: 'phone' } });
  assert.equal(api.asked.length, 1);
  await api.end();
});

test('whether something may have been stored is what any of the attempts says', async () => {
  const away: Scripted = [503, problem(503, 'unavailable')];
  const perhaps = await against(['breaks', away], { patience: 500 });
  assert.deepEqual([(await fails(perhaps.chatzz.send(message))).stored, perhaps.asked.length > 1], ['perhaps', true]);
  const never = await against([away], { patience: 500 });
  assert.equal((await fails(never.chatzz.send(message))).stored, 'no');
  const reads = await against(['breaks'], { patience: 500 });
  assert.equal((await fails(reads.chatzz.message('m1'))).stored, 'no');
  await Promise.all([perhaps.end(), never.end(), reads.end()]);
});

test('a signal that may have arrived is not sent again, and one that did not is', async () => {
  const lost = await against(['breaks', [200, { online: true }]]);
  const error = await fails(lost.chatzz.signal(BOB, { ring: true }));
  assert.deepEqual([error.code, error.stored, lost.asked.length], ['unreachable', 'perhaps', 1]);
  const busy = await against([[503, problem(503, 'overloaded')], [200, { online: true }]]);
  assert.deepEqual(await busy.chatzz.signal(BOB, { ring: true }), { online: true });
  await Promise.all([lost.end(), busy.end()]);
});

test('a batch is sent again as a whole while a part of it is refused for now', async () => {
  const stored = { status: 201, message: { _id: 'm1' } };
  const refused = { status: 404, problem: problem(404, 'user-not-found') };
  const busy = { status: 503, problem: problem(503, 'unavailable') };
  const api = await against([[200, { results: [stored, refused, busy] }], [200, { results: [stored, refused, stored] }]]);

  const { results } = await api.chatzz.sendBatch([message]);

  assert.deepEqual(results, [stored, refused, stored]);
  assert.equal(api.asked.length, 2);
  await api.end();
  const broken = await against([[200, { results: [stored, busy] }], [401, problem(401, 'unauthorized')]]);
  const error = await fails(broken.chatzz.sendBatch([message]));
  assert.deepEqual([error.code, error.stored], ['unauthorized', 'perhaps'], 'a part of it was stored');
  await broken.end();
  const never = await against([[200, { results: [stored, busy] }]], { patience: 300 });
  assert.deepEqual((await never.chatzz.sendBatch([message])).results, [stored, busy]);
  await never.end();
});

test('something else at the address is named, and an attempt has its time limit', async () => {
  const page = await against([[200, '<html>']]);
  const error = await fails(page.chatzz.user(ALICE));
  assert.deepEqual([error.code, error.message], ['unreachable', `${page.url}: what answers there is not chatzz (status 200)`]);
  await page.end();
  const moved = await against([[302, '', { location: 'http://127.0.0.1:1/' }]]);
  assert.match((await fails(moved.chatzz.user(ALICE))).message, /not chatzz \(status 302\)$/);
  await moved.end();
  const silent = await against([STORED], { timeout: 100, patience: 300 });
  // 192.0.2.0/24 is nobody's
  const nobody = new Chatzz({ url: 'http://192.0.2.1', key: 'k', timeout: 100, patience: 300 });
  assert.equal((await fails(nobody.send(message))).code, 'unreachable');
  await silent.end();
});

test('options that cannot be used are refused at once', () => {
  assert.throws(() => new Chatzz({ url: '127.0.0.1:3001', key: 'k' }), /^TypeError: url: /);
  assert.throws(() => new Chatzz({ url: 'http://127.0.0.1:3001', key: undefined as unknown as string }), /^TypeError: key: /);
});

test('what is wrong with an argument is not taken for a lost connection', async () => {
  const api = await against([STORED]);
  const round: { round?: unknown } = {};
  round.round = round;
  await assert.rejects(api.chatzz.signal(BOB, round), TypeError);
  assert.equal(api.asked.length, 0);
  await api.end();
});

test('events go on behind the last page, and end when the signal says so', async () => {
  const page = (ids: string[], cursor: string): Scripted => [200, { events: ids.map((id) => ({ id, type: 'contact.added', cursor: `of-${id}` })), cursor, hasMore: false }];
  const api = await against([page(['a', 'b'], 'c1'), 'breaks', page([], 'c2'), page(['c', 'd'], 'c3')]);
  const stop = new AbortController();
  const heard: string[] = [];
  const onCursor = (cursor: string) => heard.push(cursor);

  for await (const event of api.chatzz.events({ after: 'head', types: ['contact.added', 'user.blocked'], signal: stop.signal, onCursor })) {
    heard.push(`${event.id} ${event.cursor}`);
    if (event.id === 'c') stop.abort();
  }

  // the cursor of a page comes when all of it was heard, also when it is empty
  assert.deepEqual(heard, ['a of-a', 'b of-b', 'c1', 'c2', 'c of-c']);
  const queries = api.asked.map(({ path }) => new URL(path, api.url).searchParams);
  assert.deepEqual(queries.map((query) => query.get('after')), ['head', 'c1', 'c1', 'c2']);
  assert.deepEqual(queries.map((query) => query.get('types')), Array(4).fill('contact.added,user.blocked'));
  // where `head` is must be known before the waiting begins, which may fail
  assert.deepEqual(queries.map((query) => query.get('wait')), [null, '25s', '25s', '25s']);
  await api.end();
});

test('events that were missed end the loop with their code', async () => {
  const api = await against([[410, problem(410, 'cursor-gone')]]);
  const error = await fails(api.chatzz.events({ after: 'old' }).next());
  assert.deepEqual([error.code, api.asked.length], ['cursor-gone', 1]);
  await api.end();
});

test('what answers like no page of events is no chatzz, and the cursor stays', async () => {
  for (const answer of [{}, null, { events: [] }, { events: [], cursor: 1 }, { events: {}, cursor: 'c' }]) {
    const api = await against([[200, answer]]);
    const error = await fails(api.chatzz.events({ after: 'c0', onCursor: assert.fail }).next());
    assert.deepEqual([error.code, error.status, api.asked.length], ['unreachable', 200, 1], JSON.stringify(answer));
    await api.end();
  }
});

test('a Retry-After that no timer can wait for is no reason to ask at once', async () => {
  const api = await against([[503, problem(503, 'unavailable'), { 'retry-after': '99999999' }]]);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);

  for await (const event of api.chatzz.events({ after: 'head', signal: stop.signal })) assert.fail(event.id);

  assert.equal(api.asked.length, 1);
  await api.end();
});

test('a loop over events that waits ends with the signal, and nothing stays behind', async () => {
  const api = await scripted('breaks');
  const chatzz = new Chatzz({ url: api.url, key: 'k' });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);

  for await (const event of chatzz.events({ after: 'head', signal: stop.signal })) assert.fail(event.id);

  assert.ok(api.asked.length >= 1);
  await api.end();
});
