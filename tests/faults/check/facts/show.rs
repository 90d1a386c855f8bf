//! How things are called in violations.

use super::{Facts, Msg, Sym};

impl Facts<'_> {
    /// A user.
    pub(crate) fn user(&self, user: Sym) -> &str {
        self.names.text(user)
    }

    /// A message: `6b02… ("a > b # 7")`.
    pub(crate) fn message(&self, msg: &Msg) -> String {
        let (id, body) = (self.names.text(msg.id), self.names.text(msg.body));
        format!("message {id} ({body:?})")
    }

    /// A chat room of the dump.
    pub(crate) fn room(&self, room: usize) -> &str {
        self.names.text(self.rooms[room].id)
    }

    /// A connection: its number and its user.
    pub(crate) fn conn(&self, conn: usize) -> String {
        let conn = &self.conns[conn];
        format!("connection {} of {}", conn.c, self.user(conn.user))
    }
}
