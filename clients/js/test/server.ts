/** `chatzz dev` in a process of its own: a real server with a database and demo users. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** How long a start may take, in ms: it makes a database. */
const START = 120_000;

/** The server's program: `CHATZZ_BIN`, or what cargo has built in this repository. */
function program(): string {
  const built = ['debug', 'release'].map((profile) => fileURLToPath(new URL(`../../../../target/${profile}/chatzz`, import.meta.url)));
  const found = [process.env.CHATZZ_BIN, ...built].find((path) => path && existsSync(path));
  assert.ok(found, 'no chatzz to test against: `cargo build` in the repository, or set CHATZZ_BIN; without one, `npm run test:unit`');
  return found;
}

/** That of this process without the keys of chatzz, so that those of the developer do not count. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => key === 'CHATZZ_MONGOD' || !key.startsWith('CHATZZ_')));
}

async function freePort(): Promise<number> {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

export class DevServer {
  readonly url: string;
  #address: string;
  #keys: Record<string, string>;
  #folder = mkdtempSync(join(process.env.CHATZZ_TEST_DIR ?? tmpdir(), 'chatzz-client-'));
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(port: number, keys: Record<string, string>) {
    this.#keys = keys;
    this.#address = `127.0.0.1:${port}`;
    this.url = `http://${this.#address}`;
  }

  /** A server with these keys set. */
  static async start(keys: Record<string, string> = {}): Promise<DevServer> {
    const server = new DevServer(await freePort(), keys);
    await server.begin();
    return server;
  }

  /** Starts it on the data it had. */
  async begin(): Promise<void> {
    const child = spawn(program(), ['dev', '--empty', '--dir', this.#folder, '--listen', this.#address], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.#folder, // where there is no `.env`
      env: { ...environment(), CHATZZ_METRICS_LISTEN: 'off', ...this.#keys },
    });
    this.#child = child;
    process.once('exit', () => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { this.#said += text; });
    for (const end = Date.now() + START; ; await sleep(50)) {
      assert.ok(child.exitCode === null && Date.now() < end, `chatzz dev does not start:\n${this.#said}`);
      if (await fetch(`${this.url}/readyz`).then(({ ok }) => ok, () => false)) return;
    }
  }

  /** The ids of the demo users. */
  async users(): Promise<string[]> {
    const users = (await (await fetch(`${this.url}/demo/users`)).json()) as { _id: string }[];
    return users.map(({ _id }) => _id);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async end(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
