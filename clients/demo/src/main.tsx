/** Who sits here, and then the chat of that person. */
import { render } from 'preact';

import { connect } from 'chatzz-client';

import { as, wanted } from './address.ts';
import { App } from './app.tsx';
import { Choose } from './choose.tsx';
import { maxChars } from './limits.ts';
import { demoUsers } from './people.ts';
import './style.css';

const root = document.querySelector('#root')!;

try {
  const users = await demoUsers();
  const me = users.find(({ username }) => username === as);
  if (me) {
    const chat = connect({ url: location.origin, userId: me._id, storage: localStorage, maxChars, timing: { retryMax: 5000 } });
    render(<App chat={chat} me={me} users={users} />, root);
  } else {
    render(<Choose users={users} unknown={as} partner={wanted} />, root);
  }
} catch (error) {
  render(<p class="banner" role="alert">The demo users could not be loaded ({String(error)}). Reload the page to try again.</p>, root);
}
