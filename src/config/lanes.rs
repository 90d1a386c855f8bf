//! The lanes that number and store messages.

use std::num::NonZero;
use std::thread;

use super::parse;
use super::reader::Reader;

/// The lanes that number and store messages.
#[derive(Debug, Clone)]
pub struct LanesConfig {
    /// The number of lanes; `None` goes by the number of cores.
    ///
    /// `CHATZZ_LANES`, default: the number of cores, from 2 to 16, count. Raise it when
    /// the database is far away and has room to spare.
    pub lanes: Option<usize>,
    /// The most messages that wait in one lane.
    ///
    /// `CHATZZ_LANE_QUEUE`, default `8192`, messages. Lower it to hear `overloaded`
    /// earlier; a message waits at most `CHATZZ_REQUEST_TIMEOUT` anyhow.
    pub queue: usize,
}

impl LanesConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let lanes = keys.read_set("CHATZZ_LANES", |text| parse::number(text, 1..=256));
        let queue = keys.read("CHATZZ_LANE_QUEUE", |text| {
            parse::number(text, 1..=1_000_000)
        });
        Some(Self {
            lanes: lanes.ok()?,
            queue: queue?,
        })
    }

    /// The number of lanes to start: the one set, else the cores, from 2 to 16.
    pub fn count(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        self.lanes.unwrap_or_else(|| cores().clamp(2, 16))
    }
}
