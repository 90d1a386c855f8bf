'use strict';
// Somebody who does what a page of the documentation says: its commands and files, in an empty folder.
// CHATZZ_SOURCES is the repository, CHATZZ_LIBRARY a copy of clients/js with its packages.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { createHmac } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { Server, freePort } = require('./server.js');

/** Where every example expects the server. */
const KNOWN = 'http://127.0.0.1:3000';

const ALICE = '65a000000000000000000001';
const SECRET = 'a secret of the tests, long enough for HS256';

/** What an example that logs in finds around it: a user, a backend that gives tokens, and a browser's storage. */
const AROUND = `
import assert from 'node:assert/strict';
import { connect } from 'chatzz-client';
const user = { id: process.env.WHO };
const kept = new Map();
const localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
let asked = 0;
const fetch = async (path, { method }) => {
  assert.deepEqual([path, method], ['/chat-token', 'POST']);
  asked += 1;
  return new Response(process.env.TOKEN);
};
`;
const AFTERWARDS = `
await chat.ready();
assert.equal(chat.user._id, user.id);
assert.ok(asked > 0);
chat.disconnect();
`;

/** A token that is good for a minute. */
function token() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: ALICE, exp: Math.ceil(Date.now() / 1000) + 60 })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** A page of the documentation, and which of its fenced blocks a test has used. */
class Page {
  #blocks;

  constructor(file) {
    this.text = fs.readFileSync(path.join(process.env.CHATZZ_SOURCES ?? '', file), 'utf8');
    this.#blocks = this.text.split(/^## /m).flatMap((section) => {
      const [heading] = section.split('\n', 1);
      return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({ heading, language, text, used: false }));
    });
  }

  /** One block of a language below a heading. */
  block(heading, language, nr = 0) {
    const found = this.#blocks.filter((block) => block.heading.startsWith(heading) && block.language === language)[nr];
    assert.ok(found, `“${heading}” has ${language} no. ${nr + 1}`);
    found.used = true;
    return found.text;
  }

  unused() {
    return this.#blocks.filter(({ used }) => !used).map(({ heading, language, text }) => `${heading}, ${language}: ${text.split('\n', 1)}`);
  }
}

class Newcomer {
  #folder = fs.mkdtempSync(path.join(process.env.CHATZZ_TEST_DIR ?? os.tmpdir(), 'chatzz-newcomer-'));
  #server;
  #children = [];
  #origin;

  constructor(server) {
    this.#server = server;
    process.once('exit', () => this.stop());
  }

  /** Where the front end is. */
  get home() {
    return path.join(this.#folder, 'my-chat');
  }

  /** A text of the page, with this test's folders instead of the newcomer's. */
  meant(text) {
    return text.replaceAll('/tmp/', `${this.#folder}/`).replaceAll('~/', `${this.#folder}/`);
  }

  /** A command of the page. */
  shell(command, cwd = this.home) {
    execFileSync('sh', ['-ec', this.meant(command)], { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
  }

  /** The package as the page has it made, without a change of the repository's own folder. */
  pack(command, which = 'js') {
    assert.ok(command.split('\n').includes(`(cd clients/${which} && npm ci && npm pack --pack-destination /tmp)`), command);
    const library = (which === 'js' ? process.env.CHATZZ_LIBRARY : process.env.CHATZZ_SERVER_LIBRARY) ?? '';
    const copy = path.join(this.#folder, 'library');
    const parts = ['src', 'react', 'package.json', 'tsconfig.json', 'tsconfig.cjs.json', 'README.md', 'LICENSE'];
    for (const part of parts.filter((part) => fs.existsSync(path.join(library, part)))) {
      fs.cpSync(path.join(library, part), path.join(copy, part), { recursive: true });
    }
    fs.symlinkSync(path.join(library, 'node_modules'), path.join(copy, 'node_modules'));
    this.shell('npm pack --pack-destination /tmp/', copy);
  }

  /** Saves files of the page, for this test's server. */
  write(files) {
    for (const [name, text] of Object.entries(files)) {
      fs.writeFileSync(path.join(this.home, name), text.replaceAll(KNOWN, this.#server.url));
    }
  }

  /** A program that runs until the end of the test. */
  start(program, args, stdio = 'ignore', env = process.env) {
    const child = spawn(program, args, { cwd: this.home, stdio, env });
    this.#children.push(child);
    return child;
  }

  /** `npx vite`, at a free port. */
  async vite() {
    const port = await freePort();
    this.#origin = `http://localhost:${port}`;
    this.start(process.execPath, ['node_modules/vite/bin/vite.js', '--port', port, '--strictPort']);
    for (const end = Date.now() + 30_000; !(await fetch(this.#origin).then(({ ok }) => ok, () => false)); await sleep(50)) {
      assert.ok(Date.now() < end, 'vite serves the page');
    }
  }

  /** A window of one of the two. */
  open(browser, as = 'alice') {
    return browser.open(`${this.#origin}/?as=${as}`);
  }

  /** Runs an example that logs in, against a server that checks tokens. */
  async logsIn(example) {
    assert.ok(example.includes('https://chat.example.org'));
    const strict = await Server.start({ CHATZZ_AUTH: 'jwt', CHATZZ_JWT_SECRET: SECRET });
    try {
      this.write({ 'login.mjs': AROUND + example.replace('https://chat.example.org', strict.url) + AFTERWARDS });
      const child = this.start(process.execPath, ['login.mjs'], ['ignore', 'inherit', 'pipe'], { ...process.env, WHO: ALICE, TOKEN: token() });
      let said = '';
      child.stderr.on('data', (text) => { said += text; });
      const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
      const [code] = await once(child, 'close');
      clearTimeout(late);
      assert.equal(code, 0, said);
    } finally {
      await strict.end();
    }
  }

  /** Ends what was started. */
  stop() {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
  }

  end() {
    this.stop();
    fs.rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

module.exports = { ALICE, Newcomer, Page };
