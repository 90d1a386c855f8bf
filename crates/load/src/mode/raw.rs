//! `raw`: what the database does without a server in front: the limit.

use std::sync::Arc;
use std::time::Duration;

use chatzz::domain::{Counts, Message};
use chatzz::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use clap::{Args, ValueEnum};
use mongodb::Collection;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::workers::{self, Work};
use crate::measure::{Report, Stage, Watched, Window};
use crate::seed::{self, Mongo};

/// The database alone, by the same driver: the limit of any server
///
/// Stores documents as those of chatzz, majority and journal, under one unique
/// index `(chatRoom, seq)`, into the collection `raw`, which is dropped first.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    mongo: Mongo,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    load: Load,
}

/// How it writes.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// What a write is
    #[arg(long, value_enum, default_value_t = How::Batches)]
    how: How,
    /// How many documents wait to be stored at the same time
    #[arg(long, default_value_t = 1)]
    at_once: u32,
    /// `batches` in flight at the same time
    #[arg(long, default_value_t = 2)]
    lanes: u32,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
}

/// How documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
enum How {
    /// `insert_one` each
    Ones,
    /// `insert_many` of all that wait (group commit)
    Batches,
}

/// A document that waits, and who waits for it.
type Waiting = (Message, oneshot::Sender<bool>);

/// Documents of one `insert_many` at most.
const LARGEST_BATCH: usize = 1_000;

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options {
        mongo,
        window,
        watched,
        load,
    } = options;
    let collection = seed::raw_collection(&mongo).await?;
    let stage = Stage::new("raw");
    let mut lanes = JoinSet::new();
    let mut queues = Vec::new();
    for _ in 0..load.lanes.max(1) {
        let (give, take) = mpsc::unbounded_channel();
        queues.push(give);
        lanes.spawn(commit(collection.clone(), take));
    }
    let clients: Vec<_> = (0..load.at_once)
        .zip(queues.iter().cycle())
        .map(|(_, queue)| {
            let client = Client {
                stage: Arc::clone(&stage),
                collection: collection.clone(),
                queue: queue.clone(),
                load,
            };
            client.work()
        })
        .collect();
    drop(queues);
    let (measured, work) = workers::run(&stage, (window, watched), clients).await?;
    // every client has dropped its queue
    while lanes.join_next().await.is_some() {}
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("raw", parameters, measured, work.count, &work.latency);
    report.checks = work.checks;
    Ok(report)
}

/// Stores all that waits, and then all that waits by then.
async fn commit(collection: Collection<Message>, mut queue: mpsc::UnboundedReceiver<Waiting>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
        let documents = batch.iter().map(|(message, _)| message);
        let stored = collection.insert_many(documents).ordered(true).await;
        for (_, waiting) in batch.drain(..) {
            // a client that has failed does not wait
            let _ = waiting.send(stored.is_ok());
        }
    }
}

struct Client {
    stage: Arc<Stage>,
    collection: Collection<Message>,
    queue: mpsc::UnboundedSender<Waiting>,
    load: Load,
}

impl Client {
    /// Stores one document after the other.
    async fn work(self) -> anyhow::Result<Work> {
        let mut work = Work::default();
        let mut message = Message {
            id: MessageId::generate(),
            chat_room: ChatRoomId::generate(),
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            message: ".".repeat(self.load.text_bytes),
            kind: None,
            data: None,
            created_at: bson::DateTime::now(),
            seq: 0,
            counts: Counts::default(),
            client_id: None,
            sent_at: Some(bson::DateTime::now()),
            read_at: None,
            rev: None,
            redacted: false,
            asked: None,
            via: None,
        };
        while self.stage.is_open() {
            message.id = MessageId::generate();
            message.seq += Seq::from(1_u8);
            let at = self.stage.now();
            let stored = match self.load.how {
                How::Ones => self.collection.insert_one(&message).await.is_ok(),
                How::Batches => self.by_lane(message.clone()).await?,
            };
            if stored {
                work.ended(&self.stage, at);
            } else {
                work.checks.errors += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(work)
    }

    async fn by_lane(&self, message: Message) -> anyhow::Result<bool> {
        let (tell, stored) = oneshot::channel();
        self.queue.send((message, tell))?;
        Ok(stored.await?)
    }
}
