import type { ComponentProps } from 'preact';

/** The pictures on buttons: outlines in a square of 24. */
const SHAPES = {
  add: 'M10 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM2.5 21a7.5 7.5 0 0 1 15 0M19.5 8v6m-3-3h6',
  back: 'M20 12H4m7-7-7 7 7 7',
  bell: 'M6 9.5a6 6 0 1 1 12 0c0 5.5 2 6.5 2 6.5H4s2-1 2-6.5ZM10 20a2.2 2.2 0 0 0 4 0',
  block: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM5.7 5.7l12.6 12.6',
  chat: 'M4 5h16v11h-7l-5 4v-4H4z',
  close: 'm6 6 12 12M18 6 6 18',
  down: 'm6 9 6 6 6-6',
  link: 'M10 13.5a4.2 4.2 0 0 0 6.2.4l3-3a4.2 4.2 0 0 0-6-6L12 6.2M14 10.5a4.2 4.2 0 0 0-6.2-.4l-3 3a4.2 4.2 0 0 0 6 6L12 17.8',
  place: 'M12 21s7-6.2 7-11a7 7 0 1 0-14 0c0 4.8 7 11 7 11ZM12 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20 20',
  send: 'M21 3 3 10.5l7 3.5 3.5 7zM21 3 10 14',
  leave: 'M10 4H5v16h5M15 8l4 4-4 4M19 12H9',
};

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={SHAPES[name]} /></svg>;
}

/** A button that is a picture: its label is read out, and shown under the pointer. */
export function IconButton({ icon, label, class: look = '', ...more }: { icon: IconName; label: string; class?: string } & Omit<ComponentProps<'button'>, 'class' | 'icon' | 'label'>) {
  return <button type="button" {...more} class={`iconic ${look}`} aria-label={label} title={label}><Icon name={icon} /></button>;
}
