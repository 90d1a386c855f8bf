//! One run, part by part.

use std::time::{Duration, Instant};

use bson::Bson;

use super::{AdoptError, Options, Outcome, Progress, Report, Step};
use crate::store::adopt::{Adoption, Kind, Look, Phase, Reason, State, Totals, Which};

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) adoption: &'a Adoption,
    pub(super) options: &'a Options,
    /// Messages so far.
    pub(super) messages: u64,
    /// Messages of chatzz 1.x.
    pub(super) all: u64,
    began: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn new(adoption: &'a Adoption, options: &'a Options) -> Self {
        Self {
            adoption,
            options,
            messages: 0,
            all: 0,
            began: Instant::now(),
        }
    }

    /// Does what is left to do.
    pub(super) async fn run(mut self) -> Result<Report, AdoptError> {
        if self.options.dry_run {
            self.adoption.only_read();
        }
        let state = self.adoption.find_state().await?;
        self.check(state.as_ref()).await?;
        match state {
            None if !self.adoption.is_legacy().await? => Ok(self.report(Outcome::NothingToDo)),
            Some(state) if self.options.dry_run && state.phase == Phase::Done => {
                self.report_of(Outcome::AlreadyAdopted, &state).await
            }
            Some(state) if self.options.dry_run && state.phase == Phase::Swap => {
                Err(AdoptError::Unfinished)
            }
            _ if self.options.dry_run => self.survey().await,
            state => self.run_locked(state).await,
        }
    }

    /// Refuses what cannot be taken over, or must not.
    async fn check(&self, state: Option<&State>) -> Result<(), AdoptError> {
        let Some(state) = state else {
            if !self.adoption.is_legacy().await? {
                return Ok(());
            }
            if let Some(left) = self.adoption.find_leftover().await? {
                return Err(AdoptError::Leftover(left));
            }
            let own = self.adoption.find_in_the_way().await?;
            return own.map_or(Ok(()), |own| Err(AdoptError::NotEmpty(own)));
        };
        self.refuse_other_source(state)?;
        match state.phase {
            Phase::Undo => Err(AdoptError::UndoBegun),
            Phase::Done if self.has_written_since(state).await? => Err(AdoptError::WrittenSince),
            _ => Ok(()),
        }
    }

    /// Whether chatzz 1.x has written after everything was taken over.
    async fn has_written_since(&self, state: &State) -> Result<bool, AdoptError> {
        if self.adoption.is_in_place() {
            return Ok(self.adoption.is_legacy().await?);
        }
        let (now, then) = (self.adoption.look().await?.totals(), state.look.totals());
        // the old database may be gone
        Ok(Kind::ALL
            .into_iter()
            .any(|kind| now.of(kind) > then.of(kind)))
    }

    /// Refuses while another database is taken over into the same.
    pub(super) fn refuse_other_source(&self, state: &State) -> Result<(), AdoptError> {
        if state.source == self.adoption.source_name() {
            return Ok(());
        }
        Err(AdoptError::OtherSource {
            into: self.adoption.store.database_name().to_owned(),
            begun: state.source.clone(),
        })
    }

    /// Refuses while a server runs on the new database, which would store messages there.
    pub(super) async fn refuse_server(&self) -> Result<(), AdoptError> {
        let nodes = self.adoption.store.nodes.list_renewed().await?;
        let node = nodes.into_iter().next();
        node.map_or(Ok(()), |node| Err(AdoptError::ServerRuns(node.id)))
    }

    async fn run_locked(&mut self, state: Option<State>) -> Result<Report, AdoptError> {
        // before the lock, which is a write: an account that may not read the users is refused
        // now, and not when everything is counted
        self.adoption.store.users.find_any_id().await?;
        let look = match &state {
            Some(state) if state.phase != Phase::Copy => None,
            _ => Some(self.watch().await?),
        };
        let owner = uuid::Uuid::new_v4().to_string();
        let renewal = self.adoption.lock(&owner).await?;
        let done = self.go_on(look, &owner).await;
        renewal.abort();
        // what renews the lock must not write again
        let _ = renewal.await;
        let unlocked = self.adoption.unlock(&owner).await;
        let done = done?;
        unlocked?;
        Ok(done)
    }

    /// Looks twice; refuses if somebody has written between.
    async fn watch(&mut self) -> Result<Look, AdoptError> {
        let first = self.adoption.look().await?;
        tokio::select! {
            () = tokio::time::sleep(self.options.watch) => {}
            () = self.options.stop.cancelled() => {}
        }
        self.heed_stop()?;
        let second = self.adoption.look().await?;
        self.all = second.totals().messages;
        match second.changed_since(&first) {
            None => Ok(second),
            Some(kind) => Err(AdoptError::StillWriting(kind)),
        }
    }

    async fn go_on(&mut self, look: Option<Look>, owner: &str) -> Result<Report, AdoptError> {
        // another process may have ended it while this one waited for the lock
        let state = self.adoption.find_state().await?;
        self.check(state.as_ref()).await?;
        let (mut state, outcome) = match (state, look) {
            (Some(state), _) if state.phase == Phase::Done => (state, Outcome::AlreadyAdopted),
            (Some(state), _) if state.phase == Phase::Swap => (state, Outcome::Adopted),
            (state, Some(look)) => {
                self.refuse_server().await?;
                (self.copy(state, look).await?, Outcome::Adopted)
            }
            (_, None) => return Err(AdoptError::Interrupted),
        };
        if state.phase == Phase::Swap {
            self.swap(&mut state).await?;
        }
        self.adoption.migrate(owner).await?;
        self.tell(Step::Done);
        self.report_of(outcome, &state).await
    }

    /// Fills the new collections, from where an earlier run ended unless the old ones have
    /// changed since.
    async fn copy(&mut self, state: Option<State>, look: Look) -> Result<State, AdoptError> {
        let adoption = self.adoption;
        let existed = match &state {
            Some(state) => state.existed.clone(),
            None => adoption.list_existing().await?,
        };
        if state
            .as_ref()
            .is_some_and(|state| look.changed_since(&state.look).is_some())
        {
            tracing::warn!("chatzz 1.x has written since the last run: everything is read anew");
            adoption.drop_staged().await?;
        }
        let mut state = State {
            phase: Phase::Copy,
            undone_from: None,
            source: adoption.source_name().to_owned(),
            existed,
            started_at: self.options.clock.now(),
            kept: Totals::default(),
            became_read: 0,
            users_gone: 0,
            look,
        };
        adoption.save(&state).await?;
        self.done(Step::Begun)?;
        adoption.prepare().await?;
        self.done(Step::Prepared)?;
        let twins = adoption.list_twins().await?;
        self.people(&twins).await?;
        let rooms = adoption.list_twin_rooms(&twins).await?;
        self.pairs(&twins, &rooms.pairs).await?;
        self.strays(&twins, rooms).await?;
        self.count(&mut state).await?;
        self.done(Step::Counted)?;
        Ok(state)
    }

    /// Counts everything, and that nobody has written meanwhile.
    async fn count(&self, state: &mut State) -> Result<(), AdoptError> {
        let adoption = self.adoption;
        state.kept = adoption.count_new().await?;
        state.became_read = adoption.count_became_read().await?;
        state.users_gone = self.count_gone().await?;
        let report = self.report_of(Outcome::Adopted, state).await?;
        if let Some(kind) = report.unaccounted() {
            return Err(AdoptError::Unaccounted {
                kind,
                found: report.found.of(kind),
                kept: report.kept.of(kind),
                aside: report.aside(kind),
            });
        }
        if let Some(kind) = adoption.look().await?.changed_since(&state.look) {
            return Err(AdoptError::StillWriting(kind));
        }
        adoption.drop_index().await?;
        state.phase = Phase::Swap;
        Ok(adoption.save(state).await?)
    }

    async fn swap(&mut self, state: &mut State) -> Result<(), AdoptError> {
        let adoption = self.adoption;
        self.refuse_late(state).await?;
        adoption.forget_became_read().await?;
        for kind in Kind::ALL {
            if !adoption.swap(kind).await? {
                let taken = adoption.find_taken().await?;
                return Err(self.taken(taken.unwrap_or_default()));
            }
            self.done(Step::Swapped(kind))?;
        }
        // what was written between the last look and the new names
        let after = adoption.look_after().await?;
        if let Some(kind) = Kind::ALL
            .into_iter()
            .find(|kind| !after.holds_the_same(*kind, &state.look))
        {
            tracing::warn!(
                kind = kind.name(),
                "chatzz 1.x has written in the last moment"
            );
            return Err(AdoptError::WrittenSince);
        }
        state.phase = Phase::Done;
        Ok(adoption.save(state).await?)
    }

    /// Refuses what was written after everything was counted, perhaps by an earlier run.
    async fn refuse_late(&self, state: &mut State) -> Result<(), AdoptError> {
        let adoption = self.adoption;
        self.refuse_server().await?;
        if let Some(taken) = adoption.find_taken().await? {
            return Err(self.taken(taken));
        }
        let look = adoption.look().await?;
        let unswapped = adoption.list_unswapped().await?;
        if unswapped == Kind::ALL {
            let Some(kind) = look.changed_since(&state.look) else {
                return Ok(());
            };
            // nothing has another name yet: the next run reads everything anew
            state.phase = Phase::Copy;
            adoption.save(state).await?;
            return Err(AdoptError::StillWriting(kind));
        }
        if unswapped
            .iter()
            .any(|kind| !look.holds_the_same(*kind, &state.look))
        {
            return Err(AdoptError::WrittenSince);
        }
        Ok(())
    }

    /// What the new collections need the name of holds documents.
    fn taken(&self, name: String) -> AdoptError {
        if self.adoption.is_in_place() {
            AdoptError::WrittenSince
        } else {
            AdoptError::NotEmpty(name)
        }
    }

    /// Sets documents aside, if there are any.
    pub(super) async fn set_aside(
        &self,
        kind: Kind,
        ids: Vec<Bson>,
        reason: Reason,
    ) -> Result<(), AdoptError> {
        if ids.is_empty() {
            return Ok(());
        }
        Ok(self
            .adoption
            .set_aside(kind, Which::Ids(ids), reason)
            .await?)
    }

    /// Says what was done, and ends the run if that is wanted.
    pub(super) fn done(&self, step: Step) -> Result<(), AdoptError> {
        self.tell(step);
        self.heed_stop()
    }

    fn tell(&self, step: Step) {
        (self.options.progress)(Progress {
            step,
            messages: self.messages,
            all: self.all.max(self.messages),
        });
    }

    pub(super) fn heed_stop(&self) -> Result<(), AdoptError> {
        if self.options.stop.is_cancelled() {
            return Err(AdoptError::Interrupted);
        }
        Ok(())
    }

    pub(super) fn report(&self, outcome: Outcome) -> Report {
        let into = self.adoption.store.database_name();
        Report {
            took: self.took(),
            ..Report::new(outcome, self.adoption.source_name(), into)
        }
    }

    /// The report of an adoption that is counted.
    async fn report_of(&self, outcome: Outcome, state: &State) -> Result<Report, AdoptError> {
        let mut set_aside = self.adoption.count_set_aside().await?;
        set_aside.sort();
        Ok(Report {
            found: state.look.totals(),
            kept: state.kept,
            became_read: state.became_read,
            users_gone: state.users_gone,
            set_aside,
            ..self.report(outcome)
        })
    }

    fn took(&self) -> Duration {
        self.began.elapsed()
    }
}
