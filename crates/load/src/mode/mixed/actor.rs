//! One simulated person.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::inbox::Inbox;
use super::{Day, Done, Expected, KINDS, Kind, Order, SETTLING};
use crate::measure::Checks;
use crate::wire::{self, Packet, Socket, Text, is_success, user};

/// A person who is online, and does what is due.
pub(super) struct Actor {
    day: Arc<Day>,
    me: u32,
    socket: Socket,
    inbox: Inbox,
    done: Done,
    /// What is not answered, oldest first.
    open: VecDeque<Open>,
    next_id: u64,
}

/// An event without its ack.
struct Open {
    id: u64,
    order: Order,
    /// The number of the message, if it is one.
    n: u64,
}

impl Actor {
    /// Comes online for the first time.
    pub(super) async fn log_in(day: &Arc<Day>, me: u32) -> anyhow::Result<Self> {
        let mut inbox = Inbox::new(day.number, me);
        let socket = connect(day, me, &mut inbox).await?;
        Ok(Self {
            day: Arc::clone(day),
            me,
            socket,
            inbox,
            done: Done {
                me,
                ..Done::default()
            },
            open: VecDeque::new(),
            next_id: 0,
        })
    }

    /// Does what is due until nothing more comes and all is answered.
    pub(super) async fn work(
        &mut self,
        mut orders: UnboundedReceiver<Order>,
    ) -> anyhow::Result<Done> {
        let mut more = true;
        while more || !self.open.is_empty() {
            tokio::select! {
                order = orders.recv(), if more => {
                    match order {
                        None => more = false,
                        Some(order) => self.act(order).await?,
                    }
                    while let Ok(order) = orders.try_recv() {
                        self.act(order).await?;
                    }
                    self.socket.flush().await?;
                }
                packet = self.socket.next() => self.take(&packet?),
            }
        }
        Ok(std::mem::take(&mut self.done))
    }

    /// Reads until everything that was sent has arrived, and returns what is wrong.
    pub(super) async fn settle(&mut self, expected: Expected) -> anyhow::Result<Checks> {
        let deadline = Instant::now() + SETTLING / 2;
        while !self.inbox.has_all(&expected) {
            match timeout_at(deadline, self.socket.next()).await {
                Ok(packet) => self.take(&packet?),
                Err(_) => break,
            }
        }
        Ok(self.inbox.checks(&expected))
    }

    async fn act(&mut self, order: Order) -> anyhow::Result<()> {
        let with = user(order.with);
        let (event, payload) = match order.kind {
            Kind::Send => ("send-message", self.message(order)),
            Kind::Read => match self.inbox.last_seq(order.with) {
                0 => return Ok(()),
                seq => (
                    "message-read",
                    format!("{{\"userId\":\"{with}\",\"upTo\":{seq}}}"),
                ),
            },
            Kind::Page => (
                "get-old-messages",
                format!("{{\"userId\":\"{with}\",\"limit\":50}}"),
            ),
            Kind::Reconnect => return self.reconnect(order).await,
        };
        let n = match order.kind {
            Kind::Send => {
                let sent = self.done.sent.entry(order.with).or_default();
                sent.0 += 1;
                sent.0 - 1
            }
            _ => 0,
        };
        let id = self.next_id;
        self.next_id += 1;
        self.open.push_back(Open { id, order, n });
        let packet = format!("42{id}[\"{event}\",{payload}]");
        self.socket.feed(packet).await
    }

    fn message(&self, order: Order) -> String {
        let text = Text {
            run: self.day.number,
            from: self.me,
            n: self.done.sent.get(&order.with).map_or(0, |(sent, _)| *sent),
            at: order.due,
        };
        let mut payload = format!("{{\"userId\":\"{}\",\"message\":\"", user(order.with));
        wire::write(&mut payload, &text, self.day.load.text_bytes);
        payload.push_str("\"}");
        payload
    }

    /// Disconnects when everything is answered, and connects again at once.
    async fn reconnect(&mut self, order: Order) -> anyhow::Result<()> {
        self.socket.flush().await?;
        while !self.open.is_empty() {
            let packet = self.socket.next().await?;
            self.take(&packet);
        }
        // the new one first: there is no way to leave a socket of which one has two
        let old = std::mem::replace(
            &mut self.socket,
            Socket::connect(&self.day.target, None).await?,
        );
        old.close().await?;
        let inbox = &mut self.inbox;
        self.socket
            .login(self.me, |event| inbox.hear(event))
            .await?;
        self.measure(order);
        Ok(())
    }

    fn take(&mut self, packet: &str) {
        match Packet::parse(packet) {
            Packet::Event(arguments) => self.inbox.hear(arguments),
            Packet::Ack(id, arguments) => {
                let Some(at) = self.open.iter().position(|open| open.id == id) else {
                    self.done.errors += 1;
                    return;
                };
                let Some(Open { order, n, .. }) = self.open.remove(at) else {
                    return;
                };
                if is_success(arguments) {
                    self.measure(order);
                    return;
                }
                self.done.errors += 1;
                if order.kind == Kind::Send {
                    self.done.sent.entry(order.with).or_default().1.insert(n);
                }
            }
            _ => {}
        }
    }

    fn measure(&mut self, order: Order) {
        let stage = &self.day.stage;
        stage.done();
        let now = stage.now();
        self.done.count += u64::from(stage.counts(now));
        let kind = KINDS.iter().position(|(kind, _)| *kind == order.kind);
        let latency = kind.and_then(|kind| self.done.latencies.get_mut(kind));
        if let Some(latency) = latency.filter(|_| stage.counts(order.due)) {
            latency.add(now.saturating_sub(order.due));
        }
    }
}

async fn connect(day: &Day, me: u32, inbox: &mut Inbox) -> anyhow::Result<Socket> {
    let mut socket = Socket::connect(&day.target, None).await?;
    socket.login(me, |event| inbox.hear(event)).await?;
    Ok(socket)
}
