/** The recipes of docs/push.md as they are written, against stand-ins of the vendors that check what comes. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createDecipheriv, createECDH, createPublicKey, generateKeyPairSync, hkdfSync, randomBytes, verify } from 'node:crypto';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { ALICE, BOB, Page, packed, root, server, service, until } from './support.js';

const page = new Page('docs/push.md');
const CAROL = '65a000000000000000000003';
/** What a vendor got, and what it answers Bob's devices: at first that it is busy, then as a test says. */
interface Vendor {
  url: string;
  got: { path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  busy: number;
  answers: 'ok' | 'gone' | 'refused' | 'nothing';
  asked: number;
  end(): unknown;
}
const { place } = packed();
let there: Awaited<ReturnType<typeof server>>;
let vendors: Record<'web' | 'fcm' | 'apns', Vendor>;
let program: ChildProcess | undefined;
let said = '';
/** The connections that were made to Apple. */
let sessions = 0;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }) => String(key.export({ type: 'pkcs8', format: 'pem' }));
/** The browser's half of a subscription, and the back end's VAPID keys. */
const [browser, vapid] = [createECDH('prime256v1'), createECDH('prime256v1')];
browser.generateKeys();
vapid.generateKeys();
const auth = randomBytes(16);

/** The claims of a token, whose signature is good. */
function claims(token: string, key: Parameters<typeof verify>[2]): Record<string, unknown> {
  const [head = '', body = '', signature = ''] = token.split('.');
  const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString());
  const how = alg === 'ES256' ? { key: key as never, dsaEncoding: 'ieee-p1363' as const } : key;
  assert.ok(verify('SHA256', Buffer.from(`${head}.${body}`), how, Buffer.from(signature, 'base64url')), 'the token is signed');
  return JSON.parse(Buffer.from(body, 'base64url').toString());
}

/** What RFC 8291 says that a browser does with a push. */
function decrypt(body: Buffer): any {
  const salt = body.subarray(0, 16);
  const length = body[20]!;
  const theirs = body.subarray(21, 21 + length);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.getPublicKey(), theirs]);
  const secret = Buffer.from(hkdfSync('sha256', browser.computeSecret(theirs), auth, info, 32));
  const derive = (what: string, size: number) => Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${what}\0`, size));
  const sealed = body.subarray(21 + length);
  const cipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  cipher.setAuthTag(sealed.subarray(-16));
  const text = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
  return JSON.parse(text.subarray(0, text.lastIndexOf(2)).toString());
}

const EXPECTED = { fcm: '/v1/projects/my-project/messages:send', apns: '/3/device/a1b2', web: '/push/one' };

/** How each vendor answers: done, busy, that the device is gone, or that the message is wrong. */
const ANSWERS: Record<keyof typeof EXPECTED, Record<'ok' | 'busy' | 'gone' | 'refused', [number, string]>> = {
  web: { ok: [201, ''], busy: [429, ''], gone: [410, ''], refused: [413, ''] },
  fcm: {
    ok: [200, '{"name":"projects/my-project/messages/1"}'], busy: [503, '{"error":{"status":"UNAVAILABLE"}}'],
    gone: [404, '{"error":{"status":"NOT_FOUND","details":[{"errorCode":"UNREGISTERED"}]}}'], refused: [400, '{"error":{"status":"INVALID_ARGUMENT"}}'],
  },
  apns: { ok: [200, ''], busy: [503, '{"reason":"ServiceUnavailable"}'], gone: [410, '{"reason":"Unregistered"}'], refused: [403, '{"reason":"InvalidProviderToken"}'] },
};

async function vendor(name: keyof typeof EXPECTED, listening: Server, scheme: string): Promise<Vendor> {
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `${scheme}://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const one: Vendor = { url, got: [], busy: 1, answers: 'ok', asked: 0, end: () => listening.close() };
  listening.on('request', async (req: IncomingMessage, res: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const chunk of req) parts.push(chunk);
    const body = Buffer.concat(parts);
    const isOfCarol = body.includes('"token":"c1"');
    one.asked += isOfCarol ? 0 : 1;
    const how = isOfCarol ? 'ok' : one.busy > 0 ? 'busy' : one.answers;
    if (how === 'busy') one.busy -= 1;
    else if (how !== 'nothing') one.got.push({ path: req.url ?? '', headers: req.headers, body });
    if (how !== 'nothing') res.writeHead(ANSWERS[name][how][0]).end(ANSWERS[name][how][1]);
  });
  return one;
}

