/** A real server with its key, a service that answers as a test says, and the pages of the documentation. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type RequestListener, type ServerResponse, createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Chatzz, type Options } from '../src/index.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The repository: the folder of the package may be a copy. */
export const sources = process.env.CHATZZ_SOURCES ?? join(root, '../..');
process.env.CHATZZ_SOURCES = sources;

interface DevServer {
  readonly url: string;
  said: string;
  begin(): Promise<void>;
  kill(signal?: string): Promise<void>;
  end(): Promise<void>;
}
interface DocsPage {
  readonly text: string;
  block(heading: string, language: string, nr?: number): string;
  unused(): string[];
}
const ofRepository = createRequire(join(sources, 'tests/clients/demo/server.js'));
const { Server, freePort } = ofRepository('./server.js') as {
  Server: { start(more: Record<string, string>, args?: string[]): Promise<DevServer> };
  freePort(): Promise<number>;
};
export const { Page } = ofRepository('./newcomer.js') as { Page: new (file: string) => DocsPage };
export { freePort };

export const [ALICE, BOB] = ['65a000000000000000000001', '65a000000000000000000002'];
/** The secret of Standard Webhooks' examples, which a server does not take. */
export const KNOWN = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

/** A new folder, gone with the process. */
export function folder(): string {
  const made = mkdtempSync(join(process.env.CHATZZ_TEST_DIR ?? tmpdir(), 'chatzz-server-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** `chatzz dev` with an API at an address that stays the same, and a key for everything. */
export async function server(more: Record<string, string> = {}) {
  assert.ok(process.env.CHATZZ_BIN, 'CHATZZ_BIN is not set: it names the program to test');
  const place = folder();
  const made = execFileSync(process.env.CHATZZ_BIN, ['key', 'new', 'tests', 'read,send,manage,events'], { encoding: 'utf8' });
  const [, key = '', , line = ''] = made.split('\n').map((text) => text.trim());
  writeFileSync(join(place, 'keys'), line);
  writeFileSync(join(place, 'secret'), SECRET, { mode: 0o600 });
  const listen = `127.0.0.1:${await freePort()}`;
  const keys: Record<string, string> = { CHATZZ_API_LISTEN: listen, CHATZZ_API_KEYS_FILE: join(place, 'keys'), ...more };
  if (more.CHATZZ_HOOKS) keys.CHATZZ_HOOK_SECRET_FILE = join(place, 'secret');
  if (more.CHATZZ_EVENTS_URL) keys.CHATZZ_EVENTS_SECRET_FILE = join(place, 'secret');
  const running = await Server.start(keys);
  const options: Options = { url: `http://${listen}`, key, patience: 120_000 }; // a restart takes long on a busy machine
  return { running, options, chatzz: new Chatzz(options) };
}

/** Answers requests as a function does, at a free port. */
export async function service(answer: RequestListener) {
  const listening = createServer(answer);
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const end = () => {
    listening.closeAllConnections();
    return new Promise((resolve) => listening.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, end };
}

/** One answer of a script: a status with JSON or text and headers, or a connection that breaks. */
export type Scripted = [status: number, body: unknown, headers?: Record<string, string>] | 'breaks';
export interface Asked {
  method: string;
  path: string;
  body: string;
  at: number;
}

/** An API that gives these answers in turn, the last one for ever; and what it was asked. */
export async function scripted(...answers: Scripted[]) {
  const asked: Asked[] = [];
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    let body = '';
    for await (const part of req) body += part;
    const next = answers[Math.min(asked.length, answers.length - 1)] ?? 'breaks';
    asked.push({ method: req.method ?? '', path: req.url ?? '', body, at: performance.now() });
    if (next === 'breaks') return void req.socket.destroy();
    const [status, json, headers] = next;
    res.writeHead(status, headers).end(typeof json === 'string' ? json : JSON.stringify(json));
  };
  return { asked, ...await service((req, res) => void answer(req, res)) };
}

/** A problem as chatzz writes it. */
export const problem = (status: number, code: string, stored = 'no'): Record<string, unknown> => ({ title: '', status, detail: `because of ${code}`, code, stored });

/** Packs the package, and installs it in a new folder as npm would: the folder, and the archive. */
export function packed() {
  const place = folder();
  mkdirSync(join(place, 'node_modules'));
  const name = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', place], { cwd: root, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', join(place, name), '-C', place]);
  symlinkSync(join(place, 'package'), join(place, 'node_modules', 'chatzz-server'));
  return { place, archive: join(place, name) };
}

/** Waits until something is the case. */
export async function until(what: string, isSo: () => unknown, patience = 30_000): Promise<void> {
  for (const end = Date.now() + patience; !await isSo(); await sleep(20)) assert.ok(Date.now() < end, what);
}
