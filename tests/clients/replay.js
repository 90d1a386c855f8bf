'use strict';
// Replays a conversation that was recorded with the npm package chatzz 1.1.5, through a client of its time.
//
//   node replay.js --client sio1 --url http://127.0.0.1:3000 --conversation FILE --alice ID --bob ID --carol ID
//
// Every socket must hear the same frames in the same order, with the same values: `<id N>` stands for one id throughout,
// `<time>` for any date, `<user NAME>` for the user's details, `{"<details>": NAME, …}` for the same with more fields.
// What 1.1.5 never acknowledged (`none`) must be answered here; a `sent` that it repeats at each fetch of a history
// (`repeats`) must not come. Prints {"ok":true,"steps":N}, or names the step that failed and exits 1.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { parseArgs } = require('node:util');

const STEP_TIMEOUT_MS = 10_000;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const text = { type: 'string' };
const { values: options } = parseArgs({
  options: { client: text, url: text, conversation: text, alice: text, bob: text, carol: text },
});
const loaded = require(options.client);
const connect = loaded.io ?? loaded;
const { steps } = JSON.parse(readFileSync(options.conversation, 'utf8'));

const sockets = new Map();
const ids = new Map(); // of the recording, by what they are here
const created = new Map(); // when messages were created, by their text

/** One socket, what it heard and what it is still to hear. */
async function open(name) {
  const socket = connect(options.url, { forceNew: true, reconnection: false, transports: ['websocket'] });
  const one = { socket, heard: [], expected: [], check: () => {} };
  sockets.set(name, one);
  one.take = (frame) => {
    one.heard.push(frame);
    one.check();
  };
  socket.on('chatzz', (envelope) => one.take({ envelope }));
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    for (const event of ['connect_error', 'error']) socket.on(event, reject);
  });
  return one;
}

/** A recorded value with the ids and dates of here. */
function toSend(value) {
  if (typeof value !== 'string') return value;
  const [, what, name] = value.match(/^<(time|milliseconds) of (.*)>$/) ?? [];
  if (what) return what === 'time' ? created.get(name) : Date.parse(created.get(name));
  const [, person] = value.match(/^<(alice|bob|carol)>$/) ?? [];
  return person ? options[person] : ids.get(value) ?? value;
}

/** Notes which id a recorded one is here; the same both ways. */
function bind(recorded, id) {
  assert.match(String(id), /^[0-9a-f]{24}$/, `${recorded} is an id`);
  if (!ids.has(recorded)) {
    assert.ok(![...ids.values()].includes(id), `${recorded} is an id of its own`);
    ids.set(recorded, id);
  }
  assert.equal(id, ids.get(recorded), `the id ${recorded}`);
}

function matchUser(name, { _id, username, ...rest }, where) {
  assert.deepEqual({ _id, username }, { _id: options[name], username: name }, `${where}: details of ${name}`);
  for (const secret of ['email', 'password', '__v']) assert.ok(!(secret in rest), `${where}: no ${secret}`);
  delete rest.avatar;
  return rest;
}

function match(recorded, heard, where) {
  if (Array.isArray(recorded)) {
    assert.equal(heard?.length, recorded.length, `${where}: ${JSON.stringify(heard)}`);
    recorded.forEach((one, index) => match(one, heard[index], `${where}[${index}]`));
  } else if (recorded !== null && typeof recorded === 'object') {
    assert.ok(heard !== null && typeof heard === 'object', `${where}: ${JSON.stringify(heard)}`);
    const { '<details>': details, ...fields } = recorded;
    const rest = details ? matchUser(details, heard, where) : { ...heard };
    // under both names
    if (details && 'chatRoom' in fields) delete rest.chatRoomId;
    if ('message' in fields && 'createdAt' in fields) created.set(fields.message, heard.createdAt);
    const found = Object.keys(rest);
    const known = Object.keys(fields).map((key) => {
      if (!key.startsWith('<id ')) return key;
      bind(key, ids.get(key) ?? found[0]);
      return ids.get(key);
    });
    assert.deepEqual(found.sort(), [...known].sort(), `${where}: fields of ${JSON.stringify(heard)}`);
    Object.entries(fields).forEach(([key, value], index) => match(value, rest[known[index]], `${where}.${key}`));
  } else if (typeof recorded === 'string' && recorded.startsWith('<id ')) {
    bind(recorded, heard);
  } else if (recorded === '<time>') {
    assert.match(heard, DATE, where);
  } else if (typeof recorded === 'string' && recorded.startsWith('<user ')) {
    assert.deepEqual(matchUser(recorded.slice(6, -1), heard, where), {}, `${where}: nothing more`);
  } else {
    assert.deepEqual(heard, recorded, where);
  }
}

/** Waits until every socket has heard what it is to hear, and compares. */
async function settle(where) {
  for (const [name, one] of sockets) {
    await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${where}: ${name} still waits for ${JSON.stringify(one.expected.slice(one.heard.length))}`));
      const timer = setTimeout(late, STEP_TIMEOUT_MS);
      one.check = () => {
        if (one.heard.length < one.expected.length) return;
        clearTimeout(timer);
        resolve();
      };
      one.check();
    });
    // acknowledgements that 1.1.5 never sent have no place in its order
    const frames = one.heard.splice(0);
    const answers = (list) => list.filter(({ ack, none }) => ack && none);
    assert.equal(answers(frames).length, answers(one.expected).length, `${where}: ${name} is answered`);
    const expected = one.expected.splice(0).filter(({ none }) => !none);
    frames.filter(({ none }) => !none).forEach((frame, index) => match(expected[index], frame, `${where}: ${name}`));
  }
}

async function act(step, where) {
  if (step.closes) {
    sockets.get(step.closes).socket.disconnect();
    sockets.delete(step.closes);
    return;
  }
  const one = sockets.get(step.emits) ?? (await open(step.emits));
  const data = Object.fromEntries(Object.entries(step.data).map(([key, value]) => [key, toSend(value)]));
  if (!step.ack) return void one.socket.emit(step.event, data);
  const next = steps.slice(steps.indexOf(step)).find(({ ack, hears }) => ack === step.event && hears === step.emits);
  assert.ok(next, `${where}: the recording says what the acknowledgement is`);
  const none = next.none ? { none: true } : {};
  one.socket.emit(step.event, data, (...args) => one.take({ ack: step.event, ...(next.none ? none : { args }) }));
}

async function replay() {
  for (const [index, step] of steps.entries()) {
    const where = `step ${index + 1}`;
    if (step.hears) {
      const { hears, repeats, ...frame } = step;
      if (!repeats) sockets.get(hears).expected.push(frame);
      continue;
    }
    await settle(where);
    await act(step, where);
  }
  await settle('the end');
  // whatever came too much would be here before this answer
  for (const [name, { socket, heard }] of sockets) {
    await new Promise((resolve) => socket.emit('nothing of the kind', {}, resolve));
    assert.deepEqual(heard, [], `${name} hears no more`);
  }
  for (const { socket } of sockets.values()) socket.disconnect();
}

replay().then(
  () => console.log(JSON.stringify({ ok: true, steps: steps.length })),
  (error) => {
    console.log(JSON.stringify({ ok: false, error: error.message }));
    process.exit(1);
  },
);
