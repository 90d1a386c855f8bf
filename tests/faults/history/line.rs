//! One line of a history, as JSON.
//!
//! The kind decides which fields there are, and some of them are kept as text.
//! serde's tagged enums cannot hold such text, so a line is one flat record.

use std::borrow::Cow;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Close, Event, Heard, Invoke, Line, Open, Outcome, Phase, Sample, Verdict};

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Flat<'a> {
    t: u64,
    e: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acks: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<Close>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    walk: Option<u64>,
    #[serde(
        borrow,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    ok: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
    #[serde(borrow, rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stops_answers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loses_writes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Phase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// A field that is there, be it `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

impl Line {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let flat: Flat<'_> = serde_json::from_str(text)?;
        let c = || flat.c.context("no `c`");
        let op = || flat.op.context("no `op`");
        let id = || flat.id.clone().context("no `id`");
        let event = match flat.e {
            "run" => Event::Run(serde_json::from_str(text)?),
            "open" => Event::Open(Open {
                c: c()?,
                u: flat.u.clone().context("no `u`")?,
                server: flat.server.context("no `server`")?,
                acks: flat.acks.context("no `acks`")?,
                wire: flat.wire.clone().context("no `wire`")?,
            }),
            "close" => Event::Close {
                c: c()?,
                how: flat.how.context("no `how`")?,
            },
            "invoke" => Event::Invoke(Invoke {
                c: c()?,
                op: op()?,
                event: flat.event.context("no `event`")?.into(),
                // an event without a payload is one with null
                payload: flat.payload.unwrap_or(RawValue::NULL).to_owned(),
                walk: flat.walk,
            }),
            "answer" => Event::Answer {
                c: c()?,
                op: op()?,
                outcome: match (flat.ok, flat.error) {
                    (Some(ok), None) => Outcome::Ok(ok.to_owned()),
                    (None, Some(error)) => Outcome::Error(error.to_owned()),
                    _ => bail!("neither or both of `ok` and `error`"),
                },
            },
            "envelope" => Event::Envelope {
                c: c()?,
                kind: flat.kind.context("no `type`")?.into(),
                data: flat.data.context("no `data`")?.to_owned(),
            },
            "fault" => Event::Fault {
                id: id()?,
                what: flat.what.clone().context("no `what`")?,
                of: flat.of.clone(),
                stops_answers: flat.stops_answers.unwrap_or(true),
                loses_writes: flat.loses_writes.unwrap_or(true),
            },
            "healed" => Event::Healed { id: id()? },
            "heard" => Event::Heard(Heard {
                by: flat.by.context("no `by`")?.into(),
                taken: flat.taken.context("no `taken`")?,
                id: match id()? {
                    Value::String(id) => id,
                    other => bail!("the id of an event is a text, not {other}"),
                },
                kind: flat.kind.context("no `type`")?.into(),
                data: flat.data.context("no `data`")?.to_owned(),
            }),
            "asked" => Event::Asked {
                verdict: flat.verdict.context("no `verdict`")?,
                data: flat.data.context("no `data`")?.to_owned(),
            },
            "phase" => Event::Phase(flat.name.context("no `name`")?),
            "sample" => Event::Sample(serde_json::from_str::<Sample>(text)?),
            other => bail!("no event is called {other:?}"),
        };
        Ok(Self { t: flat.t, event })
    }

    /// The line as JSON, without its end.
    ///
    /// # Errors
    /// None that can happen with what JSON can say.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let flat = Flat {
            t: self.t,
            ..Flat::default()
        };
        let flat = match &self.event {
            Event::Run(run) => return with_settings(self.t, "run", run),
            Event::Sample(sample) => return with_settings(self.t, "sample", sample),
            Event::Open(open) => Flat {
                e: "open",
                c: Some(open.c),
                u: Some(open.u.clone()),
                server: Some(open.server),
                acks: Some(open.acks),
                wire: Some(open.wire.clone()),
                ..flat
            },
            Event::Close { c, how } => Flat {
                e: "close",
                c: Some(*c),
                how: Some(*how),
                ..flat
            },
            Event::Invoke(invoke) => Flat {
                e: "invoke",
                c: Some(invoke.c),
                op: Some(invoke.op),
                event: Some((&*invoke.event).into()),
                payload: Some(&invoke.payload),
                walk: invoke.walk,
                ..flat
            },
            Event::Answer { c, op, outcome } => {
                let (ok, error) = match outcome {
                    Outcome::Ok(ok) => (Some(&**ok), None),
                    Outcome::Error(error) => (None, Some(&**error)),
                };
                Flat {
                    e: "answer",
                    c: Some(*c),
                    op: Some(*op),
                    ok,
                    error,
                    ..flat
                }
            }
            Event::Envelope { c, kind, data } => Flat {
                e: "envelope",
                c: Some(*c),
                kind: Some((&**kind).into()),
                data: Some(data),
                ..flat
            },
            Event::Fault {
                id,
                what,
                of,
                stops_answers,
                loses_writes,
            } => Flat {
                e: "fault",
                id: Some(id.clone()),
                what: Some(what.clone()),
                of: of.clone(),
                stops_answers: Some(*stops_answers),
                loses_writes: Some(*loses_writes),
                ..flat
            },
            Event::Healed { id } => Flat {
                e: "healed",
                id: Some(id.clone()),
                ..flat
            },
            Event::Heard(heard) => Flat {
                e: "heard",
                by: Some((&*heard.by).into()),
                taken: Some(heard.taken),
                id: Some(heard.id.clone().into()),
                kind: Some((&*heard.kind).into()),
                data: Some(&heard.data),
                ..flat
            },
            Event::Asked { verdict, data } => Flat {
                e: "asked",
                verdict: Some(*verdict),
                data: Some(data),
                ..flat
            },
            Event::Phase(name) => Flat {
                e: "phase",
                name: Some(*name),
                ..flat
            },
        };
        serde_json::to_string(&flat)
    }
}

fn with_settings<T: Serialize>(t: u64, e: &str, rest: &T) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct With<'a, T> {
        t: u64,
        e: &'a str,
        #[serde(flatten)]
        rest: &'a T,
    }
    serde_json::to_string(&With { t, e, rest })
}
