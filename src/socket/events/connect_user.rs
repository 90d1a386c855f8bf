//! `connect-user {userId, deliveryAcks?, compact?, protocol?}`: a socket says who it is.
//!
//! The client gets `user-details`, then its acknowledgement, then what happened
//! meanwhile. Contacts see `chat-user-status-changed` if the user was offline. In dialect 1 a
//! socket may become another user's, as in chatzz 1.x: the one before is logged out first.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::limits::{Kind, Shared, Slot};
use crate::service::presence::Departure;
use crate::service::{Error, Me};
use crate::socket::admission::LOGIN_FACTOR;
use crate::socket::connection::Connection;
use crate::socket::{Audience, Context, Outcome};
use crate::store::{ChatUser, User};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    context: Arc<Context>,
    connection: Arc<Connection>,
    request: request::ConnectUser,
    late: Instant,
) -> Result<Outcome, Error> {
    let (identified, shared) = timeout_at(late, identify(&context, &connection, request))
        .await
        .unwrap_or(Err(Error::Unavailable))?;
    let (me, user, document) = identified;
    // each login reads and sends what may be a lot: those of one person wait for each other
    let of_user = context.limits.user(&me.user);
    let turn = timeout_at(late, of_user.begin_login()).await;
    let turn = turn.map_err(|_| Error::Overloaded)?;
    let before = connection.me();
    let again = before.as_ref().is_some_and(|before| **before == me);
    if !again && let Some(before) = before {
        context.withdraw(&connection, before.id, Departure::Clean);
        connection.log_out();
        connection.cut_unless_logged_in(context.bounds.connect * LOGIN_FACTOR);
    }
    if !again {
        connection.outbox.lock().hold();
    }
    // from here on messages reach the socket; they wait until the login is out
    context.enter(&connection, &document, &user);
    let people = connection.people();
    let messenger = &context.messenger;
    let login = async {
        let mut login = messenger.login(&me, user, &document, people).await?;
        if connection.is_in_dialect1() {
            messenger.add_other_contacts(&me, &mut login).await?;
        }
        Ok(login)
    };
    let login = timeout_at(late, login)
        .await
        .unwrap_or(Err(Error::Unavailable));
    let mut login = match login {
        Ok(login) => login,
        Err(error) => {
            if !again {
                connection.outbox.lock().drop_held();
            }
            if !again || connection.is_closed() {
                context.withdraw(&connection, me.id, Departure::Lost);
            }
            return Err(error);
        }
    };
    connection.unconfirmed.lock().note_login(&login.positions);
    if !again {
        connection.unconfirmed.lock().note_login(&login.confirmed);
    }
    let me = connection.log_in(me);
    if let Some((shared, slot)) = shared {
        connection.allowance.belong_to(shared, slot);
    }
    if connection.is_closed() {
        // whoever closed it may not have known yet whose it was
        context.withdraw(&connection, me.id, Departure::Lost);
    }
    let sent_ranges = std::mem::take(&mut login.sent_ranges);
    let meta = connection.identity().meta().cloned();
    let reply = Reply::Connected {
        user: me.user.clone(),
        now: context.messenger.clock().now(),
        has_kinds: context.messenger.content_rules().kinds.is_some(),
        meta: meta.clone(),
    };
    let details = Notice::UserDetails(Box::new(login), meta);
    if connection.is_in_dialect1() {
        context.presence.announce_again(me.id, connection.id);
    }
    Ok(Outcome {
        sent_ranges,
        login: !again,
        turn,
        ..Outcome::new(reply, [(Audience::Asker, details)])
    })
}

/// Who it is, and for a socket's first login its slot among those of the user, unless it has
/// one since it joined.
type Identified = (
    (Me, Arc<User>, ChatUser),
    Option<(Arc<Shared>, Option<Slot>)>,
);

/// Finds out who it is, and that the socket may be them.
async fn identify(
    context: &Context,
    connection: &Connection,
    request: request::ConnectUser,
) -> Result<Identified, Error> {
    let user = match connection.identity().verified() {
        None => context.messenger.find_user(&request.user_id).await?,
        Some(verified) => {
            let (proved, named) = (&verified.user, &request.user_id);
            context.messenger.find_verified(proved, named).await?
        }
    };
    let me = connection.me();
    let is_other = me.as_ref().is_some_and(|me| me.user != user.id);
    if is_other && !connection.is_in_dialect1() {
        return Err(Error::AlreadyConnected);
    }
    let shared = context.limits.user(&user.id);
    shared.take(Kind::Connect).map_err(Error::RateLimited)?;
    let shared = if me.is_some() && !is_other {
        None
    } else if connection.allowance.is_reserved_for(&user.id) {
        Some((shared, None))
    } else {
        let slot = shared.enter().ok_or(Error::TooManySockets)?;
        Some((shared, Some(slot)))
    };
    let document = context.messenger.register(&user).await?;
    connection.set_delivery_acks(request.delivery_acks.unwrap_or_default());
    connection.set_compact(request.compact.unwrap_or_default());
    connection.set_protocol(request.protocol.unwrap_or_default());
    let me = Me {
        id: document.id,
        user: user.id.clone(),
    };
    Ok(((me, user, document), shared))
}
