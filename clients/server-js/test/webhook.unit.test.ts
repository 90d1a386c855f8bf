/** Whether a request is from chatzz, and the listener that answers it. */
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { ChatzzError, type Handlers, listener, verify } from '../src/index.js';
import { Page, KNOWN as SECRET, service } from './support.js';

/** The example of the reference libraries of Standard Webhooks, of 2021. */
const BODY = '{"test": 2432232314}';
const HEADERS = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const OTHER = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
const EVER = Number.MAX_SAFE_INTEGER;
const SIGNATURE = { name: 'ChatzzError', code: 'bad-signature' };

/** Headers as chatzz sends them now, or at another time. */
function signed(body: string, secret = SECRET, seconds = Math.floor(Date.now() / 1000)): Record<string, string> {
  const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`msg_1.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` };
}

test('what the specification signs is good, by text and by bytes, in either kind of headers', () => {
  for (const headers of [HEADERS, new Headers(HEADERS)]) {
    for (const body of [BODY, Buffer.from(BODY), new TextEncoder().encode(BODY)]) {
      assert.deepEqual(verify(headers, body, SECRET, EVER), { test: 2432232314 });
    }
  }
});

test('one of several secrets, and one of several signatures, is enough', () => {
  for (const secrets of [[OTHER, SECRET], `${OTHER} ${SECRET}`, `${OTHER}\n${SECRET}\n`]) verify(HEADERS, BODY, secrets, EVER);
  const signature = `v2,abc v1, v1,!!! v1,AAAA ${HEADERS['webhook-signature']}`;
  verify({ ...HEADERS, 'webhook-signature': signature }, BODY, SECRET, EVER);
});

test('a secret that is any text signs with its bytes, as that of the login webhook does', () => {
  const mac = createHmac('sha256', 'any text').update(`${HEADERS['webhook-id']}.1614265330.${BODY}`).digest('base64');
  for (const read of ['any text', 'any text\n', ' any text\r\n']) verify({ ...HEADERS, 'webhook-signature': `v1,${mac}` }, BODY, read, EVER);
});

test('everything else is refused', () => {
  const changed: [string, object, string, string][] = [
    ['another body', {}, `${BODY} `, SECRET], ['another secret', {}, BODY, OTHER],
    ['another id', { 'webhook-id': 'msg_2' }, BODY, SECRET], ['another time', { 'webhook-timestamp': '1614265331' }, BODY, SECRET],
    ['no signature', { 'webhook-signature': undefined }, BODY, SECRET], ['an empty one', { 'webhook-signature': 'v1,' }, BODY, SECRET],
    ['a shorter one', { 'webhook-signature': 'v1,g0hM9SsE' }, BODY, SECRET], ['another version', { 'webhook-signature': HEADERS['webhook-signature'].replace('v1', 'v2') }, BODY, SECRET],
    ['a list', { 'webhook-signature': [HEADERS['webhook-signature']] }, BODY, SECRET], ['no id', { 'webhook-id': undefined }, BODY, SECRET],
  ];
  for (const [what, headers, body, secret] of changed) assert.throws(() => verify({ ...HEADERS, ...headers }, body, secret, EVER), SIGNATURE, what);
  assert.throws(() => verify({}, '', SECRET), SIGNATURE);
});

test('a request that is older or newer than five minutes is refused', () => {
  const now = Math.floor(Date.now() / 1000);
  for (const [seconds, isGood] of [[now - 290, true], [now + 290, true], [now - 310, false], [now + 310, false]] as const) {
    const check = () => verify(signed(BODY, SECRET, seconds), BODY, SECRET);
    if (isGood) check();
    else assert.throws(check, SIGNATURE);
  }
});

test('an empty secret is a mistake of the program, and verifies nothing', () => {
  for (const empty of ['', ' \n', [], 'whsec_', 'whsec_\n', `${SECRET} whsec_`, ['', 'whsec_!'], undefined as unknown as string]) {
    const mac = createHmac('sha256', '').update(`${HEADERS['webhook-id']}.1614265330.${BODY}`).digest('base64');
    const headers = { ...HEADERS, 'webhook-signature': `v1,${mac}` };
    assert.throws(() => verify(headers, BODY, empty, EVER), /^TypeError: secret: is empty/);
    assert.throws(() => listener(empty, {}), /^TypeError: secret: is empty/);
  }
});

/** What a listener with these functions answers, and the errors that it reports. */
async function answered(handlers: Handlers, question: unknown, headers?: Record<string, string>) {
  const errors: unknown[] = [];
  const app = await service(listener(SECRET, handlers, (error) => errors.push(error)));
  const body = typeof question === 'string' ? question : JSON.stringify(question);
  const response = await fetch(app.url, { method: 'POST', headers: headers ?? signed(body), body });
  const json = await response.json();
  await app.end();
  return { status: response.status, json, errors };
}
const question = { type: 'before-send', timestamp: '2026-11-30T14:03:00.123Z', data: { from: 'a', to: 'b', chatRoomId: 'c', message: 'Hi' } };

