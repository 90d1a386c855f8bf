//! `GET /v1/events`: what happened since a cursor, in order; waits for it, if asked to.

use std::time::Duration;

use bson::DateTime;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::config::EventType;
use crate::operator::{After, Cursor, EventQuery};
use crate::service::Error;
use crate::wire::event::EventPage;

/// How many events there are in an answer, unless the call says otherwise, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;
/// The longest that a call may wait.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The most parts.
const MAX_PARTS: u16 = 64;

/// Which events.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Those after this: the `cursor` of an earlier answer; `head` for what comes from now on;
    /// `oldest` for all that the log still has; or an RFC 3339 time.
    after: String,
    /// How many at most, 1 to 500.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// Only these types, with commas. Without it, all but `user.online` and `user.offline`.
    #[serde(default)]
    types: Option<String>,
    /// One of up to 64 parts: `2/8` is the second of eight. All events about a chat room are in
    /// the same part.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{1,2}/[0-9]{1,2}$"))]
    partition: Option<String>,
    /// How long to wait if there is no event yet, such as `20s`; 30 seconds at most.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{1,2}s?$"))]
    wait: Option<String>,
}

impl Wanted {
    fn checked(self) -> Result<EventQuery, Error> {
        let limit = self.limit.unwrap_or(LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(wrong(format!("limit: must be 1 to {MAX_LIMIT}")));
        }
        let usual = EventType::ALL.into_iter().filter(|one| one.is_usual());
        let types = match self.types {
            None => usual.collect(),
            Some(types) => {
                let read = EventType::parse_list(&types);
                read.map_err(|sentence| wrong(format!("types: {sentence}")))?
            }
        };
        Ok(EventQuery {
            after: after(&self.after)?,
            limit,
            types,
            part: self.partition.as_deref().map_or(Ok((0, 1)), part)?,
            wait: self.wait.as_deref().map_or(Ok(Duration::ZERO), wait)?,
        })
    }
}

fn wrong(text: impl Into<String>) -> Error {
    Error::BadRequest(text.into())
}

fn after(text: &str) -> Result<After, Error> {
    match text {
        "head" => return Ok(After::Head),
        "oldest" => return Ok(After::Oldest),
        _ => {}
    }
    let cursor = Cursor::parse(text).map(After::Cursor);
    let time = || DateTime::parse_rfc3339_str(text).ok().map(After::Time);
    cursor.or_else(time).ok_or_else(|| {
        wrong(
            "after: is no cursor; write the `cursor` of an earlier answer, `head`, `oldest`, or a \
             time such as `2026-11-30T12:00:00Z`",
        )
    })
}

fn part(text: &str) -> Result<(u16, u16), Error> {
    let read = text.split_once('/').and_then(|(part, of)| {
        let (part, of): (u16, u16) = (part.parse().ok()?, of.parse().ok()?);
        let is_one = (1..=of).contains(&part) && of <= MAX_PARTS;
        is_one.then(|| (part - 1, of))
    });
    read.ok_or_else(|| {
        wrong(format!(
            "partition: write one part of several, from `1/8` to `8/8`; of {MAX_PARTS} at most"
        ))
    })
}

fn wait(text: &str) -> Result<Duration, Error> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let wait = seconds.map(Duration::from_secs);
    wait.filter(|wait| *wait <= MAX_WAIT).ok_or_else(|| {
        let most = MAX_WAIT.as_secs();
        wrong(format!(
            "wait: write whole seconds such as `20s`, {most} at most"
        ))
    })
}

pub(in crate::api) async fn handle(
    mut call: Call,
    Query(wanted): Query<Wanted>,
) -> Result<Reply, Problem> {
    let query = wanted.checked()?;
    // who waits leaves the others their place
    let _waiting = if query.wait.is_zero() {
        None
    } else {
        drop(call.place.take());
        Some(call.api.waiting()?)
    };
    let page = call.api.operator.events(&query).await?;
    let events = page.events.iter();
    let events = events.map(|(one, now, behind)| (one, now, behind.to_text()));
    let cursor = page.cursor.to_text();
    Ok(Reply::ok(&EventPage::new(events, cursor, page.has_more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_waits_are_read_and_what_is_none_is_refused() {
        assert_eq!(part("1/1").unwrap(), (0, 1));
        assert_eq!(part("8/8").unwrap(), (7, 8));
        for wrong in ["", "0/8", "9/8", "1/65", "1", "1/", "a/8", "-1/8"] {
            part(wrong).unwrap_err();
        }
        assert_eq!(wait("20s").unwrap(), wait("20").unwrap());
        for wrong in ["", "s", "31s", "1m", "0.5s", "-1"] {
            wait(wrong).unwrap_err();
        }
    }
}
