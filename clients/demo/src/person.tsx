import type { ComponentChildren } from 'preact';

import type { Presence, UserDetails } from 'chatzz-client';

import { nameOf, pictureOf } from './people.ts';

interface Props {
  user: UserDetails;
  detail: ComponentChildren;
  presence?: Presence | undefined;
  /** Beside the name. */
  aside?: ComponentChildren;
}

/** A face with a name, and a line below it. */
export function Person({ user, detail, presence, aside }: Props) {
  const picture = pictureOf(user);
  return (
    <>
      <span class={`avatar ${presence ?? ''}`} aria-hidden="true">
        {picture ? <img src={picture} alt="" /> : nameOf(user).slice(0, 1)}
      </span>
      <span class="grow">
        <span class="row"><strong class="cut grow">{nameOf(user)}</strong>{aside}</span>
        <span class="row dim">{detail}</span>
      </span>
    </>
  );
}
