//! What somebody on the bus can do who does not know the key: nothing.

use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use futures::StreamExt as _;
use serde_json::json;

use super::{Node, World, assert_nothing_comes};
use crate::support::database::TestDatabase;
use crate::support::poll::eventually;

/// The longest frame that is opened.
const MAX_FRAME_BYTES: usize = 512 * 1024;

/// Somebody who hears and says what they like.
struct Intruder {
    client: Client,
    heard: Subscriber,
}

impl Intruder {
    async fn at(url: &str) -> Self {
        let client = async_nats::connect(url).await.unwrap();
        let heard = client.subscribe("chatzz.>").await.unwrap();
        client.flush().await.unwrap();
        Self { client, heard }
    }

    /// The next frame from one server to another; they also send to themselves.
    async fn frame_from(&mut self, node: &str) -> Message {
        let from = format!("{node}#");
        let next = async {
            loop {
                let message = self.heard.next().await.unwrap();
                let bytes = &message.payload;
                let (length, rest) = (usize::from(bytes[9]), &bytes[10..]);
                let sender = String::from_utf8(rest[..length].to_vec()).unwrap();
                let to_itself = sender.ends_with(&message.subject["chatzz.".len()..]);
                if sender.starts_with(&from) && !to_itself {
                    return message;
                }
            }
        };
        let next = tokio::time::timeout(Duration::from_secs(10), next);
        next.await.unwrap()
    }

    async fn say(&self, message: &Message, payload: Vec<u8>) {
        let said = self.client.publish(message.subject.clone(), payload.into());
        said.await.unwrap();
        self.client.flush().await.unwrap();
    }
}

async fn wait_until_refused(node: &Node, why: &str, times: f64) {
    let what = format!("{times} frames are {why}");
    eventually(&what, async || {
        (node.refused(why).await >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_cannot_be_read_forged_or_repeated() {
    let world = World::start().await;
    let mut intruder = Intruder::at(&world.nats.url()).await;
    let (alice, bob) = (&world.alice, &world.bob);
    let gaps = world.two.metric("chatzz_bus_gaps_total").await;
    let secret = "only for bob";
    alice.signal(&bob.id, json!(secret)).await.unwrap();
    let frame = intruder.frame_from("one").await;
    bob.client.wait_for("user-signal").await;

    let text = String::from_utf8_lossy(&frame.payload);
    assert!(!text.contains(secret) && !text.contains("signal"), "{text}");

    let mut unsealed = 0.0;
    for payload in [
        Vec::new(),
        b"{\"v\":1}".to_vec(),
        vec![0; 200],
        vec![255; 200],
        frame.payload[..frame.payload.len() - 1].to_vec(),
    ] {
        intruder.say(&frame, payload).await;
        unsealed += 1.0;
    }
    for at in [0, 1, 8, 9, 12, frame.payload.len() - 20] {
        let mut changed = frame.payload.to_vec();
        changed[at] ^= 1;
        intruder.say(&frame, changed).await;
        unsealed += 1.0;
    }
    wait_until_refused(&world.two, "unsealed", unsealed).await;
    for _ in 0..3 {
        intruder.say(&frame, frame.payload.to_vec()).await;
    }
    wait_until_refused(&world.two, "replayed", 3.0).await;
    intruder.say(&frame, vec![1; MAX_FRAME_BYTES + 1]).await;
    wait_until_refused(&world.two, "large", 1.0).await;
    assert_nothing_comes(bob).await;

    // and what is sealed still comes
    alice.signal(&bob.id, json!("after it")).await.unwrap();
    assert_eq!(bob.client.wait_for("user-signal").await["data"], "after it");
    let after = world.two.metric("chatzz_bus_gaps_total").await;
    assert_eq!(after.to_bits(), gaps.to_bits(), "nothing was missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_on_one_nats_do_not_hear_each_other() {
    let world = World::start().await;
    let mut intruder = Intruder::at(&world.nats.url()).await;
    world.alice.signal(&world.bob.id, json!(1)).await.unwrap();
    let to_bob = intruder.frame_from("one").await;
    world.bob.client.wait_for("user-signal").await;
    // the same names, people and words with another database, and so with another key
    let other = TestDatabase::shared().await;
    let url = world.nats.url();
    let keys = [("CHATZZ_NATS_URL", url.as_str())];
    let three = Node::start(&other, "three", &keys).await;
    let four = Node::start(&other, "four", &keys).await;
    let (eve, dan) = (other.user("eve").await, other.user("dan").await);
    let (eve, _) = three.server.login(&eve).await;
    let (dan, _) = four.server.login(&dan).await;
    eve.add(&dan.id).await.unwrap();
    super::wait_until_online(&eve, &dan.id, true).await;

    let foreign = intruder.frame_from("three").await;
    intruder.say(&to_bob, foreign.payload.to_vec()).await;

    wait_until_refused(&world.two, "unsealed", 1.0).await;
    assert_nothing_comes(&world.bob).await;
}
