/** The compiler of TypeScript, on files that a test makes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The repository: the folder of the package may be a copy. */
export const sources = process.env.CHATZZ_SOURCES ?? join(root, '../..');

export interface Complaint {
  file: string;
  line: number;
  text: string;
}

let places = 0;

/** What it says to these files (name → text), which lie two folders below the package. */
export function compile(files: Record<string, string>, options: Record<string, unknown> = {}): Complaint[] {
  const place = join(root, 'build', `made-${process.pid}-${(places += 1)}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  const compilerOptions = { noEmit: true, rootDir: '../..', ...options };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['.'] }));
  const compiler = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], { cwd: place, encoding: 'utf8' });
  rmSync(place, { recursive: true });

  const complaints: Complaint[] = [];
  for (const said of `${stdout}${stderr}`.split('\n').filter((line) => line !== '')) {
    // What is indented goes on with the complaint before it.
    const last = complaints.at(-1);
    if (said.startsWith(' ') && last) last.text += `\n${said}`;
    else {
      const [, file = '', line = '', text = ''] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(said) ?? [];
      assert.ok(file in files, `the compiler complains of something else: ${said}`);
      complaints.push({ file, line: Number(line), text });
    }
  }
  return complaints;
}
