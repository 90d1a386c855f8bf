import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TIMING } from '../src/options.js';
import { keepToken } from '../src/token.js';

/** The pauses in ms before each refresh, of tokens that live so long, by a clock that is ahead of the server's by this. */
async function pauses(life: number, clockAhead = 0, refreshes = 3): Promise<number[]> {
  const slept: number[] = [];
  let shown = 0;
  const line = {
    timing: TIMING,
    emit: async () => {
      shown += 1;
      return { expiresAt: new Date(Date.now() - clockAhead + life).toISOString() };
    },
    serverNow: () => Date.now() - clockAhead,
    sleep: async (milliseconds: number) => void slept.push(milliseconds),
  };
  const failed = (error: Error) => assert.fail(error);
  await keepToken(line, 'first', () => 'next', () => shown < refreshes, failed);
  return slept;
}

/** Whether it is that many ms, give or take what this test itself takes. */
function near(pause: number | undefined, wanted: number): void {
  assert.ok(pause !== undefined && Math.abs(pause - wanted) < 5000, `${pause} is about ${wanted}`);
}

const MINUTE = 60_000;

test('a token is replaced a minute before its end, or after three quarters of a short life', async () => {
  near((await pauses(60 * MINUTE))[0], 59 * MINUTE);
  near((await pauses(MINUTE))[0], 0.75 * MINUTE);
});

test('a clock that is wrong does not matter', async () => {
  near((await pauses(60 * MINUTE, 24 * 60 * MINUTE))[0], 59 * MINUTE);
  near((await pauses(60 * MINUTE, -24 * 60 * MINUTE))[0], 59 * MINUTE);
});

test('a wait longer than a timer can hold is cut into days', async () => {
  const day = 24 * 60 * MINUTE;
  const slept = await pauses(60 * day, 0, 2);

  assert.equal(Math.max(...slept), day);
  near(slept.reduce((sum, pause) => sum + pause, 0), 60 * day - MINUTE);
});
