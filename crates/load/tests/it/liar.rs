//! A server that loses, repeats and swaps messages, to see that it is detected.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::support::run;

/// What it does wrong with the third message, and only that one.
#[derive(Clone, Copy, Debug)]
enum Lie {
    Lose,
    Repeat,
    Swap,
    Refuse,
}

#[derive(Default)]
struct State {
    /// The socket of the second user, who receives.
    receiver: Option<mpsc::UnboundedSender<String>>,
    seq: u64,
    held: Option<String>,
}

#[tokio::test]
async fn a_lost_message_is_noticed() {
    is_noticed(Lie::Lose, "lost").await;
}

#[tokio::test]
async fn a_repeated_message_is_noticed() {
    is_noticed(Lie::Repeat, "duplicate").await;
}

#[tokio::test]
async fn swapped_messages_are_noticed() {
    is_noticed(Lie::Swap, "disorder").await;
}

#[tokio::test]
async fn a_refusal_is_noticed() {
    is_noticed(Lie::Refuse, "errors").await;
}

async fn is_noticed(lie: Lie, check: &str) {
    let addr = listen(lie).await;
    let ran = run(&format!("send --addr {addr} --warm-up 0.1 --seconds 0.4")).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = ran.report["checks"][check].as_u64().unwrap();
    assert!(found > 0, "{ran:?}");
}

/// Serves for as long as the test runs.
async fn listen(lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let state = Arc::new(Mutex::new(State::default()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&state), lie));
        }
    });
    addr
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, lie: Lie) {
    let (mut sink, mut stream) = accept_async(stream).await.unwrap().split();
    let (out, mut outbox) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(packet) = outbox.recv().await {
            if sink.send(Message::text(packet)).await.is_err() {
                return;
            }
        }
    });
    out.send("0{\"sid\":\"1\"}".to_owned()).unwrap();
    while let Some(Ok(message)) = stream.next().await {
        let Ok(packet) = message.into_text() else {
            continue;
        };
        if packet.as_str() == "40" {
            out.send("40{\"sid\":\"1\"}".to_owned()).unwrap();
        } else if let Some(event) = packet.strip_prefix("42") {
            answer(event, &out, &mut state.lock().unwrap(), lie);
        }
    }
}

fn answer(event: &str, out: &mpsc::UnboundedSender<String>, state: &mut State, lie: Lie) {
    let (id, arguments) = event.split_at(event.find('[').unwrap());
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    if arguments[0] == "connect-user" && arguments[1]["userId"] == "64b000000000000000000001" {
        state.receiver = Some(out.clone());
    }
    if arguments[0] != "send-message" {
        out.send(format!("43{id}[null,{{}}]")).unwrap();
        return;
    }
    let is_third = state.seq == 2;
    if is_third && matches!(lie, Lie::Refuse) {
        state.seq += 1;
        out.send(format!("43{id}[{{\"code\":\"overloaded\"}},null]"))
            .unwrap();
        return;
    }
    state.seq += 1;
    let (seq, text) = (state.seq, &arguments[1]["message"]);
    let message = format!("{{\"message\":{text},\"seq\":{seq}}}");
    let envelope = format!("42[\"chatzz\",{{\"type\":\"new-message\",\"data\":{message}}}]");
    let receiver = state.receiver.as_ref().unwrap();
    match lie {
        Lie::Lose if is_third => {}
        Lie::Swap if is_third => state.held = Some(envelope.clone()),
        _ => receiver.send(envelope.clone()).unwrap(),
    }
    if !is_third && let Some(held) = state.held.take() {
        receiver.send(held).unwrap();
    }
    if is_third && matches!(lie, Lie::Repeat) {
        receiver.send(envelope).unwrap();
    }
    out.send(format!("43{id}[null,{message}]")).unwrap();
}
