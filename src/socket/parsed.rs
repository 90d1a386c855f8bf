//! What a packet says: which event, with which payload.

use serde_json::value::RawValue;
use socketioxide_core::Value;

use super::connection::Connection;
use super::connection::fifo::Incoming;
use crate::limits::Kind;
use crate::rooms::Origin;
use crate::wire::request::{self, client_events};

/// An event's name and first argument.
pub(super) struct Parsed<'a> {
    /// The name as the client wrote it.
    pub(super) name: String,
    pub(super) event: Option<Event>,
    pub(super) payload: Option<&'a RawValue>,
}

macro_rules! events {
    ($($name:literal $summary:literal $handler:ident($event:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
        /// The events of the contract.
        #[derive(Clone, Copy)]
        pub(super) enum Event {
            $($event,)*
            Disconnect,
        }

        impl Event {
            fn of(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$event,)*
                    "disconnect" => Self::Disconnect,
                    _ => return None,
                })
            }

            const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                    Self::Disconnect => "disconnect",
                }
            }

            /// As what it counts; `None` for one that is always taken.
            const fn limit(self) -> Option<Kind> {
                match self {
                    $(Self::$event => Some(Kind::$limit),)*
                    Self::Disconnect => None,
                }
            }
        }
    };
}
client_events!(events);

/// As what an event counts; `None` for one that is always taken.
///
/// It runs for every event in the task that reads, so it looks at the name alone.
pub(super) fn kind(value: &Value) -> Option<Kind> {
    event_of(value).map_or(Some(Kind::Other), Event::limit)
}

fn event_of(value: &Value) -> Option<Event> {
    let Value::Str(text, _) = value else {
        return None;
    };
    let name = text.trim_start().strip_prefix('[')?.trim_start();
    let (name, _) = name.strip_prefix('"')?.split_once('"')?;
    if name.contains('\\') {
        return Parsed::of(value).event;
    }
    Event::of(name)
}

/// Longest name of an unknown event that is repeated in the answer, in characters.
pub(super) const MAX_NAME_CHARS: usize = 64;

impl<'a> Parsed<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let text = match value {
            Value::Str(text, _) => text.as_str(),
            Value::Bytes(_) => "[]",
        };
        let arguments: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let mut arguments = arguments.into_iter();
        let name: String = arguments
            .next()
            .and_then(|name| serde_json::from_str(name.get()).ok())
            .unwrap_or_default();
        Self {
            event: Event::of(&name),
            name,
            payload: arguments.next(),
        }
    }

    pub(super) fn origin(&self, connection: &Connection, event: &Incoming) -> Origin {
        Origin {
            socket: connection.id,
            ack: event.ack,
            envelope: request::wants_envelope(self.payload),
            event: self.event.map_or("unknown", Event::name),
            since: event.since,
            permit: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> Option<Kind> {
        kind(&Value::Str(text.to_owned().into(), None))
    }

    #[test]
    fn an_event_counts_as_what_it_is_however_its_name_is_written() {
        for text in [
            r#"["send-message",{}]"#,
            " [ \"send-message\" , {} ]",
            r#"["send\u002dmessage",{"message":"]"}]"#,
        ] {
            assert_eq!(kind_of(text), Some(Kind::Send), "{text}");
        }
        assert_eq!(kind_of(r#"["disconnect"]"#), None);
        for text in [r#"["no-such-event"]"#, r#"["send-message"#, "", "{}", "[5]"] {
            assert_eq!(kind_of(text), Some(Kind::Other), "{text}");
        }
        assert_eq!(kind_of(r#"["connect-user"]"#), Some(Kind::Connect));
        assert_eq!(kind_of(r#"["add-chat-user"]"#), Some(Kind::Add));
        assert_eq!(kind_of(r#"["get-old-messages"]"#), Some(Kind::History));
    }
}
