//! HTTP long-polling: one task waits in GETs, one sends POSTs.

use std::sync::Arc;

use http::Method;
use tokio::task::JoinSet;

use super::http::Lane;
use super::options::{ConnectError, ConnectOptions, Eio};
use super::outbox::{Outbox, Outgoing, freezable};
use super::packet::{Open, push_to_payload, split_payload};
use super::session::{CloseCause, Session};

/// Opens a session and starts its tasks.
pub(super) async fn open(
    options: &ConnectOptions,
    tasks: &mut JoinSet<()>,
) -> Result<Arc<Session>, ConnectError> {
    // The session makes the token, and the first response makes the session.
    let mut first = Lane::new(options, tokio_util::sync::CancellationToken::new());
    let response = first.request(Method::GET, None, String::new()).await?;
    if response.status != 200 {
        return Err(ConnectError::Http {
            status: response.status,
            body: response.body,
        });
    }
    // as browsers do: a load balancer may know by them which server a session is at
    let mut options = options.clone();
    if let Some(cookies) = response.cookies {
        options.headers.push(("cookie".to_owned(), cookies));
    }
    let options = &options;
    let packets = split_payload(options.eio, &response.body).map_err(ConnectError::io)?;
    let (head, rest) = packets
        .split_first()
        .ok_or_else(|| ConnectError::io("the handshake brought no packet"))?;
    let open = Open::parse(head).map_err(ConnectError::io)?;
    let (session, outbox) = Session::new(options, &open, response.bytes);
    for packet in rest {
        session.receive(packet);
    }

    let session = Arc::new(session);
    let lane = || Lane::new(options, session.silent.clone());
    let wire = || Wire {
        eio: options.eio,
        open: open.clone(),
        session: Arc::clone(&session),
        lane: lane(),
    };
    tasks.spawn(freezable(session.silent.clone(), wire().read()));
    tasks.spawn(freezable(session.silent.clone(), wire().write(outbox)));
    Ok(session)
}

/// One direction of a session.
struct Wire {
    eio: Eio,
    open: Open,
    session: Arc<Session>,
    lane: Lane,
}

impl Wire {
    /// Makes a request; an unsuccessful answer ends the session.
    async fn request(&mut self, method: Method, body: String) -> Option<String> {
        let sid = Some(self.open.sid.as_str());
        let cause = match self.lane.request(method, sid, body).await {
            Ok(response) => {
                self.session.record(&response.bytes);
                if response.status == 200 {
                    return Some(response.body);
                }
                CloseCause::Http {
                    status: response.status,
                    body: response.body,
                }
            }
            Err(error) => CloseCause::Transport(error.to_string()),
        };
        self.session.finish(cause);
        None
    }

    async fn read(mut self) {
        while !self.session.ended.is_cancelled() {
            let Some(body) = self.request(Method::GET, String::new()).await else {
                return;
            };
            match split_payload(self.eio, &body) {
                Ok(packets) => packets.iter().for_each(|p| self.session.receive(p)),
                Err(why) => self.session.finish(CloseCause::Unreadable(why)),
            }
        }
    }

    async fn write(mut self, mut outbox: Outbox) {
        let most = self.open.max_payload.unwrap_or(usize::MAX);
        let mut order = Some(outbox.next().await);
        loop {
            let mut payload = String::new();
            while let Some(Outgoing::Packet(packet)) = &order {
                // A length prefix or separator takes up to 8 bytes.
                if !payload.is_empty() && payload.len() + packet.len() + 8 > most {
                    break;
                }
                push_to_payload(self.eio, &mut payload, packet);
                order = outbox.try_next();
            }
            let close = matches!(order, Some(Outgoing::Close));
            if close {
                push_to_payload(self.eio, &mut payload, "1");
            }
            if self.request(Method::POST, payload).await.is_none() || close {
                return;
            }
            if order.is_none() {
                order = Some(outbox.next().await);
            }
        }
    }
}
