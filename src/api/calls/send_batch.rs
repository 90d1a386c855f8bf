//! `POST /v1/messages/batch`: sends many messages, each with a result of its own.
//!
//! Messages of one chat room are stored in the order of the list. Each message takes a
//! place of its own among what is worked on, and counts as a call of its key.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::send_message::SendMessage;
use crate::api::keys::Key;
use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Api, Call, Reply};
use crate::operator::{SendAs, Sent};
use crate::service::{Error, IdInput};
use crate::wire::{Json, call, rendered};

/// Most messages of a batch.
const MAX_MESSAGES: usize = 500;
/// Chat rooms that are worked on at a time.
const ROOMS_AT_ONCE: usize = 32;

/// Messages to send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SendBatch {
    /// At most 500, each with its `key`.
    #[schemars(length(min = 1, max = 500))]
    messages: Vec<SendMessage>,
}

/// What became of each message, in the order of the request.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Results {
    results: Vec<MessageResult>,
}

/// What became of a message: the message, or a problem.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct MessageResult {
    /// The status that the message would have been answered alone.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<call::SentAs<'static>>")]
    message: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl MessageResult {
    fn of(outcome: Result<Sent, Problem>) -> Self {
        match outcome {
            Ok(sent) => Self {
                status: super::send_message::status_of(&sent).as_u16(),
                message: Some(rendered(&call::SentAs::new(
                    &sent.stored,
                    sent.is_duplicate,
                ))),
                problem: None,
            },
            Err(problem) => Self {
                status: problem.status().as_u16(),
                message: None,
                problem: Some(problem),
            },
        }
    }
}

pub(in crate::api) async fn handle(
    mut call: Call,
    Body(SendBatch { messages }): Body<SendBatch>,
) -> Result<Reply, Problem> {
    if !(1..=MAX_MESSAGES).contains(&messages.len()) {
        let text = format!("messages: must be 1 to {MAX_MESSAGES}");
        return Err(Error::BadRequest(text).into());
    }
    // each message takes its own: a batch that waits for them must not keep one
    drop(call.place.take());
    let count = messages.len();
    let mut rooms: HashMap<[String; 2], Vec<(usize, SendMessage)>> = HashMap::new();
    for (index, message) in messages.into_iter().enumerate() {
        let mut pair = message.people().map(written);
        pair.sort_unstable();
        rooms.entry(pair).or_default().push((index, message));
    }
    let (api, key) = (call.api, call.key);
    let sending = rooms.into_values().map(|messages| {
        let (api, key) = (Arc::clone(&api), Arc::clone(&key));
        async move { send_in_order(&api, &key, messages).await }
    });
    let mut results: Vec<(usize, MessageResult)> = stream::iter(sending)
        .buffer_unordered(ROOMS_AT_ONCE)
        .flat_map(stream::iter)
        .collect()
        .await;
    results.sort_unstable_by_key(|(index, _)| *index);
    let results: Vec<MessageResult> = results.into_iter().map(|(_, result)| result).collect();
    let failed = results.iter().filter(|one| one.problem.is_some()).count();
    let reply = Reply::ok(&Results { results });
    Ok(reply.about(format_args!("{} of {count} sent", count - failed)))
}

/// An id as text: a number and its digits are the same user, and so may be capitals.
fn written(id: &IdInput) -> String {
    match id {
        IdInput::Text(text) => text.to_lowercase(),
        IdInput::Number(number) => number.to_string(),
    }
}

/// Hands the messages of one chat room over, one after another, and waits for all.
async fn send_in_order(
    api: &Arc<Api>,
    key: &Key,
    messages: Vec<(usize, SendMessage)>,
) -> Vec<(usize, MessageResult)> {
    let mut under_way = Vec::with_capacity(messages.len());
    // what may be repeated must not come to stand behind later ones
    let mut held_up: Option<Problem> = None;
    for (index, message) in messages {
        let submitted = match (&held_up, message.into_send(None, key.name())) {
            (Some(problem), _) => Err(problem.clone()),
            (None, Ok(wanted)) => submit(api, key, wanted).await,
            (None, Err(error)) => Err(error.into()),
        };
        if let Err(problem) = &submitted
            && problem.is_for_now()
        {
            held_up = Some(problem.clone());
        }
        under_way.push((index, submitted));
    }
    let mut results = Vec::with_capacity(under_way.len());
    for (index, submitted) in under_way {
        let outcome = match submitted {
            Ok(storing) => storing
                .await
                .unwrap_or_else(|_| Err(Error::Internal.into())),
            Err(problem) => Err(problem),
        };
        results.push((index, MessageResult::of(outcome)));
    }
    results
}

/// Hands a message over, which keeps its place until it is stored.
async fn submit(
    api: &Arc<Api>,
    key: &Key,
    wanted: SendAs,
) -> Result<tokio::task::JoinHandle<Result<Sent, Problem>>, Problem> {
    key.take().map_err(Error::RateLimited)?;
    let place = api.place().await?;
    // a stop waits for those that are handed over, and not for the rest of the batch
    let token = api.operator.begin().ok_or(Error::Unavailable)?;
    let under_way = api.operator.submit(wanted).await?;
    Ok(tokio::spawn(async move {
        let stored = under_way.stored().await;
        drop((place, token));
        Ok(stored?)
    }))
}