/** Google's server of access tokens. */
async function tokens() {
  return service(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const { iss, scope, exp, iat } = claims(form.get('assertion') ?? '', rsa.publicKey);
    const isGood = form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' && iss === 'me@my-project.example.org'
      && scope === 'https://www.googleapis.com/auth/firebase.messaging' && Number(exp) - Number(iat) === 3600;
    res.writeHead(isGood ? 200 : 400).end(JSON.stringify({ access_token: 'ya29.test', expires_in: 3599 }));
  });
}

let google: Awaited<ReturnType<typeof tokens>>;
before(async () => {
  // a push service that a program trusts only with its certificate
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(place, name)) as [string, string];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'pipe' });
  const secure = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
  const apple = createHttp2Server();
  apple.on('session', () => { sessions += 1; });
  const [web, fcm, apns] = await Promise.all([vendor('web', secure, 'https'), vendor('fcm', createServer(), 'http'), vendor('apns', apple as unknown as Server, 'http')]);
  vendors = { web, fcm, apns };
  google = await tokens();
  there = await server({ CHATZZ_NOTIFY_AFTER: '1s' });
  symlinkSync(join(root, 'node_modules/web-push'), join(place, 'node_modules/web-push'));
  const save = (name: string, text: string) => writeFileSync(join(place, name), text);
  save('notify.mjs', page.block('The events', 'js').replace('http://127.0.0.1:3001', there.options.url));
  save('devices.mjs', page.block('The events', 'js', 1));
  save('web-push.mjs', page.block('Browsers', 'js'));
  save('fcm.mjs', page.block('Android', 'js').replace('https://fcm.googleapis.com', fcm.url));
  save('apns.mjs', page.block('iPhones', 'js').replace('https://api.push.apple.com', apns.url).replace('10_000', '1_000'));
  save('service-account.json', JSON.stringify({ project_id: 'my-project', client_email: 'me@my-project.example.org', private_key: pem(rsa.privateKey), token_uri: `${google.url}/token` }));
  save('AuthKey.p8', pem(ec.privateKey));
  const keys = { p256dh: browser.getPublicKey('base64url'), auth: auth.toString('base64url') };
  const devices = [{ kind: 'web-push', subscription: { endpoint: `${web.url}${EXPECTED.web}`, keys } }, { kind: 'fcm', token: 'f1' }, { kind: 'apns', token: 'a1b2' }];
  save('main.mjs', `import { add, devicesOf } from './devices.mjs';
for (const device of ${JSON.stringify(devices)}) add('${BOB}', device);
add('${CAROL}', { kind: 'fcm', token: 'c1' });
add('${CAROL}', { kind: '../../evil', token: 'c2' });
setInterval(async () => console.log('devices', (await devicesOf('${BOB}')).length), 200);
await import('./notify.mjs');`);
  const env = {
    ...process.env, CHATZZ_KEY: there.options.key, VAPID_PUBLIC: vapid.getPublicKey('base64url'), VAPID_PRIVATE: vapid.getPrivateKey('base64url'),
    APNS_KEY_ID: 'KEY1', APNS_TEAM_ID: 'TEAM1', APNS_TOPIC: 'org.example.app', NODE_EXTRA_CA_CERTS: cert,
  };
  program = spawn(process.execPath, ['main.mjs'], { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [program.stdout, program.stderr]) stream?.on('data', (text) => { said += text; });
  process.once('exit', () => program?.kill('SIGKILL'));
  await until('the program runs', () => said.includes('devices 3'));
});
after(async () => {
  program?.kill('SIGKILL');
  await there?.running.end();
  for (const one of Object.values(vendors ?? {})) one.end();
  await google?.end();
});

