//! The way back: the old collections get their names again.

use super::run::Run;
use super::{AdoptError, Options, Outcome, Report, Step};
use crate::store::adopt::{Adoption, Kind, Phase, State};

pub(super) async fn undo(adoption: &Adoption, options: &Options) -> Result<Report, AdoptError> {
    let run = Run::new(adoption, options);
    let nothing = || AdoptError::NothingToUndo(adoption.store.database_name().to_owned());
    // before the lock, which is a write
    let state = adoption.find_state().await?.ok_or_else(nothing)?;
    run.refuse_other_source(&state)?;
    let owner = uuid::Uuid::new_v4().to_string();
    let renewal = adoption.lock(&owner).await?;
    let done = go_back(adoption, &run).await;
    renewal.abort();
    // what renews the lock must not write again
    let _ = renewal.await;
    let is_gone = done.as_ref().is_ok_and(|state| !adoption.had_meta(state));
    // the lock is gone with its collection
    let unlocked = if is_gone {
        Ok(())
    } else {
        adoption.unlock(&owner).await
    };
    done?;
    unlocked?;
    Ok(run.report(Outcome::Undone))
}

async fn go_back(adoption: &Adoption, run: &Run<'_>) -> Result<State, AdoptError> {
    // another process may have ended it while this one waited for the lock
    let state = adoption.find_state().await?;
    let into = adoption.store.database_name();
    let mut state = state.ok_or_else(|| AdoptError::NothingToUndo(into.to_owned()))?;
    if state.phase != Phase::Undo {
        // at first, since from now on no server starts
        state.undone_from = Some(state.phase);
        state.phase = Phase::Undo;
        adoption.save(&state).await?;
    }
    // a run that was killed before it had looked has put nothing back
    if let Some(phase) = state.undone_from.take() {
        if let Err(refused) = refuse_loss(run, &state, phase).await {
            state.phase = phase;
            adoption.save(&state).await?;
            return Err(refused);
        }
        adoption.save(&state).await?;
    }
    for kind in Kind::ALL {
        adoption.put_back(kind, &state).await?;
        run.done(Step::PutBack(kind))?;
    }
    adoption.remove_rest(&state).await?;
    Ok(state)
}

/// Refuses when the old documents are gone, or when messages have been stored since or may be.
async fn refuse_loss(run: &Run<'_>, state: &State, phase: Phase) -> Result<(), AdoptError> {
    let adoption = run.adoption;
    run.refuse_server().await?;
    if adoption.is_in_place()
        && let Some(taken) = adoption.find_taken().await?
    {
        return Err(AdoptError::Taken(taken));
    }
    if matches!(phase, Phase::Swap | Phase::Done)
        && let Some(gone) = adoption.find_gone(state).await?
    {
        return Err(AdoptError::Gone(gone));
    }
    let is_swapped = match phase {
        Phase::Done => true,
        Phase::Swap => adoption.is_swapped(Kind::Messages).await?,
        Phase::Copy | Phase::Undo => false,
    };
    if !is_swapped {
        return Ok(());
    }
    let stored = adoption.count_adopted().await?;
    match stored.messages.saturating_sub(state.kept.messages) {
        0 => Ok(()),
        new => Err(AdoptError::NewMessages {
            new,
            old: adoption.count_unnumbered().await?,
        }),
    }
}
