//! What is looked after every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::connection::session::Mark;
pub(crate) use super::connection::unconfirmed::Silence;
use crate::id::{ChatUserId, UserId};
use crate::service::Error;
use crate::service::presence::Departure;

/// How often handed-over messages are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often sockets that are gone without saying so are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// What a silent client is given beyond the time after which the library ends its session.
const SLACK: Duration = Duration::from_secs(1);
/// People read anew in one query.
const PEOPLE_PER_QUERY: usize = 500;

/// When what counts as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshIntervals {
    /// How long a client can be silent before it is gone.
    pub(crate) silence: Silence,
    /// How often people who are here are read anew.
    pub(crate) people: Duration,
    /// How often it is read what they set at other nodes.
    pub(crate) privacy: Duration,
}

/// Looks after sockets and people until cancelled.
pub(crate) async fn maintain(
    context: Arc<Context>,
    ages: RefreshIntervals,
    cancelled: CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept = Instant::now();
    let mut refreshed = Instant::now();
    let mut looked = Instant::now();
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            _ = ticks.tick() => {}
        }
        context.confirm_received(&ages.silence);
        context.look_after_sockets(&ages.silence);
        context.report();
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            context.sweep();
        }
        if looked.elapsed() >= ages.privacy && context.presence.remote().is_any() {
            looked = Instant::now();
            if let Err(error) = context.refresh_privacies().await {
                tracing::debug!(%error, "privacy was not read anew");
            }
        }
        if refreshed.elapsed() >= ages.people {
            refreshed = Instant::now();
            if let Err(error) = context.refresh_people().await {
                tracing::debug!(%error, "people were not read anew");
            }
        }
    }
}

impl Context {
    /// Confirms what clients must have received by now.
    fn confirm_received(&self, silence: &Silence) {
        for connection in self.hub.list() {
            let Some(me) = connection.me() else { continue };
            let arrival = |mark: &Mark| connection.session.progress(mark);
            let received = connection
                .unconfirmed
                .lock()
                .take_received(silence, arrival);
            for range in received {
                self.messenger.confirm(range.confirmed_by(me.id));
            }
        }
    }

    /// Lets go of sockets that took too little, that have fallen silent, or whose session
    /// has ended, however they are connected: the library may hold them for much longer.
    /// Those that have taken everything are sent what was left out.
    fn look_after_sockets(self: &Arc<Self>, silence: &Silence) {
        for connection in self.hub.list() {
            let is_broken = connection.outbox.lock().is_broken();
            let session = &connection.session;
            if is_broken || session.is_silent(silence.noticed + SLACK) || session.has_ended() {
                connection.fifo.lock().end();
                connection.abort();
                self.leave(&connection, Departure::Lost);
            } else {
                self.announce_left_out(&connection);
            }
        }
    }

    /// Lets go of sockets whose end was never reported.
    fn sweep(&self) {
        for connection in self.hub.list() {
            let socket = connection.outbox.lock().socket();
            let gone = socket.is_none_or(|socket| !socket.connected());
            if gone && connection.is_older_than(SWEEP) {
                tracing::debug!(socket = connection.id.0, "a socket was gone, unannounced");
                self.leave(&connection, Departure::Lost);
            }
        }
        self.presence.forget_absent();
        self.limits.forget_idle(Instant::now());
    }

    /// Reads everybody who is here anew: renamed people are shown so, and the
    /// sockets of deleted and erased ones are closed.
    async fn refresh_people(&self) -> Result<(), Error> {
        let here = self.presence.list();
        for some in here.chunks(PEOPLE_PER_QUERY) {
            // who logged in while they were erased is left over
            let ids: Vec<ChatUserId> = some.iter().map(|(id, _)| *id).collect();
            for who in self.messenger.list_erased(&ids).await? {
                self.end_chat_user(who);
            }
            let by_user: HashMap<&UserId, ChatUserId> =
                some.iter().map(|(id, user)| (user, *id)).collect();
            let ids = some.iter().map(|(_, user)| user.clone()).collect();
            for (id, user) in self.messenger.directory().list_anew(ids).await? {
                let Some(who) = by_user.get(&id) else {
                    continue;
                };
                let deleted = user.is_deleted;
                self.presence.refresh(*who, user);
                if deleted {
                    self.close_sockets_of(*who);
                }
            }
        }
        Ok(())
    }

    /// Reads anew what people who are here may have set at other nodes.
    async fn refresh_privacies(&self) -> Result<(), Error> {
        let here = self.presence.list();
        for some in here.chunks(PEOPLE_PER_QUERY) {
            let ids: Vec<ChatUserId> = some.iter().map(|(id, _)| *id).collect();
            self.messenger.refresh_privacies(&ids).await?;
        }
        Ok(())
    }

    fn close_sockets_of(&self, who: ChatUserId) {
        for connection in self.hub.sockets(who) {
            tracing::info!(socket = connection.id.0, "closed: its user was deleted");
            let socket = connection.outbox.lock().socket();
            connection.disconnect(socket);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    fn report(&self) {
        metrics::gauge!("chatzz_sockets").set(self.hub.count() as f64);
        metrics::gauge!("chatzz_users_online").set(self.presence.count() as f64);
    }
}