const json = (body: Buffer) => JSON.parse(body.toString());
const all = () => Object.values(vendors);

test('each vendor is asked as it wants to be, and again after it was busy', async () => {
  // the loop has begun when the first is heard of
  const { chatRoomId } = await there.chatzz.send({ from: ALICE, to: BOB, message: 'Hi Bob', key: 'one' });
  await until(`each vendor is told:\n${said}`, () => all().every(({ got }) => got.length > 0), 60_000);

  const [web] = vendors.web.got;
  const [, token = '', key = ''] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(web?.headers.authorization ?? '') ?? [];
  assert.equal(key, vapid.getPublicKey('base64url'));
  const jwk = { kty: 'EC', crv: 'P-256', x: vapid.getPublicKey().subarray(1, 33).toString('base64url'), y: vapid.getPublicKey().subarray(33).toString('base64url') };
  const { aud, sub } = claims(token, createPublicKey({ key: jwk, format: 'jwk' }) as never);
  assert.deepEqual([aud, sub, web?.path, web?.headers.topic, web?.headers.ttl], [vendors.web.url, 'mailto:you@example.org', EXPECTED.web, chatRoomId, '86400']);
  assert.equal(web?.headers['content-encoding'], 'aes128gcm');
  assert.deepEqual(decrypt(web!.body), { title: 'New message', body: 'Hi Bob', tag: chatRoomId, count: 1, from: ALICE });

  const [fcm] = vendors.fcm.got;
  assert.deepEqual([fcm?.path, fcm?.headers.authorization], [EXPECTED.fcm, 'Bearer ya29.test']);
  assert.deepEqual(json(fcm!.body).message, {
    token: 'f1', data: { type: 'notification.due', chatRoomId }, notification: { title: 'New message', body: 'Hi Bob' },
    android: { collapse_key: chatRoomId, priority: 'HIGH', notification: { tag: chatRoomId, notification_count: 1 } },
  });

  const [apns] = vendors.apns.got;
  const { iss } = claims(apns?.headers.authorization?.replace(/^bearer /, '') ?? '', ec.publicKey as never);
  assert.deepEqual([iss, apns?.path], ['TEAM1', EXPECTED.apns]);
  const wanted = { 'apns-topic': 'org.example.app', 'apns-push-type': 'alert', 'apns-priority': '10', 'apns-collapse-id': chatRoomId };
  for (const [name, value] of Object.entries(wanted)) assert.equal(apns?.headers[name], value, name);
  assert.deepEqual(json(apns!.body), { aps: { alert: { title: 'New message', body: 'Hi Bob' }, badge: 1, sound: 'default', 'thread-id': chatRoomId }, chatRoomId });
  for (const kind of ['web-push', 'fcm', 'apns']) assert.ok(said.includes(`${kind}: `), `${kind} was busy first`);
});

test('what was read is taken back from phones', async () => {
  await there.chatzz.markRead(BOB, { with: ALICE });
  await until(`it is taken back:\n${said}`, () => vendors.fcm.got.length > 1 && vendors.apns.got.length > 1, 60_000);

  const [, fcm] = vendors.fcm.got;
  const { message } = json(fcm!.body);
  assert.deepEqual([message.data.type, message.notification], ['notification.withdrawn', undefined]);
  const [, apns] = vendors.apns.got;
  assert.deepEqual([apns?.headers['apns-push-type'], apns?.headers['apns-priority'], json(apns!.body).aps], ['background', '5', { 'content-available': 1 }]);
  assert.equal(vendors.web.got.length, 1);
});

