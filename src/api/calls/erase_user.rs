//! `POST /v1/users/{id}/erase`: removes what is stored of a user, and says how far it is.

use crate::api::lines::Work;
use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::operator::Operator;
use crate::service::{Erased, ErasureCounts, ErasurePass, Error, IdInput};
use crate::wire::erasure::Line;

/// How often the end may find that the user has been online since.
const ATTEMPTS: u32 = 3;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let who = IdInput::Text(call.id.clone());
    let all = call.api.operator.begin_erasure(&who).await?;
    call.in_lines(|work| write(work, who, all))
}

async fn write(mut work: Work, who: IdInput, all: Vec<Erased>) -> String {
    let operator = work.api.operator.clone();
    let mut counts = ErasureCounts::default();
    let mut ended = Ok(());
    for erased in &all {
        ended = erase(&operator, erased, &mut work, &mut counts).await;
        if ended.is_err() {
            break;
        }
    }
    if ended.is_ok() {
        ended = operator.erase_from_lists(&who, &mut counts).await;
    }
    let kept = match ended {
        Ok(()) => operator.list_kept().await,
        Err(error) => Err(error),
    };
    let (line, code) = match kept {
        Ok(kept) => (Line::end(&counts, kept), "ok"),
        Err(error) => Line::error(&error),
    };
    // who does not read any more asks again
    let _ = work.lines.write(&line).await;
    let _ = work.lines.flush().await;
    format!("{code}: {} messages", counts.messages)
}

async fn erase(
    operator: &Operator,
    erased: &Erased,
    work: &mut Work,
    counts: &mut ErasureCounts,
) -> Result<(), Error> {
    remove(operator, erased, (work, true), counts).await?;
    let mut was_online = operator.erase_name(erased).await?;
    for _ in 0..ATTEMPTS {
        if was_online {
            operator.erase_settled(erased).await?;
        }
        // what was under way in between
        remove(operator, erased, (work, false), counts).await?;
        if operator.end_erasure(erased).await? {
            return Ok(());
        }
        // they had just come, and it was not stored yet
        was_online = true;
    }
    Err(Error::Unavailable)
}

/// What can be removed as often as one likes.
async fn remove(
    operator: &Operator,
    erased: &Erased,
    (work, is_first): (&mut Work, bool),
    counts: &mut ErasureCounts,
) -> Result<(), Error> {
    operator.erase_lists(erased, counts).await?;
    let mut pass = ErasurePass::new(is_first);
    while operator
        .erase_in_next_room(erased, &mut pass, counts)
        .await?
    {
        work.lines.offer(&Line::progress(counts));
        if operator.is_draining() {
            return Err(Error::Unavailable);
        }
    }
    Ok(())
}
