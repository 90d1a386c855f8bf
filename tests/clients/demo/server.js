'use strict';
// `chatzz dev` in a process of its own, which a test may kill and start again. The program is CHATZZ_BIN.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { createServer } = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

/** How long a start may take, in ms: the first one fetches the packages of the demo, and builds it. */
const START = 240_000;

/** That of this process without the keys of chatzz, so that those of the developer do not count. */
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([key]) => key === 'CHATZZ_MONGOD' || !key.startsWith('CHATZZ_')));

async function freePort() {
  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address();
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

class Server {
  /** What it has said so far. */
  said = '';
  #folder = fs.mkdtempSync(path.join(process.env.CHATZZ_TEST_DIR ?? os.tmpdir(), 'chatzz-demo-'));
  #more;
  #args;
  #address;
  #child;

  /**
   * A server on a free port, with more of the environment set, and more arguments. Nobody has written to anybody there;
   * without `--empty` it is what a newcomer finds.
   */
  static async start(more = {}, args = ['--empty']) {
    const server = new Server();
    server.#more = more;
    server.#args = args;
    server.#address = `127.0.0.1:${await freePort()}`;
    await server.begin();
    return server;
  }

  get url() {
    return `http://${this.#address}`;
  }

  /** Starts it on the data it had. */
  async begin() {
    assert.ok(process.env.CHATZZ_BIN, 'CHATZZ_BIN is not set: it names the program to test');
    const child = spawn(process.env.CHATZZ_BIN, ['dev', '--dir', this.#folder, '--listen', this.#address, ...this.#args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.#folder, // where there is no `.env`
      env: { ...environment(), CHATZZ_METRICS_LISTEN: 'off', ...this.#more },
    });
    this.#child = child;
    process.once('exit', () => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { this.said += text; });
    for (const end = Date.now() + START; ; await sleep(50)) {
      assert.ok(child.exitCode === null && Date.now() < end, `chatzz dev does not start:\n${this.said}`);
      if (await fetch(`${this.url}/readyz`).then(({ ok }) => ok, () => false)) return;
    }
  }

  async kill(signal = 'SIGKILL') {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async end() {
    await this.kill('SIGTERM');
    fs.rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

module.exports = { Server, freePort };
