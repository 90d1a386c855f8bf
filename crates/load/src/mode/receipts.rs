//! `receipts`: what a durable receipt costs the database, in three forms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, DateTime, Document, doc};
use clap::{Args, ValueEnum};
use mongodb::Database;
use serde::Serialize;

use super::workers::{self, Work};
use crate::measure::{Report, Stage, Watched, Window};
use crate::seed::{self, Mongo};

/// How often the form `batch` writes the cursors of chat rooms behind.
const BEHIND_EVERY: Duration = Duration::from_millis(250);
/// Bytes of a receipt in the form `batch`.
const RECEIPT_BYTES: usize = 72;

/// The database alone: receipts of many chat rooms, a command after the other
///
/// Works on a collection `raw`, which is dropped first, with a majority and the journal.
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

#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// In which form a receipt is made durable
    #[arg(long, value_enum, default_value_t = Form::Cursors)]
    form: Form,
    /// Chat rooms that have a receipt in each command
    #[arg(long, default_value_t = 1)]
    rooms: u32,
}

/// How receipts are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
enum Form {
    /// A conditional update of each chat room
    Cursors,
    /// A small document for each receipt
    Documents,
    /// One document for all, and the chat rooms written behind
    Batch,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options {
        mongo,
        window,
        watched,
        load,
    } = options;
    let database = seed::raw_database(&mongo).await?;
    let rooms: Vec<Room> = (0..load.rooms).map(|_| Room::new()).collect();
    seed::insert_raw(&database, rooms.iter().map(Room::document)).await?;
    let stage = Stage::new("receipts");
    let worker = Worker {
        stage: Arc::clone(&stage),
        database,
        rooms,
        load,
    };
    let (measured, work) = workers::run(&stage, (window, watched), [worker.work()]).await?;
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("receipts", parameters, measured, work.count, &work.latency);
    report.checks = work.checks;
    Ok(report)
}

#[derive(Clone, Copy)]
struct Room {
    id: ObjectId,
    members: [ObjectId; 2],
}

impl Room {
    fn new() -> Self {
        Self {
            id: ObjectId::new(),
            members: [ObjectId::new(), ObjectId::new()],
        }
    }

    fn pair(&self) -> String {
        let [a, b] = self.members;
        format!("{a}:{b}")
    }

    /// A chat room as chatzz stores it.
    fn document(&self) -> Document {
        let [a, b] = self.members;
        let (now, cursor) = (DateTime::now(), || doc! { "delivered": 1_i64 });
        doc! {
            "_id": self.id, "chatUsers": [a, b], "pair": self.pair(), "createdAt": now,
            "addedBy": a, "lastSeq": 1_i64, "lastMessageAt": now, "lastCounts": [1_i64, 0_i64],
            "cursors": { a.to_hex(): cursor(), b.to_hex(): cursor() },
        }
    }

    fn key(&self) -> Document {
        doc! { "_id": self.id, "pair": self.pair() }
    }

    /// The statement that moves the cursor of the first member to `seq`.
    fn moved(&self, seq: i64, at: DateTime) -> Document {
        let [reader, _] = self.members;
        let field = format!("cursors.{reader}.read");
        let mut filter = self.key();
        let before = (seq > 1).then_some(seq - 1);
        filter.insert(format!("{field}.seq"), before);
        let read = doc! { "seq": seq, "count": seq, "after": seq - 1, "at": at };
        doc! { "q": filter, "u": { "$set": { field: read } } }
    }

    /// The same, written behind.
    fn behind(&self, seq: i64) -> Document {
        let [reader, _] = self.members;
        let field = format!("cursors.{reader}.read.seq");
        doc! { "q": self.key(), "u": { "$max": { field: seq } } }
    }
}

struct Worker {
    stage: Arc<Stage>,
    database: Database,
    rooms: Vec<Room>,
    load: Load,
}

impl Worker {
    async fn work(self) -> anyhow::Result<Work> {
        let mut work = Work::default();
        let mut written = Instant::now();
        let mut seq = 0;
        while self.stage.is_open() {
            seq += 1;
            let at = self.stage.now();
            self.receipts(seq).await?;
            work.ended(&self.stage, at);
            if self.load.form == Form::Batch && written.elapsed() >= BEHIND_EVERY {
                written = Instant::now();
                let rooms = self.rooms.iter().map(|room| room.behind(seq));
                self.write("update", "updates", rooms.collect()).await?;
            }
        }
        Ok(work)
    }

    /// One receipt of each chat room.
    async fn receipts(&self, seq: i64) -> anyhow::Result<()> {
        let now = DateTime::now();
        let rooms = self.rooms.iter();
        match self.load.form {
            Form::Cursors => {
                let moves = rooms.map(|room| room.moved(seq, now)).collect();
                let changed = self.write("update", "updates", moves).await?;
                anyhow::ensure!(changed == self.rooms.len(), "{changed} cursors moved");
                Ok(())
            }
            Form::Documents => {
                let documents = rooms.map(|room| {
                    let [reader, _] = room.members;
                    doc! { "_id": ObjectId::new(), "chatRoom": room.id, "member": reader,
                    "seq": seq, "count": seq, "at": now }
                });
                self.write("insert", "documents", documents.collect())
                    .await
                    .map(drop)
            }
            Form::Batch => {
                let bytes = vec![0; RECEIPT_BYTES * self.rooms.len()];
                let subtype = BinarySubtype::Generic;
                let receipts = Binary { subtype, bytes };
                let log = doc! { "_id": ObjectId::new(), "at": now, "m": receipts };
                self.write("insert", "documents", vec![log]).await.map(drop)
            }
        }
    }

    /// Executes statements; returns how many documents they changed.
    async fn write(
        &self,
        command: &str,
        field: &str,
        statements: Vec<Document>,
    ) -> anyhow::Result<usize> {
        let command = doc! { command: seed::RAW, field: statements, "ordered": false,
        "writeConcern": { "w": "majority", "j": true } };
        let reply = self.database.run_command(command).await?;
        anyhow::ensure!(!reply.contains_key("writeErrors"), "refused: {reply}");
        let changed = reply.get_i32("nModified").unwrap_or_default();
        usize::try_from(changed).context("a count")
    }
}
