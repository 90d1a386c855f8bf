'use strict';
// One person of a conversation: a socket of any of the client versions, and user actions that know what to expect.

const assert = require('node:assert/strict');

/** These cannot send `auth`; their token travels in the query. */
const WITHOUT_AUTH = ['sio1', 'sio2'];

function loadClient(name) {
  try {
    return require(name);
  } catch (error) {
    throw new Error(`${name} is not installed: run "npm install" in tests/clients`, { cause: error });
  }
}

/** One connected socket of one person, and every envelope it was sent. */
class Person {
  constructor({ name, id, token, client, transport, url }) {
    Object.assign(this, { name, id, token, client, transport, url, socket: null, envelopes: [], waiting: [] });
  }

  /** Opens a new socket; envelopes of an earlier one are forgotten. */
  open() {
    const loaded = loadClient(this.client);
    const connect = loaded.io ?? loaded;
    this.envelopes = [];
    const settings = { forceNew: true, reconnection: false, transports: [this.transport] };
    if (this.token && WITHOUT_AUTH.includes(this.client)) settings.query = { token: this.token };
    else if (this.token) settings.auth = { token: this.token };
    return new Promise((resolve, reject) => {
      this.socket = connect(this.url, settings);
      this.socket.on('connect', resolve);
      for (const event of ['connect_error', 'error']) {
        this.socket.on(event, (error) => reject(new Error(`${event}: ${error?.message ?? error}`)));
      }
      this.socket.on('chatzz', (envelope, confirm) => {
        this.envelopes.push(envelope);
        this.waiting = this.waiting.filter((tryIt) => !tryIt());
        if (typeof confirm === 'function') confirm();
      });
    });
  }

  /** Emits with an error-first ack: the result, or the error thrown. */
  async call(event, payload) {
    const [error, result] = await this.answer(event, payload);
    if (error !== null) throw new Error(`${event} was refused: ${JSON.stringify(error)}`);
    return result;
  }

  /** Emits and expects a refusal with this code. */
  async refused(event, payload, code) {
    const [error] = await this.answer(event, payload);
    assert.equal(error?.code, code, `${event} ${JSON.stringify(payload)} is answered by ${code}`);
    assert.equal(typeof error.message, 'string');
    return error;
  }

  answer(event, payload) {
    return new Promise((resolve) => this.socket.emit(event, payload, (...args) => resolve(args)));
  }

  /** The first envelope of this type that matches, already here or still to come. */
  envelope(type, matches = () => true) {
    return new Promise((resolve) => {
      const tryIt = () => {
        const found = this.envelopes.find((envelope) => envelope.type === type && matches(envelope.data));
        if (found) {
          assert.deepEqual(Object.keys(found).sort(), ['data', 'type'], 'an envelope is type and data, nothing beside');
          resolve(found.data);
        }
        return Boolean(found);
      };
      if (!tryIt()) this.waiting.push(tryIt);
    });
  }

  count(type, matches) {
    return this.envelopes.filter((envelope) => envelope.type === type && matches(envelope.data)).length;
  }

  is(details) {
    return details && String(details._id) === String(this.id);
  }
}

module.exports = { Person };
