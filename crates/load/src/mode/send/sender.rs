//! A sender.

use std::collections::VecDeque;
use std::fmt::Write as _;

use anyhow::Context as _;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::{Run, Sent};
use crate::wire::{self, Envelope, Packet, Socket, Text, is_success, number_after, user};

/// When messages are due, in the open loop.
type Due = UnboundedReceiver<u64>;

/// Connects, waits for the others, writes until the end, waits for the answers.
pub(super) async fn run(
    run: &Run,
    i: u32,
    due: oneshot::Receiver<Option<Due>>,
) -> anyhow::Result<Sent> {
    let (me, to) = run.load.direction(i);
    let mut socket = Socket::connect(run.target(me)?, None).await?;
    socket.login(me, |_| {}).await?;
    let contact = format!("{{\"userToAdd\":\"{}\"}}", user(to));
    socket.call("add-chat-user", &contact, |_| {}).await?;
    run.start().await?;
    let mut sender = Sender {
        run,
        socket,
        me,
        to: user(to),
        open: VecDeque::new(),
        sent: Sent::default(),
        last_answer: 0,
        last_copy: 0,
    };
    match due.await.context("the run was given up")? {
        None => sender.closed_loop().await?,
        Some(due) => sender.open_loop(due).await?,
    }
    Ok(sender.sent)
}

struct Sender<'a> {
    run: &'a Run,
    socket: Socket,
    me: u32,
    to: String,
    /// Number and time of what is not answered, in the order of sending.
    open: VecDeque<(u64, u64)>,
    sent: Sent,
    last_answer: u64,
    last_copy: u64,
}

impl Sender<'_> {
    /// Always as many in flight as asked for.
    async fn closed_loop(&mut self) -> anyhow::Result<()> {
        loop {
            let now = self.run.stage.now();
            if now < self.run.stage.until() {
                while self.open.len() < self.run.load.in_flight {
                    self.send(now).await?;
                }
                self.socket.flush().await?;
            } else if self.open.is_empty() {
                return Ok(());
            }
            let packet = self.socket.next().await?;
            self.take(&packet);
            while let Some(packet) = self.socket.next_if_there().await? {
                self.take(&packet);
            }
        }
    }

    /// Sends what is due, whatever is still in flight.
    async fn open_loop(&mut self, mut due: Due) -> anyhow::Result<()> {
        let mut more = true;
        while more || !self.open.is_empty() {
            tokio::select! {
                at = due.recv(), if more => {
                    match at {
                        None => more = false,
                        Some(at) => self.send(at).await?,
                    }
                    while let Ok(at) = due.try_recv() {
                        self.send(at).await?;
                    }
                    self.socket.flush().await?;
                }
                packet = self.socket.next() => self.take(&packet?),
            }
        }
        Ok(())
    }

    async fn send(&mut self, at: u64) -> anyhow::Result<()> {
        let n = self.sent.total;
        let (run, from) = (self.run.number, self.me);
        let mut packet = String::with_capacity(160 + self.run.load.text_bytes);
        // writing into a String does not fail
        let _ = write!(
            packet,
            "42{n}[\"send-message\",{{\"userId\":\"{}\"",
            self.to
        );
        if self.run.load.client_ids {
            let _ = write!(packet, ",\"clientId\":\"{run}-{n}\"");
        }
        packet.push_str(",\"message\":\"");
        wire::write(
            &mut packet,
            &Text { run, from, n, at },
            self.run.load.text_bytes,
        );
        packet.push_str("\"}]");
        self.open.push_back((n, at));
        self.sent.total += 1;
        self.socket.feed(packet).await
    }

    fn take(&mut self, packet: &str) {
        match Packet::parse(packet) {
            Packet::Ack(n, arguments) => self.answered(n, arguments),
            Packet::Event(arguments) => self.copy(arguments),
            _ => {}
        }
    }

    fn answered(&mut self, n: u64, arguments: &str) {
        let Some(at) = self.close(n) else {
            // an answer to nothing, or the second
            self.sent.disorder += 1;
            return;
        };
        if !is_success(arguments) {
            self.sent.failed.insert(n);
            return;
        }
        let seq = number_after(arguments, "\"seq\":").unwrap_or(0);
        self.sent.disorder += u64::from(seq <= self.last_answer);
        self.last_answer = seq;
        let now = self.run.stage.now();
        self.sent.acked.note(n, now);
        self.run.stage.done();
        if self.run.stage.counts(now) {
            self.sent.answered += 1;
        }
        if self.run.stage.counts(at) {
            self.sent.latency.add(now - at);
        }
    }

    /// Takes a message off those not answered; nearly always the oldest.
    fn close(&mut self, n: u64) -> Option<u64> {
        let position = self.open.iter().position(|(open, _)| *open == n)?;
        self.open.remove(position).map(|(_, at)| at)
    }

    /// The copy that the sender's own socket receives.
    fn copy(&mut self, arguments: &str) {
        let Some(Envelope {
            kind: "new-message",
            rest,
        }) = Envelope::parse(arguments)
        else {
            return;
        };
        let seq = number_after(rest, "\"seq\":").unwrap_or(0);
        self.sent.disorder += u64::from(seq <= self.last_copy);
        self.last_copy = seq;
    }
}
