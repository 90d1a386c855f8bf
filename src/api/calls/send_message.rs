//! `POST /v1/messages`: sends a message as a user.
//!
//! The message goes the way of a `send-message` of a socket: both people hear of it on all
//! their sockets, at all servers. The chat room is opened if there is none.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::operator::{SendAs, Sent};
use crate::service::{Bypass, Content, Error, IdInput};
use crate::wire::call;

/// A message to send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct SendMessage {
    /// The user who sends it; need never have logged in.
    from: IdInput,
    /// The user who receives it.
    to: IdInput,
    /// The text.
    message: String,
    /// One of the kinds of `CHATZZ_KINDS_FILE`.
    #[serde(default)]
    kind: Option<String>,
    /// What the front end makes of it beside the text, as that kind has it.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    data: Option<Box<RawValue>>,
    /// Your own key of this message, 1 to 64 printable ASCII characters: under the same one
    /// `from` sends it to `to` once, however often you repeat the call. May stand in the header
    /// `Idempotency-Key` instead.
    #[serde(default)]
    key: Option<String>,
    /// Rules that do not hold for this message.
    #[serde(default)]
    bypass: Vec<Rule>,
    /// Whether the hook `before-send` is asked about this message, and `before-add` about its
    /// chat room if that is new; otherwise they are not, since the message is your own.
    #[serde(default)]
    ask: bool,
}

/// A rule that may be set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Bypass")]
pub(in crate::api) enum Rule {
    /// The blocks and the whitelist of `to`.
    Block,
    /// `CHATZZ_CONTACT_RULE`.
    Rule,
}

/// What does not hold: these rules, and the hooks.
pub(in crate::api) fn bypass(rules: &[Rule]) -> Bypass {
    Bypass {
        block: rules.contains(&Rule::Block),
        rule: rules.contains(&Rule::Rule),
        hooks: true,
    }
}

impl SendMessage {
    /// Sender and receiver.
    pub(in crate::api) fn people(&self) -> [&IdInput; 2] {
        [&self.from, &self.to]
    }

    /// The message, with its key from wherever it stands, sent by a key of this name.
    pub(in crate::api) fn into_send(
        self,
        header: Option<String>,
        via: &str,
    ) -> Result<SendAs, Error> {
        let key = match (self.key, header) {
            (Some(key), Some(header)) if key != header => {
                Err("key: differs from the header `Idempotency-Key`; write it in one place")
            }
            (Some(key), _) | (None, Some(key)) => Ok(key),
            (None, None) => Err(
                "key: is missing; write one, or the header `Idempotency-Key`, so that the call \
                 can be repeated",
            ),
        };
        Ok(SendAs {
            from: self.from,
            to: self.to,
            content: Content {
                text: self.message,
                kind: self.kind,
                data: self.data.map(|data| data.get().to_owned()),
            },
            key: key.map_err(|text| Error::BadRequest(text.to_owned()))?,
            via: via.to_owned(),
            bypass: Bypass {
                hooks: !self.ask,
                ..bypass(&self.bypass)
            },
        })
    }
}

/// 201 for what is stored now, 200 for what was stored before.
pub(in crate::api) fn status_of(sent: &Sent) -> StatusCode {
    if sent.is_duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(request): Body<SendMessage>,
) -> Result<Reply, Problem> {
    let wanted = request.into_send(call.idempotency_key, call.key.name())?;
    let sent = call.api.operator.send(wanted).await?;
    let answer = call::SentAs::new(&sent.stored, sent.is_duplicate);
    Ok(Reply::new(status_of(&sent), &answer).about(sent.stored.message.id))
}
