//! A receiver.

use std::collections::{BTreeSet, VecDeque};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::times::Times;
use super::{ARRIVING, Run};
use crate::measure::{Latency, Order};
use crate::wire::{Envelope, Packet, Socket, Text, is_success, number_after, user};

/// What one receiver saw.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// From when a message was due until it was here.
    pub(super) latency: Latency,
    pub(super) order: Order,
    /// When each was here.
    pub(super) arrived: Times,
    /// Numbers that the chat room skipped.
    pub(super) holes: u64,
    /// From when a message was here until its receipt was answered.
    pub(super) receipts: Latency,
    /// Receipts that were refused.
    pub(super) refused: u64,
    /// When receipts were sent that are not answered.
    open: VecDeque<u64>,
    last_seq: Option<u64>,
}

/// How many messages were sent, and which of them were refused.
type End = Option<(u64, BTreeSet<u64>)>;

/// Connects, waits for the others, reads until everything is here that `end`
/// says was sent, or [`ARRIVING`] after that.
pub(super) async fn run(
    run: &Run,
    i: u32,
    mut end: watch::Receiver<End>,
) -> anyhow::Result<Received> {
    let (sender, me) = run.load.direction(i);
    let mut socket = Socket::connect(run.target(me)?, None).await?;
    socket.login(me, |_| {}).await?;
    run.start().await?;
    let mut received = Received::default();
    let mut deadline = None;
    loop {
        if let Some((sent, failed)) = &*end.borrow_and_update() {
            if received.order.lost(*sent, failed) == 0 {
                return Ok(received);
            }
            deadline.get_or_insert_with(|| Instant::now() + ARRIVING);
        }
        tokio::select! {
            packet = socket.next() => {
                let mut packet = Some(packet?);
                while let Some(one) = packet {
                    if let Some(seq) = received.take(run, sender, &one)
                        && run.load.receipts
                    {
                        received.open.push_back(run.stage.now());
                        socket.feed(receipt(sender, seq)).await?;
                    }
                    packet = socket.next_if_there().await?;
                }
                socket.flush().await?;
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

/// Marks everything from a user as read, up to a position.
fn receipt(sender: u32, seq: u64) -> String {
    let sender = user(sender);
    format!("421[\"message-read\",{{\"userId\":\"{sender}\",\"upTo\":{seq}}}]")
}

impl Received {
    /// Handles one packet and returns the `seq` of the message in it, if there is one.
    fn take(&mut self, run: &Run, sender: u32, packet: &str) -> Option<u64> {
        let arguments = match Packet::parse(packet) {
            Packet::Event(arguments) => arguments,
            Packet::Ack(_, arguments) => {
                let at = self.open.pop_front()?;
                self.refused += u64::from(!is_success(arguments));
                if run.stage.counts(at) {
                    self.receipts.add(run.stage.now().saturating_sub(at));
                }
                return None;
            }
            _ => return None,
        };
        let Some(Envelope {
            kind: "new-message",
            rest,
        }) = Envelope::parse(arguments)
        else {
            return None;
        };
        let text = Text::find(rest).filter(|text| text.run == run.number)?;
        let seq = number_after(rest, "\"seq\":").unwrap_or(0);
        self.holes += u64::from(self.last_seq.is_some_and(|last| seq > last + 1));
        self.last_seq = Some(seq);
        if text.from != sender {
            // what this person wrote at another socket
            return None;
        }
        self.order.see(text.n, seq);
        let now = run.stage.now();
        self.arrived.note(text.n, now);
        if run.stage.counts(text.at) {
            self.latency.add(now.saturating_sub(text.at));
        }
        Some(seq)
    }
}
