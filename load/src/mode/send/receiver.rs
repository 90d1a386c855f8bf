//! One who reads.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Run, SETTLING};
use crate::measure::{Latency, Order};
use crate::wire::{Envelope, Packet, Socket, Text, number_after};

/// What one receiver saw.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// From when a message was due until it was here.
    pub(super) latency: Latency,
    pub(super) order: Order,
    /// Numbers that the chat room skipped.
    pub(super) holes: u64,
    last_seq: Option<u64>,
}

/// Connects, waits for the others, reads until everything is here that `end`
/// says was sent, or [`SETTLING`] after that.
pub(super) async fn run(
    run: &Run,
    pair: u32,
    mut end: watch::Receiver<Option<u64>>,
) -> anyhow::Result<Received> {
    let mut socket = Socket::connect(&run.target, None).await?;
    let me = run.load.first_user + 2 * pair + 1;
    socket.login(me, |_| {}).await?;
    run.start().await?;
    let mut received = Received::default();
    let mut deadline = None;
    loop {
        let sent = *end.borrow_and_update();
        if sent.is_some_and(|sent| received.order.has_all(sent)) {
            return Ok(received);
        }
        if sent.is_some() && deadline.is_none() {
            deadline = Some(Instant::now() + SETTLING);
        }
        tokio::select! {
            packet = socket.next() => {
                received.take(run, &packet?);
                while let Some(packet) = socket.next_if_there().await? {
                    received.take(run, &packet);
                }
            }
            Ok(()) = end.changed() => {}
            () = at(deadline) => return Ok(received),
        }
    }
}

/// Waits for a moment that may never come.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl Received {
    fn take(&mut self, run: &Run, packet: &str) {
        let Packet::Event(arguments) = Packet::parse(packet) else {
            return;
        };
        let Some(Envelope {
            kind: "new-message",
            rest,
        }) = Envelope::parse(arguments)
        else {
            return;
        };
        let Some(text) = Text::find(rest).filter(|text| text.run == run.number) else {
            return;
        };
        let seq = number_after(rest, "\"seq\":").unwrap_or(0);
        self.order.see(text.n, seq);
        self.holes += u64::from(self.last_seq.is_some_and(|last| seq > last + 1));
        self.last_seq = Some(seq);
        if run.stage.counts(text.at) {
            self.latency.add(run.stage.now().saturating_sub(text.at));
        }
    }
}
