//! `login`: people with contacts and missed messages connect and disconnect again.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::Common;
use super::workers::{self, Work};
use crate::measure::{Report, Stage};
use crate::wire::{Envelope, Socket, Target, count};

/// People with contacts log in and leave, one after the other
///
/// `seed --people P --contacts C --missed M` stores them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// Who logs in.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many people take turns
    #[arg(long, default_value_t = 500)]
    people: u32,
    /// Contacts of each, which `user-details` must hold
    #[arg(long, default_value_t = 50)]
    contacts: usize,
    /// Missed messages of each, which `user-details` must contain; the Node peer sends
    /// them only once
    #[arg(long, default_value_t = 0)]
    missed: usize,
    /// How many are logging in at the same time
    #[arg(long, default_value_t = 1)]
    at_once: u32,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    anyhow::ensure!(load.at_once <= load.people, "more at once than people");
    let stage = Stage::new("login");
    let workers = (0..load.at_once).map(|first| {
        let (stage, target) = (Arc::clone(&stage), common.target.clone());
        async move { work(&stage, &target, load, first).await }
    });
    let window = (common.window, common.watched);
    let (measured, work) = workers::run(&stage, window, workers).await?;
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("login", parameters, measured, work.count, &work.latency);
    report.also("connect", &work.other);
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    report.figure("bytesInAll", work.amount as f64);
    report.checks = work.checks;
    Ok(report)
}

async fn work(stage: &Stage, target: &Target, load: Load, first: u32) -> anyhow::Result<Work> {
    let mut work = Work::default();
    let mut person = first;
    while stage.is_open() {
        let at = stage.now();
        let mut socket = Socket::connect(target, None).await?;
        if stage.counts(at) {
            work.other.add(stage.now() - at);
        }
        let at = stage.now();
        let mut announced = 0;
        let (mut bytes, mut wrong) = (0, None);
        let mut hear = |arguments: &str| {
            let Some(Envelope {
                kind: "user-details",
                rest,
            }) = Envelope::parse(arguments)
            else {
                return;
            };
            announced += 1;
            bytes += arguments.len();
            let found = Details::read(target.peer, rest);
            if found.contacts != load.contacts || found.missed != load.missed {
                wrong = Some(found);
            }
        };
        socket.login(person, &mut hear).await?;
        work.ended(stage, at);
        work.amount += u64::try_from(bytes)?;
        if let Some(found) = wrong {
            stage.say(&format!("user {person} was told of {found:?}\n"));
        }
        work.checks.errors += u64::from(announced != 1 || wrong.is_some());
        socket.close().await?;
        person += load.at_once;
        if person >= load.people {
            person = first;
        }
    }
    Ok(work)
}

/// The content of `user-details`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Details {
    contacts: usize,
    missed: usize,
}

impl Details {
    /// Counts by a field that each contact has once, in the form of each server.
    fn read(peer: bool, json: &str) -> Self {
        let (contacts, missed) = json.split_once("\"missedMessages\":").unwrap_or((json, ""));
        let key = if peer {
            "\"chatRoom\":"
        } else {
            "\"unreadCount\":"
        };
        Self {
            contacts: count(contacts, key),
            missed: count(missed, "\"seq\":"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_and_missed_messages_are_counted_in_the_words_of_each_server() {
        let both = Details {
            contacts: 2,
            missed: 1,
        };
        let chatzz = r#","data":{"connectedUsers":[{"_id":"1","unreadCount":0,"lastMessage":{"seq":4}},
            {"_id":"2","unreadCount":1}],"missedMessages":{"2":[{"seq":5}]}}}]"#;
        assert_eq!(Details::read(false, chatzz), both);
        let peer = r#","data":{"connectedUsers":[{"_id":"1","chatRoom":"a"},{"_id":"2","chatRoom":"b"}],
            "missedMessages":{"a":[{"seq":5,"chatRoom":"a"}]}}}]"#;
        assert_eq!(Details::read(true, peer), both);
    }
}