/** Sends a message that Bob's devices are to be told of. */
async function due(message: string, key: string, to: string = BOB) {
  await there.chatzz.markRead(BOB, { with: ALICE });
  const before = all().map(({ got }) => got.length);
  await there.chatzz.send({ from: ALICE, to, message, key });
  return (name: keyof typeof EXPECTED) => vendors[name].got.length > before[Object.keys(vendors).indexOf(name)]!;
}

test('of a long text each vendor gets as much as it takes', async () => {
  const isTold = await due('漢'.repeat(4_000), 'long');
  await until(`each vendor is told:\n${said}`, () => isTold('web') && isTold('fcm') && isTold('apns'), 60_000);

  const bodies = all().map(({ got }) => got.at(-1)!.body);
  for (const { length } of bodies) assert.ok(length <= 4_096, `${length} bytes`);
  const [web, fcm, apns] = bodies as [Buffer, Buffer, Buffer];
  const shown = '漢'.repeat(200);
  assert.deepEqual([decrypt(web).body, json(fcm).message.notification.body, json(apns).aps.alert.body], [shown, shown, shown]);
});

test('a connection to Apple that does not answer is left for another', async () => {
  const before = sessions;
  vendors.apns.answers = 'nothing';
  const asked = vendors.apns.asked;
  const isTold = await due('Silence', 'silence');
  await until('it is asked', () => vendors.apns.asked > asked, 60_000);
  vendors.apns.answers = 'ok';
  await until(`it is told:\n${said}`, () => isTold('apns'), 60_000);
  assert.ok(sessions > before, `${sessions} connections`);
});

test('a vendor that is busy with one device keeps nobody else waiting, and no other device of theirs', async () => {
  vendors.fcm.busy = 5;
  const isTold = await due('Busy', 'busy');
  await until('it is busy', () => vendors.fcm.busy < 5, 60_000);
  await there.chatzz.send({ from: ALICE, to: CAROL, message: 'Hi Carol', key: 'carol' });
  await until(`Carol is told:\n${said}`, () => vendors.fcm.got.some(({ body }) => json(body).message.token === 'c1'), 60_000);
  const isToldNext = await due('Meanwhile', 'meanwhile');
  await until(`the other devices are notified:\n${said}`, () => isToldNext('web') && isToldNext('apns'), 60_000);
  assert.ok(vendors.fcm.busy > 0, 'Bob\'s phone is still waiting');
  assert.ok(said.includes('there is no vendor “../../evil”'), said);
  vendors.fcm.busy = 0;
  await until(`Bob is told:\n${said}`, () => vendors.fcm.got.some(({ body }) => json(body).message.notification?.body === 'Meanwhile'), 60_000);
  const told = vendors.fcm.got.map(({ body }) => json(body).message.notification?.body);
  assert.ok(told.indexOf('Busy') < told.indexOf('Meanwhile'), 'in the order of the events');
  assert.ok(isTold('web'));
});

test('what a vendor refuses for good is not repeated, and the next is told', async () => {
  for (const one of all()) one.answers = 'refused';
  const isTold = await due('Wrong', 'wrong');
  await until(`each vendor refuses:\n${said}`, () => isTold('web') && isTold('fcm') && isTold('apns'), 60_000);
  for (const one of all()) one.answers = 'ok';
  const isToldNext = await due('Right', 'right');
  await until(`each vendor is told:\n${said}`, () => isToldNext('web') && isToldNext('fcm') && isToldNext('apns'), 60_000);

  const shown = (name: 'fcm' | 'apns') => vendors[name].got.map(({ body }) => json(body)).map((body) => body.message?.notification?.body ?? body.aps?.alert?.body);
  for (const name of ['fcm', 'apns'] as const) assert.equal(shown(name).filter((text) => text === 'Wrong').length, 1, name);
  assert.equal(vendors.web.got.map(({ body }) => decrypt(body).body).filter((text) => text === 'Wrong').length, 1);
});

test('a device that is gone is not asked again', async () => {
  for (const one of all()) one.answers = 'gone';
  await due('Are you there?', 'two');
  await until(`they are removed:\n${said}`, () => said.includes('devices 0'), 60_000);
});
