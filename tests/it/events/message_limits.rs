//! What a message's text may be.

use serde_json::json;

use crate::support::server::Server;
use crate::support::user::{Person, code, refusal};

async fn assert_kept(alice: &Person, bob: &Person, text: &str) {
    let sent = alice.send(&bob.id, text).await.unwrap();
    assert_eq!(sent["message"], text);
    let got = bob.client.expect_envelope("new-message").await;
    assert_eq!(got["message"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_thousand_characters_are_a_message_and_one_more_is_too_long() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for character in ["x", "ü", "😀"] {
        assert_kept(&alice, &bob, &character.repeat(4_000)).await;
        let (code, message) = refusal(alice.send(&bob.id, &character.repeat(4_001)).await);
        assert_eq!(code, "message-too-long");
        assert!(message.contains("4000 characters"), "{message}");
    }
    assert_eq!(server.messages().await.len(), 3);
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_message_can_be_configured() {
    let server = Server::with(&[("CHATZZ_MESSAGE_MAX_CHARS", "5")]).await;
    let (alice, bob) = server.pair().await;
    assert_kept(&alice, &bob, "12345").await;
    assert_eq!(
        code(alice.send(&bob.id, "123456").await),
        "message-too-long"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_kib_are_the_limit_whatever_is_configured() {
    let server = Server::with(&[("CHATZZ_MESSAGE_MAX_CHARS", "65536")]).await;
    let (alice, bob) = server.pair().await;
    assert_kept(&alice, &bob, &"x".repeat(65_536)).await;
    assert_kept(&alice, &bob, &"😀".repeat(16_384)).await;
    for too_long in ["x".repeat(65_537), "😀".repeat(16_385)] {
        let (code, message) = refusal(alice.send(&bob.id, &too_long).await);
        assert_eq!(code, "message-too-long");
        assert!(message.contains("65536 bytes"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_text_is_a_bad_request() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for blank in ["", " ", "\n\t \r\n", "\u{a0}\u{2003}\u{3000}"] {
        let (code, message) = refusal(alice.send(&bob.id, blank).await);
        assert_eq!(code, "bad-request", "{blank:?}");
        assert!(message.contains("message"), "{message}");
    }
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_are_a_bad_request_except_line_ends_and_tabs() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for control in ["a\u{0}", "a\u{7}b", "\u{1b}[31mred", "a\u{7f}", "a\u{85}b"] {
        let (code, message) = refusal(alice.send(&bob.id, control).await);
        assert_eq!(code, "bad-request", "{control:?}");
        assert!(message.contains("control characters"), "{message}");
    }
    assert_kept(&alice, &bob, "one\n\ttwo\r\nthree").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_surrogate_is_a_bad_request() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (id, ack) = alice.client.reserve_ack().unwrap();
    let frame = format!(
        r#"42{id}["send-message",{{"userId":{},"message":"\ud800"}}]"#,
        bob.id
    );
    alice.client.emit_raw(frame).unwrap();
    let args = ack.await.unwrap();
    assert_eq!(args[0]["code"], "bad-request", "{args:?}");
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_kept_exactly_as_it_was_sent() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for text in [
        "  leading and trailing  ",
        "quotes \" ' and \\ backslashes",
        "{\"$ne\": null}",
        "<script>alert(1)</script>",
        "👩‍👩‍👧‍👦 and \u{202e}bidi\u{200b}",
        "cafe\u{301}",
        "\u{feff}bom",
    ] {
        assert_kept(&alice, &bob, text).await;
    }
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(page["messages"].as_array().unwrap().len(), 7);
    assert_eq!(page["messages"][0]["message"], "  leading and trailing  ");
}
