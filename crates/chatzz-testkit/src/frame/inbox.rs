//! Reading what has arrived, in the order of arrival.

use std::panic::Location;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, PATIENCE};
use super::session::{Event, Silence};

/// The one event by which the server sends anything.
const ENVELOPE_EVENT: &str = "chatzz";

/// The content of a `chatzz` event.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The field `type`.
    pub kind: String,
    /// The field `data`.
    pub data: Value,
    /// The field `hasMore`, which `old-messages` alone may have.
    pub has_more: bool,
}

impl Envelope {
    /// Reads an event that contains exactly `{type, data}`, or `hasMore: true` as well.
    fn parse(event: &Event) -> Option<Self> {
        let [Value::Object(fields)] = event.args.as_slice() else {
            return None;
        };
        let kind = fields.get("type")?.as_str()?.to_owned();
        let data = fields.get("data")?.clone();
        let has_more = kind == "old-messages" && fields.get("hasMore") == Some(&Value::Bool(true));
        let exact = event.name == ENVELOPE_EVENT && fields.len() == 2 + usize::from(has_more);
        exact.then_some(Self {
            kind,
            data,
            has_more,
        })
    }

    fn of(event: &Event, caller: &Location<'_>) -> Self {
        Self::parse(event)
            .unwrap_or_else(|| panic!("{caller}: not an envelope of type and data: {event:?}"))
    }
}

impl Client {
    /// The next event, whatever it is.
    ///
    /// # Errors
    /// See [`Silence`].
    pub async fn next_event(&self, within: Duration) -> Result<Event, Silence> {
        self.take(within, |_| true).await
    }

    /// The next envelope; panics if none comes within [`PATIENCE`].
    #[track_caller]
    pub fn next_envelope(&self) -> impl Future<Output = Envelope> + Send {
        let caller = Location::caller();
        async move {
            match self.next_event(PATIENCE).await {
                Ok(event) => Envelope::of(&event, caller),
                Err(silence) => panic!("{caller}: expected an envelope, but {silence}"),
            }
        }
    }

    /// The data of the next envelope, which must be of this type.
    ///
    /// Otherwise, and after [`PATIENCE`], panics with a list of everything that arrived.
    #[track_caller]
    pub fn expect_envelope(&self, kind: &str) -> impl Future<Output = Value> + Send {
        let caller = Location::caller();
        async move {
            match self.next_event(PATIENCE).await {
                Ok(event) => {
                    let envelope = Envelope::of(&event, caller);
                    if envelope.kind == kind {
                        return envelope.data;
                    }
                    let rest = self.session.look(|state| state.inbox.clone());
                    let list = list(std::iter::once(&event).chain(&rest));
                    panic!("{caller}: expected the envelope {kind} next, but there was\n{list}")
                }
                Err(silence) => panic!("{caller}: expected the envelope {kind}, but {silence}"),
            }
        }
    }

    /// The data of the first envelope of this type, whether it has arrived or is yet to arrive.
    ///
    /// All others stay, in their order, for later. Panics with a list of them after [`PATIENCE`].
    #[track_caller]
    pub fn wait_for(&self, kind: &str) -> impl Future<Output = Value> + Send {
        let caller = Location::caller();
        async move {
            let wanted = |e: &Event| Envelope::parse(e).is_some_and(|e| e.kind == kind);
            match self.take(PATIENCE, wanted).await {
                Ok(event) => Envelope::of(&event, caller).data,
                Err(silence) => {
                    let list = self.session.look(|state| list(&state.inbox));
                    panic!(
                        "{caller}: the envelope {kind} did not come, {silence}; there was\n{list}"
                    )
                }
            }
        }
    }

    /// Every envelope that has arrived and has not been taken yet.
    #[track_caller]
    pub fn drain(&self) -> Vec<Envelope> {
        let caller = Location::caller();
        let events: Vec<_> = self.session.look(|state| state.inbox.drain(..).collect());
        events.iter().map(|e| Envelope::of(e, caller)).collect()
    }

    /// Panics if anything is unread, or arrives before the end of a roundtrip.
    ///
    /// The roundtrip is an unknown event of this client with its ack: everything that the
    /// server had sent to this client by then arrived before the ack. It proves nothing
    /// about what the server had yet to decide to send.
    #[track_caller]
    pub fn assert_silent_for_roundtrip(&self) -> impl Future<Output = ()> + Send {
        let caller = Location::caller();
        async move {
            let roundtrip = self.emit_with_ack("roundtrip-of-the-tests", json!({}));
            if let Err(error) = roundtrip.await {
                panic!("{caller}: the roundtrip failed: {error}");
            }
            self.session.look(|state| {
                let list = list(&state.inbox);
                assert!(list.is_empty(), "{caller}: expected silence, came\n{list}");
            });
        }
    }

    /// Takes the first event that matches.
    async fn take(
        &self,
        within: Duration,
        wanted: impl Fn(&Event) -> bool + Send + Sync,
    ) -> Result<Event, Silence> {
        let taken = self.session.wait(within, |state| {
            let found = state.inbox.iter().position(&wanted);
            let event = found.and_then(|at| state.inbox.remove(at));
            let closed = || state.cause.clone().map(Silence::Closed).map(Err);
            event.map(Ok).or_else(closed)
        });
        taken.await.unwrap_or(Err(Silence::Timeout(within)))
    }
}

/// One line per event.
fn list<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let line = |event: &Event| match Envelope::parse(event) {
        Some(envelope) => format!("  {} {}\n", envelope.kind, envelope.data),
        None => format!("  {event:?}\n"),
    };
    events.into_iter().map(line).collect()
}
