//! Messages that got further, as each socket takes it: the range at once, or one by one.

use std::cell::OnceCell;
use std::sync::Arc;

use super::connection::Connection;
use super::connection::packet::Packet;
use crate::rooms::Advanced;
use crate::wire::{Dialect, Json, Notice, PerDialect, Render as _};

/// Bytes of messages that are announced one by one, unless it is one alone: so much a client
/// that reads takes without its outbox overflowing. Of more, it is the newest.
const MAX_BYTES: usize = 512 * 1024;

/// Messages that got further; the JSON is built once for each form that a socket takes.
pub(super) struct StatusChange<'a> {
    advanced: &'a Advanced,
    whole: PerDialect<Notice<'a>>,
    v1: OnceCell<Vec<Json>>,
    v3: OnceCell<Vec<Json>>,
    v3_compact: OnceCell<Vec<Json>>,
}

impl<'a> StatusChange<'a> {
    pub(super) fn new(advanced: &'a Advanced) -> Self {
        Self {
            advanced,
            whole: PerDialect::new(Notice::MessageStatusChanged(advanced)),
            v1: OnceCell::new(),
            v3: OnceCell::new(),
            v3_compact: OnceCell::new(),
        }
    }

    /// Announces it to a socket.
    pub(super) fn deliver(&self, connection: &Arc<Connection>) {
        if !connection.hears_each() {
            return connection.deliver(connection.packet(&self.whole));
        }
        for json in self.each(connection.dialect()) {
            connection.deliver(Packet::event(Json::clone(json)));
        }
    }

    /// One envelope for each message, ascending.
    fn each(&self, dialect: Dialect) -> &[Json] {
        let built = match dialect {
            Dialect::V1 => &self.v1,
            Dialect::V3 => &self.v3,
            Dialect::V3Compact => &self.v3_compact,
        };
        built.get_or_init(|| {
            let each = self.advanced.each();
            let each = each.map(|one| Notice::MessageStatusChanged(&one).render(dialect));
            newest(each.collect())
        })
    }
}

/// The last of them, as many as fit.
fn newest(mut envelopes: Vec<Json>) -> Vec<Json> {
    let mut bytes = 0;
    let fitting = envelopes.iter().rev().take_while(|json| {
        bytes += json.get().len();
        bytes <= MAX_BYTES
    });
    let fitting = fitting.count().max(1).min(envelopes.len());
    envelopes.split_off(envelopes.len() - fitting)
}
