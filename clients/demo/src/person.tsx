import type { ComponentChildren } from 'preact';

import type { Presence, UserDetails } from 'chatzz-client';

import { nameOf, pictureOf } from './people.ts';

interface Props {
  user: UserDetails;
  detail: ComponentChildren;
  presence?: Presence | undefined;
  /** Beside the name. */
  aside?: ComponentChildren;
  /** Whether what follows is about this person. */
  heading?: boolean;
}

/** A face with a name, and a line below it. */
export function Person({ user, detail, presence, aside, heading = false }: Props) {
  const picture = pictureOf(user);
  const name = nameOf(user);
  // A heading needs a block around it, and a button may have none.
  const Lines = heading ? 'div' : 'span';
  return (
    <>
      <span class={`avatar ${presence ?? ''}`} aria-hidden="true">
        {picture ? <img src={picture} alt="" /> : name.slice(0, 1)}
      </span>
      <Lines class="grow">
        <Lines class="row">{heading ? <h2 class="cut grow">{name}</h2> : <strong class="cut grow">{name}</strong>}{aside}</Lines>
        <Lines class="row dim">{detail}</Lines>
      </Lines>
    </>
  );
}
