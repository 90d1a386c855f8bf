//! `GET /v1/users/{id}/export`: everything that is stored of a user, one thing a line.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::lines::{Unread, Work};
use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::service::{Error, Export, ExportPlace, Exported, IdInput};
use crate::wire::ErrorBody;
use crate::wire::export::Line;

/// What of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// The `cursor` of the last whole line of an answer that was cut off: only what follows.
    #[serde(default)]
    after: Option<String>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(wanted): Query<Wanted>,
) -> Result<Reply, Problem> {
    let after = wanted.after.map(|after| {
        let no_cursor = "after: must be the `cursor` of a line of an earlier answer";
        ExportPlace::parse(&after).ok_or_else(|| Error::BadRequest(no_cursor.into()))
    });
    let after = after.transpose()?;
    let who = IdInput::Text(call.id.clone());
    let export = call.api.operator.export(&who, after).await?;
    call.in_lines(|work| write(work, export))
}

async fn write(mut work: Work, mut export: Export) -> String {
    let mut counts = (0, 0);
    let ended = match write_all(&mut work, &mut export, &mut counts).await {
        Ok(Ok(())) => "whole".to_owned(),
        Ok(Err(error)) => {
            let ErrorBody { code, message, .. } = ErrorBody::from(&error);
            let line = Line::Error {
                code,
                detail: message,
            };
            let _ = work.lines.write(&line).await;
            code.as_str().to_owned()
        }
        Err(unread) => unread.to_string(),
    };
    let _ = work.lines.flush().await;
    format!("{ended}: {} messages", counts.1)
}

async fn write_all(
    work: &mut Work,
    export: &mut Export,
    counts: &mut (u64, u64),
) -> Result<Result<(), Error>, Unread> {
    let operator = work.api.operator.clone();
    loop {
        if operator.is_draining() {
            return Ok(Err(Error::Unavailable));
        }
        let some = match operator.export_next(export).await {
            Ok(some) => some,
            Err(error) => return Ok(Err(error)),
        };
        if some.is_empty() {
            break;
        }
        for (place, exported) in &some {
            match exported {
                Exported::ChatRoom(_) => counts.0 += 1,
                Exported::Message(_) => counts.1 += 1,
                Exported::User(..) | Exported::Privacy(_) => {}
            }
            work.lines.write(&Line::new(*place, exported)).await?;
        }
    }
    let (chat_rooms, messages) = *counts;
    let end = Line::End {
        end: true,
        chat_rooms,
        messages,
    };
    work.lines.write(&end).await?;
    Ok(Ok(()))
}
