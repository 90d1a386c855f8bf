import type { ChatMessage, Conversation } from 'chatzz-client';

import { Icon, IconButton } from './icon.tsx';
import { toast } from './toasts.tsx';

/** The kind of message that shows more than text; `chatzz dev` knows its schema. */
const KIND = 'location';

interface Place {
  lat: number;
  lon: number;
}

const words = ({ lat, lon }: Place) => `${lat.toFixed(4)}, ${lon.toFixed(4)}`;

/** Sends where one is. The text is what a front end shows that does not know the kind. */
export function SharePlace({ conversation }: { conversation: Conversation }) {
  const share = () => navigator.geolocation.getCurrentPosition(
    ({ coords: { latitude: lat, longitude: lon } }) => {
      const place = { lat, lon };
      conversation.send(`I am at ${words(place)}`, { kind: KIND, data: place }).catch(() => {});
    },
    ({ message }) => toast(`Your place is not known: ${message}`),
  );
  return <IconButton icon="place" label="Share your place" onClick={share} />;
}

/** The place of a message, if it is one of that kind. The server has checked it against the schema. */
export function PlaceCard({ message: { kind, data } }: { message: ChatMessage }) {
  if (kind !== KIND || !data) return null;
  const place = data as unknown as Place;
  const map = `https://www.openstreetmap.org/?mlat=${place.lat}&mlon=${place.lon}#map=16/${place.lat}/${place.lon}`;
  return <a class="card row" href={map} target="_blank" rel="noopener noreferrer"><Icon name="place" />{words(place)} on the map</a>;
}
