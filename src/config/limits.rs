//! How much one client, one user and one address may ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use super::parse::{Parsed, Refusal, choice, shown, within};
use super::reader::{Read, Reader};

section! {
    /// Whether clients are limited at all.
    pub(super) struct Switch in "Limits" {
        /// Whether the limits below apply.
        /// With `off` there are no rates, and no caps per user or address, and errors close
        /// nothing; only the total number of sockets stays limited.
        is_on: bool =
            key("CHATZZ_RATE_LIMITS", "`on` or `off`", default("on"),
                choice(&[("on", true), ("off", false)])),
    }
}

section! {
    /// How much one client, one user and one address may ask for.
    ///
    /// A rate `100/10s` is a bucket: 100 at once, and from then on ten a second. Where
    /// several scopes are given, all of them have to allow it.
    pub struct LimitsConfig in "Limits" {
        /// New sessions by address, and logins (`connect-user`) by socket and user.
        /// Raise it when many people share an address.
        connects: Rates =
            key("CHATZZ_LIMIT_CONNECTS", "rates",
                default("socket=10/1m,user=60/1m,address=1200/1m"), rates),
        /// Messages sent (`send-message`).
        sends: Rates =
            key("CHATZZ_LIMIT_SENDS", "rates",
                default("socket=100/10s,user=150/10s,address=5000/10s"), rates),
        /// Contacts added (`add-chat-user`).
        adds: Rates =
            key("CHATZZ_LIMIT_ADDS", "rates", default("socket=200/1m,user=300/1m,address=3000/1m"),
                rates),
        /// Pages of history and of contacts online (`get-old-messages`, `get-active-users`).
        /// After a reconnect a client fetches a page for each conversation with a gap.
        history: Rates =
            key("CHATZZ_LIMIT_HISTORY", "rates",
                default("socket=200/10s,user=400/10s,address=5000/10s"), rates),
        /// Notices that somebody is typing (`typing`); a client sends one every few seconds.
        typing: Rates =
            key("CHATZZ_LIMIT_TYPING", "rates",
                default("socket=20/10s,user=40/10s,address=10000/10s"), rates),
        /// Signals (`signal`), which are sent on and not stored.
        /// A call between two browsers begins with a few dozen.
        signals: Rates =
            key("CHATZZ_LIMIT_SIGNALS", "rates",
                default("socket=100/10s,user=150/10s,address=5000/10s"), rates),
        /// All other events, including unknown ones.
        events: Rates =
            key("CHATZZ_LIMIT_EVENTS", "rates",
                default("socket=300/10s,user=600/10s,address=20000/10s"), rates),
        /// HTTP requests of one address to the socket.io endpoint; over polling each packet is one.
        requests: Option<Rate> =
            key("CHATZZ_LIMIT_REQUESTS", "rate or `off`", default("20000/10s"), rate_or_off),
        /// Errors that are a client's fault; this many within the time close its socket.
        /// Fifty events over one of the limits above count as one.
        errors: Option<Rate> =
            key("CHATZZ_LIMIT_ERRORS", "rate or `off`", default("20/10s"), rate_or_off),
        /// The most sockets of a user, of an address and in all.
        /// TCP connections of one address may be twice its sockets.
        sockets: Caps =
            key("CHATZZ_LIMIT_SOCKETS", "caps", default("user=50,address=2000,all=20000"), caps),
    }
}

/// A number of times within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub count: NonZeroU32,
    /// How long it takes until as many are allowed again.
    pub per: Duration,
}

/// Rates by scope; `None` does not limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of each socket.
    pub socket: Option<Rate>,
    /// Of each user, all sockets together.
    pub user: Option<Rate>,
    /// Of each client address (IPv6: of each /64).
    pub address: Option<Rate>,
}

/// Most sockets at one time; `None` does not limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of one user.
    pub user: Option<usize>,
    /// Of one client address.
    pub address: Option<usize>,
    /// In all.
    pub all: Option<usize>,
}

impl LimitsConfig {
    /// The limits, or none when they are switched off.
    pub(super) fn read_all(keys: &mut Reader<'_>) -> Read<Self> {
        let switch = Switch::read(keys);
        let all = Self::read(keys)?;
        Ok(if switch?.is_on { all } else { all.lifted() })
    }

    /// Without any limit except the total number of sockets.
    fn lifted(self) -> Self {
        let none = Rates::default();
        Self {
            connects: none,
            sends: none,
            adds: none,
            history: none,
            typing: none,
            signals: none,
            events: none,
            requests: None,
            errors: None,
            sockets: Caps {
                all: self.sockets.all,
                ..Caps::default()
            },
        }
    }
}

fn rates(text: &str) -> Parsed<Rates> {
    let mut rates = Rates::default();
    each(text, |scope, value| {
        let place = match scope {
            "socket" => &mut rates.socket,
            "user" => &mut rates.user,
            "address" => &mut rates.address,
            _ => return Err(unknown(scope, "`socket`, `user` or `address`")),
        };
        once(place, scope, rate(value)?)
    })?;
    Ok(rates)
}

fn caps(text: &str) -> Parsed<Caps> {
    let mut caps = Caps::default();
    each(text, |scope, value| {
        let place = match scope {
            "user" => &mut caps.user,
            "address" => &mut caps.address,
            "all" => &mut caps.all,
            _ => return Err(unknown(scope, "`user`, `address` or `all`")),
        };
        once(place, scope, within("1", "1000000")(value)?)
    })?;
    Ok(caps)
}

/// The parts `scope=value` of a comma list; none for `off`.
fn each<'a>(text: &'a str, mut take: impl FnMut(&'a str, &'a str) -> Parsed<()>) -> Parsed<()> {
    if text == "off" {
        return Ok(());
    }
    let mut parts = text.split(',').map(str::trim);
    parts.try_for_each(|part| match part.split_once('=') {
        Some((scope, value)) => take(scope.trim(), value.trim()),
        None => Err(Refusal::new(format!(
            "{} cannot be used; write parts such as `user=50/10s` with commas between \
             them, or `off`",
            shown(part)
        ))),
    })
}

fn once<T>(place: &mut Option<T>, scope: &str, value: T) -> Parsed<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(format!(
            "{} stands there twice; leave one of them",
            shown(scope)
        ))),
    }
}

fn unknown(scope: &str, known: &str) -> Refusal {
    Refusal::new(format!("{} is not known; write {known}", shown(scope)))
}

fn rate(text: &str) -> Parsed<Rate> {
    let Some((count, per)) = text.split_once('/') else {
        return Err(Refusal::new(format!(
            "{} is not a rate; write a number and a time, such as `50/10s`",
            shown(text)
        )));
    };
    let count = within("1", "10000000")(count.trim())?;
    let per = within("100ms", "1h")(per.trim())?;
    let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Ok(Rate { count, per })
}

pub(super) fn rate_or_off(text: &str) -> Parsed<Option<Rate>> {
    if text == "off" {
        return Ok(None);
    }
    rate(text).map(Some)
}
