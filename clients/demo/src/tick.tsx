import type { ChatMessage } from 'chatzz-client';

type Status = ChatMessage['status'];

const MEANING: Record<Status, string> = {
  waiting: 'waiting to be sent', failed: 'could not be sent', not_sent: 'not delivered yet', sent: 'delivered', read: 'read',
};

function shape(status: Status) {
  switch (status) {
    case 'waiting': return <><circle cx="13" cy="6.5" r="5" /><path d="M13 3.8v3l2 1" /></>;
    case 'failed': return <path d="M13 1v6.5M13 11.3v.2" />;
    case 'not_sent': return <path d="m5 7 4 4 7-9" />;
    default: return <path d="m2 7 4 4 7-9m-3 8 1.2 1 7-9" />;
  }
}

/** What became of one's own message. */
export function Tick({ status }: { status: Status }) {
  return (
    <span class="tick" role="img" aria-label={MEANING[status]} title={MEANING[status]} data-status={status}>
      <svg viewBox="0 0 20 13" aria-hidden="true">{shape(status)}</svg>
    </span>
  );
}
