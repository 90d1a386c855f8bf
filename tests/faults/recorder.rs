//! The history of a run, written as it happens.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Map, Value};

/// Writes one JSON line per event; see `history` for what the lines say.
///
/// Lines are in the order of their times: both are taken under one lock.
pub(crate) struct Recorder {
    began: Instant,
    file: Mutex<BufWriter<File>>,
    connections: AtomicU64,
    operations: AtomicU64,
    faults: AtomicU64,
}

impl Recorder {
    /// Begins a history.
    ///
    /// # Panics
    /// Panics when the file cannot be made.
    pub(crate) fn create(path: &Path) -> Self {
        Self {
            began: Instant::now(),
            file: Mutex::new(BufWriter::new(File::create(path).unwrap())),
            connections: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        }
    }

    /// A number for a connection, not used before.
    pub(crate) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// A number for an operation, not used before.
    pub(crate) fn operation(&self) -> u64 {
        self.operations.fetch_add(1, Ordering::Relaxed)
    }

    /// A number for a fault, not used before.
    pub(crate) fn fault(&self) -> u64 {
        self.faults.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes an event of this kind; `fields` is a JSON object.
    ///
    /// # Panics
    /// Panics when the history cannot be written: a run without it proves nothing.
    pub(crate) fn write(&self, kind: &str, fields: Value) {
        let Value::Object(fields) = fields else {
            panic!("the fields of an event are an object")
        };
        let mut file = self.file.lock();
        let mut line = Map::new();
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap();
        line.insert("t".to_owned(), micros.into());
        line.insert("e".to_owned(), kind.into());
        line.extend(fields);
        serde_json::to_writer(&mut *file, &line).unwrap();
        file.write_all(b"\n").unwrap();
    }

    /// Flushes everything to the operating system.
    ///
    /// # Panics
    /// As [`Recorder::write`].
    pub(crate) fn flush(&self) {
        self.file.lock().flush().unwrap();
    }
}