test('a hook is answered by its function', async () => {
  const handlers: Handlers = { 'before-send': async ({ message }) => ({ action: 'refuse', reason: `not ${message}` }) };
  assert.deepEqual(await answered(handlers, question), { status: 200, json: { action: 'refuse', reason: 'not Hi' }, errors: [] });
});

test('an event is given to the function for events, whole', async () => {
  const event = { id: 'e1', type: 'user.blocked', timestamp: 't', data: { userId: 'a', otherId: 'b' } };
  const heard: unknown[] = [];
  assert.equal((await answered({ event: (one) => heard.push(one) }, event)).status, 200);
  assert.deepEqual(heard, [event]);
});

test('a hook or an event without a function, and a function that throws, is no verdict', async () => {
  const wrong: [Handlers, unknown][] = [
    [{}, question], [{ event: () => {} }, question], [{}, { id: 'e1', type: 'user.blocked' }],
    [{ 'before-send': () => { throw new Error('the database is away'); } }, question], [{ event: async () => Promise.reject(new Error('away')) }, { id: 'e1', type: 'user.blocked' }],
    [{}, '{'],
    // what the function throws may come from chatzz, and says nothing of the request
    [{ event: () => { throw new ChatzzError('unauthorized', 'of another call', { status: 401 }); } }, { id: 'e1', type: 'user.blocked' }],
    [{ 'user-details': () => ({ action: 'replace', users: [{ _id: 1n as unknown as number }] }) }, { ...question, type: 'user-details' }],
  ];
  for (const [handlers, asked] of wrong) {
    const { status, errors } = await answered(handlers, asked);
    assert.deepEqual([status, errors.length], [500, 1], JSON.stringify(asked));
  }
});

test('a function for errors that throws ends nothing', async () => {
  const mute = console.error;
  const said: unknown[] = [];
  console.error = (error) => said.push(error);
  for (const onError of [() => { throw new Error('worse'); }, async () => Promise.reject(new Error('worse'))]) {
    const app = await service(listener(SECRET, {}, onError));
    assert.equal((await fetch(app.url, { method: 'POST', headers: signed('{}'), body: '{}' })).status, 500);
    await app.end();
  }
  console.error = mute;
  assert.deepEqual(said.map(String), ['Error: worse', 'Error: worse']);
});

test('who does not know the secret is not answered, and what is too large is named', async () => {
  const handlers: Handlers = { 'before-send': () => assert.fail('it is not asked') };
  const stranger = await answered(handlers, question, signed(JSON.stringify(question), OTHER));
  assert.equal(stranger.status, 401);
  const app = await service(listener(SECRET, handlers, () => {}));
  const large = await fetch(app.url, { method: 'POST', body: 'x'.repeat(5 * 1024 * 1024) });
  assert.equal(large.status, 413);
  await app.end();
});

test('a body that was read before is named as what it is, and is no verdict', async () => {
  const errors: unknown[] = [];
  const listening = listener(SECRET, { 'before-send': () => assert.fail('it is not asked') }, (error) => errors.push(error));
  const app = await service(async (req, res) => {
    for await (const _ of req); // what express.json() does
    await listening(req, res);
  });
  const body = JSON.stringify(question);
  const response = await fetch(app.url, { method: 'POST', headers: signed(body), body });
  await app.end();
  assert.equal(response.status, 500);
  assert.match(String(errors[0]), /a body parser ran before/);
});

test('the functions that the pages show take what is signed, and refuse everything else without throwing', () => {
  const good = signed(BODY);
  const pushed = new Page('docs/back-end.md').block('Events', 'js');
  const isFromChatzz = new Function('require', `${pushed}; return isFromChatzz;`)(createRequire(import.meta.url));
  const express = new Page('docs/hooks.md').block('What to answer', 'js', 1).replace(/^import .*$/m, '');
  const names = ['createHmac', 'timingSafeEqual', 'process', 'express', 'app'];
  const isSigned = new Function(...names, `${express}; return isSigned;`)(createHmac, timingSafeEqual, { env: { HOOK_SECRET: SECRET } }, { raw() {} }, { post() {} });
  type Check = (headers: Record<string, string | undefined>, body: string) => boolean;
  const checks: Check[] = [
    (headers, body) => isFromChatzz(headers, body, SECRET),
    (headers, body) => isSigned({ body: Buffer.from(body), get: (name: string) => headers[name] }),
  ];
  for (const check of checks) {
    assert.equal(check(good, BODY), true);
    assert.equal(check({ ...good, 'webhook-signature': `v1,AAAA ${good['webhook-signature']}` }, BODY), true);
    assert.equal(check(good, `${BODY} `), false);
    assert.equal(check(signed(BODY, OTHER), BODY), false);
    assert.equal(check(signed(BODY, SECRET, 1), BODY), false);
    for (const name of Object.keys(good)) assert.equal(check({ ...good, [name]: undefined }, BODY), false, name);
    const odd = good['webhook-signature']!.replace(/(?<=v1,)./, '\u00e9');
    assert.equal(check({ ...good, 'webhook-signature': odd }, BODY), false);
    assert.equal(check({}, ''), false);
  }
});
