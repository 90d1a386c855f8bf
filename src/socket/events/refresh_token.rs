//! `refresh-token {token}`: a socket shows a fresh token and stays.

use crate::auth::Credentials;
use crate::service::Error;
use crate::socket::{Call, Outcome, admission};
use crate::wire::{Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::RefreshToken,
) -> Result<Outcome, Error> {
    let Call {
        context,
        connection,
        me,
        ..
    } = call;
    let socket = connection.outbox.lock().socket();
    let socket = socket.ok_or(Error::Unavailable)?;
    let handshake = socket.req_parts();
    let credentials =
        Credentials::of_handshake(handshake, None, Some(admission::address(handshake)));
    let credentials = credentials.with_token(request.token);
    let identity = context.authenticator.renew(&credentials).await?;
    if let Some(verified) = identity.verified() {
        let before = connection.identity();
        let same = before
            .verified()
            .is_some_and(|before| before.user == verified.user);
        if !same && !context.messenger.is_named(&me.user, &verified.user).await? {
            return Err(Error::Forbidden);
        }
    }
    let expires_at = identity.expires_at();
    connection.renew(identity);
    Ok(Outcome::new(Reply::Refreshed(expires_at), None))
}
