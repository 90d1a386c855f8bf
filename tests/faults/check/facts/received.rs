//! What the server said: results and envelopes.

use serde_json::value::RawValue;

use super::{At, ChangedPage, Facts, How, KnownContact, Login, Msg, Request, Seen, Told};
use crate::history::{Changes, Contact, Details, Message, Page, StatusChanged};

type Parsed = serde_json::Result<()>;

impl Facts<'_> {
    /// The ok answer to an operation.
    pub(super) fn result(&mut self, at: At, op: usize, ok: &RawValue) -> Parsed {
        let conn = self.ops[op].conn;
        match self.ops[op].request.clone() {
            Request::Send(send) => {
                let message: Message<'_> = serde_json::from_str(ok.get())?;
                let ok = self.see(at, conn, How::Sent(op, message.duplicate), &message);
                self.sends[send].oks.push(ok);
            }
            Request::ReadOne(_) => {
                let message: Message<'_> = serde_json::from_str(ok.get())?;
                self.see(at, conn, How::Read(op), &message);
            }
            Request::Page(_) => {
                let page: Page<'_> = serde_json::from_str(ok.get())?;
                let first = self.seen.len();
                for message in &page.messages {
                    self.see(at, conn, How::Page(op), message);
                }
                self.ops[op].page = Some((first..self.seen.len(), page.has_more));
            }
            Request::Changes(..) => {
                let page: Changes<'_> = serde_json::from_str(ok.get())?;
                let first = self.seen.len();
                for message in &page.messages {
                    self.see(at, conn, How::Change(op), message);
                }
                self.ops[op].changes = Some(ChangedPage {
                    seen: first..self.seen.len(),
                    has_more: page.has_more,
                    rev: page.rev,
                });
            }
            Request::Add => {
                let contact: Contact<'_> = serde_json::from_str(ok.get())?;
                let asked = self.ops[op].invoke;
                self.contact(at, conn, Some(asked), &contact);
            }
            Request::ReadUpTo(..) => {
                let read: crate::history::Read = serde_json::from_str(ok.get())?;
                self.ops[op].moved = read.read;
            }
            Request::Connect
            | Request::DeliveredUpTo(..)
            | Request::Block(_)
            | Request::Redact(_)
            | Request::Disconnect
            | Request::Other => {}
        }
        Ok(())
    }

    /// A `chatzz` event. Types that are not known are not looked at.
    pub(super) fn envelope(&mut self, at: At, conn: usize, kind: &str, data: &RawValue) -> Parsed {
        let data = data.get();
        match kind {
            "new-message" => {
                self.see(at, conn, How::New, &serde_json::from_str(data)?);
            }
            "message-changed" => {
                self.see(at, conn, How::Changed, &serde_json::from_str(data)?);
            }
            "message-status-changed" => {
                let message: Message<'_> = serde_json::from_str(data)?;
                let range = message.range;
                let (from, to) =
                    range.map_or((message.seq, message.seq), |range| (range.from, range.to));
                self.see(at, conn, How::Status(from, to), &message);
            }
            "old-messages" => {
                for message in serde_json::from_str::<Vec<Message<'_>>>(data)? {
                    self.see(at, conn, How::OldMessages, &message);
                }
            }
            "user-details" => {
                let details: Details<'_> = serde_json::from_str(data)?;
                self.details(at, conn, &details);
            }
            "chat-user-status-changed" | "user-status-changed" => {
                let changed: StatusChanged<'_> = serde_json::from_str(data)?;
                let about = self.names.sym(&changed.user.0);
                self.announced.push(Told {
                    at,
                    conn,
                    about,
                    online: changed.status == "online",
                    asked: None,
                    room: None,
                });
            }
            "chat-user-added" => {
                let contact: Contact<'_> = serde_json::from_str(data)?;
                self.contact(at, conn, None, &contact);
            }
            "error" => self.errors.push(at.line),
            _ => {}
        }
        Ok(())
    }

    fn details(&mut self, at: At, conn: usize, details: &Details<'_>) {
        self.conns[conn].details.get_or_insert(at);
        let logins = &self.conns[conn].logins;
        let open = |op: &&usize| self.ops[**op].answer.is_none();
        // answers come in order, and the envelope before its answer
        let op = logins.iter().find(open).copied();
        let asked = op.map(|op| self.ops[op].invoke);
        let mut contacts = Vec::with_capacity(details.connected_users.len());
        for contact in &details.connected_users {
            let known = self.contact(at, conn, asked, contact);
            contacts.push(known);
        }
        let login = self.logins.len();
        for message in details.missed_messages.values().flatten() {
            self.see(at, conn, How::Missed(login), message);
        }
        self.logins.push(Login {
            at,
            conn,
            op,
            contacts,
        });
    }

    /// A contact with their presence and last message.
    fn contact(
        &mut self,
        at: At,
        conn: usize,
        asked: Option<At>,
        contact: &Contact<'_>,
    ) -> KnownContact {
        let user = self.names.sym(&contact.id);
        let room = self.names.sym(&contact.chat_room_id);
        self.announced.push(Told {
            at,
            conn,
            about: user,
            online: contact.status == "online",
            asked,
            room: Some(room),
        });
        let last = contact.last_message.as_ref().map(|last| {
            let line = asked.unwrap_or(at).line;
            let seen = self.see(at, conn, How::Last(line), last);
            let msg = &self.seen[seen].msg;
            (msg.id, msg.seq)
        });
        KnownContact {
            user,
            room,
            unread: contact.unread_count,
            last,
        }
    }

    /// Notes a message; its place among [`Facts::seen`].
    fn see(&mut self, at: At, conn: usize, how: How, message: &Message<'_>) -> usize {
        let msg = self.msg(message);
        self.seen.push(Seen { at, conn, how, msg });
        self.seen.len() - 1
    }

    /// A message as it was said.
    pub(super) fn msg(&mut self, message: &Message<'_>) -> Msg {
        let names = &mut self.names;
        Msg {
            id: names.sym(&message.id),
            room: names.sym(&message.chat_room_id),
            from: names.sym(&message.from.0),
            to: names.sym(&message.to.0),
            body: names.sym(&message.text),
            client: message.client_id.as_ref().map(|client| names.sym(client)),
            seq: message.seq,
            status: message.status,
            created: message.created_at,
            sent: message.sent_at,
            read: message.read_at,
            rev: message.rev,
            redacted: message.redacted,
        }
    }
}
