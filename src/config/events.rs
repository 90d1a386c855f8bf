//! Pushing events to the application.

use std::time::Duration;

use super::event_type::EventType;
use super::parse::{Parsed, Refusal, within};
use super::service_url::ServiceUrl;
use super::signing_secrets::{SigningSecrets, signing_secrets};
use super::warning::Warning;

section! {
    /// Pushing events to the application.
    pub struct EventsConfig in "Events" {
        /// The URL to which every event is posted; without it, none is.
        /// Your back end may also ask for them, with `GET /v1/events`. Write the same for all servers:
        /// one of them pushes, and another takes over if it stops.
        url: Option<ServiceUrl> =
            key("CHATZZ_EVENTS_URL", "URL",
                unset("none", None, "https://app.example.org/internal/chatzz-events"),
                ServiceUrl::parse),
        /// The secret that signs what is posted, as Standard Webhooks say: `whsec_` and base64.
        /// Several, with spaces or line ends between them, all sign: so you replace one. Required with
        /// `CHATZZ_EVENTS_URL`.
        secret: Option<SigningSecrets> =
            secret("CHATZZ_EVENTS_SECRET" or_file "/run/secrets/chatzz-events", "list of secrets",
                unset("none", None, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), signing_secrets),
        /// The types of events that are posted.
        types: Vec<EventType> =
            key("CHATZZ_EVENTS_TYPES", "list of types",
                default(
                    "message.created,message.read,message.redacted,contact.added,user.blocked,\
                     user.unblocked,user.erased,notification.due,notification.withdrawn"
                ),
                types),
        /// How long a device may take to confirm a message before its receiver is to be notified,
        /// which is an event of its own: 1 s to 5 m. Without it, there are none. Write the same for all servers.
        /// Front ends without `deliveryAcks` confirm what is not read only after about 70 s: their people
        /// are notified although they are online.
        notify_after: Option<Duration> =
            key("CHATZZ_NOTIFY_AFTER", "duration", unset("none", None, "15s"), wait),
        /// How long an answer may take; after that the event is posted again.
        timeout: Duration =
            key("CHATZZ_EVENTS_TIMEOUT", "duration", default("10s"), within("50ms", "1m")),
    }
    check(keys) {
        match (&url, &secret) {
            (Ok(Some(_)), Ok(None)) => {
                keys.refuse(
                    "CHATZZ_EVENTS_URL and CHATZZ_EVENTS_SECRET",
                    "without a secret the receiver could not tell who posts; \
                     `echo whsec_$(openssl rand -base64 32)` makes one",
                );
            }
            (Ok(None), Ok(Some(_))) => {
                keys.refuse(
                    "CHATZZ_EVENTS_URL and CHATZZ_EVENTS_SECRET",
                    "there is a secret, and nothing is posted; write the URL, or remove the secret",
                );
            }
            _ => {}
        }
        if let Ok(Some(url)) = &url
            && url.is_exposed()
        {
            keys.warn(Warning::ExposedEvents { key: "CHATZZ_EVENTS_URL" });
        }
    }
}

/// Shorter than the log is kept at least.
fn wait(text: &str) -> Parsed<Duration> {
    within("1s", "5m")(text)
}

fn types(text: &str) -> Parsed<Vec<EventType>> {
    EventType::parse_list(text).map_err(Refusal::new)
}
