//! Bugs that a bad network shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bson::Document;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{Scene, shows};
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, ConnectOptions};
use crate::support::poll::PAUSE;
use crate::support::seeded::Bug;
use crate::support::slow_link::SlowLink;
use crate::support::user::Person;

/// How long a cursor is given to move: four rounds of what is written behind.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// Bob's network is dead, which nobody has noticed; alice writes to bob, who comes back
/// by another way. Whether bob misses nothing, though nothing arrived.
async fn a_message_into_a_dead_network_is_not_missed(bug: Option<Bug>) -> bool {
    let scene = Scene::set(bug).await;
    scene.bob.client.go_silent();
    let sent = scene.send("into the void").await;
    assert_eq!(sent["status"], "sent");
    let end = Instant::now() + WRITTEN_WITHIN;
    while scene.cursors().await.is_none() && Instant::now() < end {
        sleep(PAUSE).await;
    }
    let (_bob, details) = scene.server.login(&scene.bob.id).await;
    let missed = &details["missedMessages"][scene.alice.id.as_str().unwrap()];
    missed.as_array().is_none_or(Vec::is_empty)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_but_not_confirmed_is_not_missed_by_status() {
    let looks_wrong = a_message_into_a_dead_network_is_not_missed;
    shows(Bug::MissedByStatus, looks_wrong).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_jumps_confirms_what_nobody_got() {
    let looks_wrong = a_message_into_a_dead_network_is_not_missed;
    shows(Bug::CursorJumps, looks_wrong).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_one_message_confirms_another_that_nobody_got() {
    shows(Bug::ReadConfirmsDelivery, async |bug| {
        let scene = Scene::set(bug).await;
        scene.bob.client.go_silent();
        scene.send("into the void").await;
        let known = scene.send("heard of otherwise").await;
        let (bob, _) = scene.server.login(&scene.bob.id).await;
        bob.read_message(&known["_id"]).await.unwrap();
        let delivered = |cursors: Document| cursors.get_i64("delivered").is_ok();
        let end = Instant::now() + WRITTEN_WITHIN;
        while !scene.cursors().await.is_some_and(delivered) && Instant::now() < end {
            sleep(PAUSE).await;
        }
        let (_bob, details) = scene.server.login(&scene.bob.id).await;
        let missed = &details["missedMessages"][scene.alice.id.as_str().unwrap()];
        missed.as_array().is_none_or(Vec::is_empty)
    })
    .await;
}

/// Bob's link is so slow that the frames of alice's messages do not arrive within the ping
/// timeout. Whether more of them counts as delivered than arrived.
#[tokio::test(flavor = "multi_thread")]
async fn outliving_a_ping_confirms_what_is_still_on_its_way() {
    /// Longer than it takes until the server notices that bob is gone.
    const GONE_WITHIN: Duration = Duration::from_secs(8);
    shows(Bug::SilenceConfirms, async |bug| {
        let keys = [
            ("CHATZZ_PING_INTERVAL", "1s"),
            ("CHATZZ_PING_TIMEOUT", "1s"),
            ("CHATZZ_OUTBOX_BYTES", "64MiB"),
        ];
        let scene = Scene::on(TestDatabase::shared().await, bug, &keys).await;
        scene.bob.client.close().await;
        let link = SlowLink::to(scene.server.addr(), 8_000).await;
        let client = Client::connect(ConnectOptions::new(link.addr()))
            .await
            .unwrap();
        let bob = Person::new(client, scene.bob.id.clone());
        bob.login().await.unwrap();
        let text = "😀".repeat(4_000);
        for _ in 0..40 {
            scene.send(&text).await;
        }
        let end = Instant::now() + GONE_WITHIN;
        let delivered = |cursors: Document| cursors.get_i64("delivered").ok();
        let mut confirmed = None;
        while confirmed.is_none() && Instant::now() < end {
            confirmed = scene.cursors().await.and_then(delivered);
            sleep(PAUSE).await;
        }
        let arrived = bob.client.drain();
        let arrived = arrived.iter().filter(|one| one.kind == "new-message");
        confirmed.unwrap_or_default() > i64::try_from(arrived.count()).unwrap()
    })
    .await;
}

/// Passes one connection on to a server, except while `stopped` is locked: then
/// nothing comes back from it.
async fn relay(server: SocketAddr, stopped: Arc<Mutex<()>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let server = TcpStream::connect(server).await.unwrap();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut bytes = vec![0; 64 * 1024];
        loop {
            drop(stopped.lock().await);
            let Ok(count @ 1..) = from_server.read(&mut bytes).await else {
                return;
            };
            if to_client.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    });
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pauses_loses_messages_to_a_full_buffer() {
    /// More than 128 packets and the kernel's buffers hold.
    const MANY: usize = 400;
    /// An answer and a `new-message` are on their way to the sender at the same time.
    const CHARS: usize = 24_000;
    shows(Bug::FullBufferSwallowed, async |bug| {
        let database = TestDatabase::shared().await;
        let large = [
            ("CHATZZ_OUTBOX_BYTES", "64MiB"),
            ("CHATZZ_STALL_TIMEOUT", "60s"),
            ("CHATZZ_MESSAGE_MAX_CHARS", "65536"),
        ];
        let scene = Scene::on(database, bug, &large).await;
        let stopped = Arc::new(Mutex::new(()));
        let addr = relay(scene.server.addr(), Arc::clone(&stopped)).await;
        let client = Client::connect(ConnectOptions::new(addr)).await.unwrap();
        let bob = Person::new(client, scene.bob.id.clone());
        bob.login().await.unwrap();
        bob.client.expect_envelope("user-details").await;

        let held = stopped.lock().await;
        let text = "x".repeat(CHARS);
        for _ in 0..MANY {
            scene.send(&text).await;
        }
        drop(held);
        let mut got = 0;
        while bob.client.next_event(Duration::from_secs(3)).await.is_ok() {
            got += 1;
            if got == MANY {
                return false;
            }
        }
        assert!(got > 0, "it goes on reading");
        // still connected, and nothing more comes
        let closed = bob.client.closed(Duration::from_millis(1)).await;
        closed.is_err()
    })
    .await;
}
