//! `oracle`: whether answers reveal what exists, by their bytes or their time.

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use rand::Rng as _;
use serde::Serialize;
use tokio::task::JoinSet;

use super::Common;
use crate::measure::{Difference, Latency, Measured, Report, Stage};
use crate::wire::{Packet, Socket, Target, text_after, user};

/// Asks for what does not exist and for what is somebody else's, and compares
///
/// The server needs `CHATZZ_RATE_LIMITS=off`. For `users` it needs a rule that refuses
/// all, such as `CHATZZ_CONTACT_RULE={"collection":"friendships","filter":
/// {"a":"$from","b":"$to"}}` with nothing stored; for `messages` none. `seed --users
/// 10100` stores the users. `--warm-up` and `--seconds` mean nothing here.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// What is asked for
    #[arg(long, value_enum, default_value_t = What::Users)]
    what: What,
    /// Samples of each kind
    #[arg(long, default_value_t = 20_000)]
    samples: u32,
    /// How many ask at the same time, one question each
    #[arg(long, default_value_t = 8)]
    at_once: u32,
    /// Users there are; those from 100 on are asked for
    #[arg(long, default_value_t = 10_000)]
    users: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum What {
    /// `add-chat-user`: an absent user, and one whom the rule refuses
    Users,
    /// `message-read`: an absent message, and one of others
    Messages,
}

/// Users below this one ask, or wrote the message.
const FIRST_ASKED: u32 = 100;
/// Users that no seed stores.
const ABSENT: u32 = 0x7000_0000;

/// Times in microseconds, and the two answers.
#[derive(Default)]
struct Samples {
    absent: Vec<u64>,
    refused: Vec<u64>,
    /// Answers that were not the first one, byte by byte.
    different: u64,
    answer: Option<String>,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    ensure!(
        load.users > FIRST_ASKED,
        "there must be more than 100 users"
    );
    ensure!((1..=48).contains(&load.at_once), "1 to 48 may ask at once");
    let stage = Stage::new("oracle");
    let message = match load.what {
        What::Users => None,
        What::Messages => Some(others_message(&common.target).await?),
    };
    let (began, before) = (stage.now(), common.watched.cpu());
    let mut running = JoinSet::new();
    for asker in 0..load.at_once {
        let (stage, target) = (std::sync::Arc::clone(&stage), common.target.clone());
        let message = message.clone();
        running.spawn(async move { ask(&stage, &target, load, asker, message.as_deref()).await });
    }
    let mut all = Samples::default();
    while let Some(ended) = running.join_next().await {
        let some = ended??;
        all.absent.extend(some.absent);
        all.refused.extend(some.refused);
        all.different +=
            some.different + u64::from(all.answer.is_some() && all.answer != some.answer);
        all.answer = some.answer;
    }
    let measured = Measured {
        seconds: std::time::Duration::from_micros(stage.now() - began).as_secs_f64(),
        cpu: common.watched.cpu().since(&before),
    };
    stage.say(&format!(
        "every answer was {}\n",
        all.answer.unwrap_or_default()
    ));
    let (absent, refused) = (latency(&all.absent), latency(&all.refused));
    let parameters = super::parameters(&load)?;
    let count = absent.count() + refused.count();
    let mut report = Report::new("oracle", parameters, measured, count, &absent);
    report.also("absent", &absent);
    report.also("refused", &refused);
    let difference = Difference::of(&all.absent, &all.refused);
    report.figure("area", difference.area);
    report.figure("z", difference.z);
    report.figure("distance", difference.distance);
    report.checks.errors = all.different;
    Ok(report)
}

fn latency(samples: &[u64]) -> Latency {
    let mut latency = Latency::default();
    for micros in samples {
        latency.add(*micros);
    }
    latency
}

/// One client: both kinds in random order, so that nothing else distinguishes them.
async fn ask(
    stage: &Stage,
    target: &Target,
    load: Load,
    asker: u32,
    message: Option<&str>,
) -> anyhow::Result<Samples> {
    let mut socket = Socket::connect(target, None).await?;
    socket.login(2 + asker, |_| {}).await?;
    let of_each = load.samples.div_ceil(load.at_once);
    let mut samples = Samples::default();
    let (mut absent, mut refused) = (of_each, of_each);
    for id in 0..u64::from(of_each) * 2 {
        let is_absent = rand::rng().random_range(0..absent + refused) < absent;
        *(if is_absent { &mut absent } else { &mut refused }) -= 1;
        let number = rand::rng().random_range(FIRST_ASKED..load.users);
        let event = match message {
            None => {
                let who = user(if is_absent { ABSENT + number } else { number });
                format!("[\"add-chat-user\",{{\"userToAdd\":\"{who}\"}}]")
            }
            Some(theirs) => {
                let nothing = format!("{}{number:08x}", theirs.get(..16).unwrap_or_default());
                let which = if is_absent { &nothing } else { theirs };
                format!("[\"message-read\",{{\"messageId\":\"{which}\"}}]")
            }
        };
        let at = stage.now();
        socket.feed(format!("42{id}{event}")).await?;
        socket.flush().await?;
        let answer = loop {
            let packet = socket.next().await?;
            if let Packet::Ack(answered, arguments) = Packet::parse(&packet)
                && answered == id
            {
                break arguments.to_owned();
            }
        };
        let took = stage.now() - at;
        stage.done();
        (if is_absent {
            &mut samples.absent
        } else {
            &mut samples.refused
        })
        .push(took);
        samples.different +=
            u64::from(*samples.answer.get_or_insert_with(|| answer.clone()) != answer);
    }
    socket.close().await?;
    let answer = samples.answer.as_deref().unwrap_or_default();
    ensure!(
        !answer.starts_with("[null"),
        "nothing was refused: {answer}"
    );
    Ok(samples)
}

/// The id of a message between the first two users.
async fn others_message(target: &Target) -> anyhow::Result<String> {
    let mut writer = Socket::connect(target, None).await?;
    writer.login(0, |_| {}).await?;
    let contact = format!("{{\"userToAdd\":\"{}\"}}", user(1));
    writer.call("add-chat-user", &contact, |_| {}).await?;
    let message = format!("{{\"userId\":\"{}\",\"message\":\"hello\"}}", user(1));
    let sent = writer.call("send-message", &message, |_| {}).await?;
    let id = text_after(&sent, "\"_id\":\"").context("a message without an id")?;
    let id = id.to_owned();
    writer.close().await?;
    Ok(id)
}
