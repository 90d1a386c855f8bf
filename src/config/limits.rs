//! How much one client, one user and one address may ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;

/// The longest time a rate can be about.
const LONGEST: Duration = Duration::from_hours(1);

/// How much one client, one user and one address may ask for.
///
/// A rate `100/10s` is a bucket: 100 at once, and from then on ten a second. Where
/// several scopes are given all of them have to allow it.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// New sessions and logins: sessions by address, `connect-user` by socket and user.
    ///
    /// `CHATZZ_LIMIT_CONNECTS`, default `socket=10/1m,user=60/1m,address=1200/1m`, rates.
    /// Raise it when many people share an address.
    pub connects: Rates,
    /// `send-message`.
    ///
    /// `CHATZZ_LIMIT_SENDS`, default `socket=100/10s,user=150/10s,address=5000/10s`, rates.
    pub sends: Rates,
    /// `add-chat-user`.
    ///
    /// `CHATZZ_LIMIT_ADDS`, default `socket=200/1m,user=300/1m,address=3000/1m`, rates.
    pub adds: Rates,
    /// `get-old-messages` and `get-active-users`.
    ///
    /// `CHATZZ_LIMIT_HISTORY`, default `socket=200/10s,user=400/10s,address=5000/10s`, rates.
    /// A client fetches a page for each conversation with a hole after a reconnect.
    pub history: Rates,
    /// `typing`. A client sends it every few seconds while somebody types.
    ///
    /// `CHATZZ_LIMIT_TYPING`, default `socket=20/10s,user=40/10s,address=10000/10s`, rates.
    pub typing: Rates,
    /// `signal`.
    ///
    /// `CHATZZ_LIMIT_SIGNALS`, default `socket=100/10s,user=150/10s,address=5000/10s`, rates.
    /// A call between two browsers begins with some dozens.
    pub signals: Rates,
    /// All other events, unknown ones too.
    ///
    /// `CHATZZ_LIMIT_EVENTS`, default `socket=300/10s,user=600/10s,address=20000/10s`, rates.
    pub events: Rates,
    /// HTTP requests to the socket.io endpoint by address. Over polling each packet is one.
    ///
    /// `CHATZZ_LIMIT_REQUESTS`, default `20000/10s`, rate or `off`.
    pub requests: Option<Rate>,
    /// Errors of a socket that are its client's fault; the one that empties the bucket
    /// closes the socket.
    ///
    /// `CHATZZ_LIMIT_ERRORS`, default `20/10s`, rate or `off`.
    pub errors: Option<Rate>,
    /// The most sockets of a user, of an address, and in all.
    ///
    /// `CHATZZ_LIMIT_SOCKETS`, default `user=50,address=2000,all=20000`, caps. TCP
    /// connections of one address may be twice its sockets.
    pub sockets: Caps,
}

/// A number of times within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often at once.
    pub count: NonZeroU32,
    /// How long it takes until as much is allowed again.
    pub per: Duration,
}

/// Rates by whom they count; `None` does not limit.
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
    /// `CHATZZ_RATE_LIMITS`, default `on`, `on` or `off`. With `off` there are no rates,
    /// no caps of a user or an address, and errors close nothing.
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let on = keys.read("CHATZZ_RATE_LIMITS", |text| {
            parse::choice(text, &[("on", true), ("off", false)])
        });
        let connects = keys.read("CHATZZ_LIMIT_CONNECTS", rates);
        let sends = keys.read("CHATZZ_LIMIT_SENDS", rates);
        let adds = keys.read("CHATZZ_LIMIT_ADDS", rates);
        let history = keys.read("CHATZZ_LIMIT_HISTORY", rates);
        let typing = keys.read("CHATZZ_LIMIT_TYPING", rates);
        let signals = keys.read("CHATZZ_LIMIT_SIGNALS", rates);
        let events = keys.read("CHATZZ_LIMIT_EVENTS", rates);
        let requests = keys.read("CHATZZ_LIMIT_REQUESTS", rate_or_off);
        let errors = keys.read("CHATZZ_LIMIT_ERRORS", rate_or_off);
        let sockets = keys.read("CHATZZ_LIMIT_SOCKETS", caps);
        let all = Self {
            connects: connects?,
            sends: sends?,
            adds: adds?,
            history: history?,
            typing: typing?,
            signals: signals?,
            events: events?,
            requests: requests?,
            errors: errors?,
            sockets: sockets?,
        };
        Some(if on? { all } else { all.lifted() })
    }

    /// Without any but the number of sockets in all.
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
        once(place, scope, parse::number(value, 1..=1_000_000)?)
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
            "{} does not do; write parts such as `user=50/10s` with commas between \
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
    let count: u32 = parse::number(count.trim(), 1..=10_000_000)?;
    let per = parse::duration(per.trim(), Duration::from_millis(100)..=LONGEST)?;
    let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Ok(Rate { count, per })
}

fn rate_or_off(text: &str) -> Parsed<Option<Rate>> {
    if text == "off" {
        return Ok(None);
    }
    rate(text).map(Some)
}
