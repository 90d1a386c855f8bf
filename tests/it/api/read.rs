//! Reading: the application sees everything, and marks nothing.

use serde_json::json;

use super::server;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_a_chat_room_and_its_pages_are_read_and_nothing_is_marked() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair_with_absent().await;
    for number in 1..=5 {
        alice.send(&bob, &format!("text {number}")).await.unwrap();
    }
    let sent = back_end.send(&bob, &alice.id, "text 6", "six").await;
    let before = server.messages().await;

    let message = back_end
        .get(&format!(
            "/v1/messages/{}",
            sent.body["_id"].as_str().unwrap()
        ))
        .await;
    let room = message.body["chatRoomId"].as_str().unwrap();
    let by_id = back_end.get(&format!("/v1/chat-rooms/{room}")).await;
    let pair = format!(
        "user={}&with={}",
        bob.as_str().unwrap(),
        alice.id.as_str().unwrap()
    );
    let by_pair = back_end.get(&format!("/v1/chat-rooms?{pair}")).await;
    let page = async |query: &str| {
        let page = back_end
            .get(&format!("/v1/chat-rooms/{room}/messages{query}"))
            .await;
        assert_eq!(page.status, 200, "{query}");
        let messages = page.body["messages"].as_array().unwrap();
        let seqs: Vec<i64> = messages
            .iter()
            .map(|one| one["seq"].as_i64().unwrap())
            .collect();
        (seqs, page.body["hasMore"] == true)
    };

    assert_eq!(message.body, sent.body);
    assert_eq!(by_id.status, 200);
    assert_eq!(by_id.body, by_pair.body);
    assert_eq!(by_id.body["lastMessage"]["seq"], 6);
    let member = |id| {
        let members = by_id.body["members"].as_array().unwrap();
        members.iter().find(|one| one["userId"] == id).unwrap()
    };
    assert_eq!(member(bob.clone())["unreadCount"], 5);
    assert_eq!(member(bob.clone())["readUpTo"], 0);
    assert_eq!(member(alice.id.clone())["unreadCount"], 1);
    assert_eq!(page("").await, ((1..=6).collect(), false));
    assert_eq!(page("?limit=2").await, (vec![5, 6], true));
    assert_eq!(page("?before=5&limit=2").await, (vec![3, 4], true));
    assert_eq!(page("?after=2&limit=2").await, (vec![3, 4], true));
    assert_eq!(page("?after=4").await, (vec![5, 6], false));
    assert_eq!(server.messages().await, before);
    let again = back_end.get(&format!("/v1/chat-rooms/{room}")).await;
    for (now, then) in [0, 1].map(|one| (&again.body["members"][one], &by_id.body["members"][one]))
    {
        assert_eq!(now["unreadCount"], then["unreadCount"]);
        assert_eq!(now["readUpTo"], then["readUpTo"]);
    }
    let all = back_end
        .get(&format!("/v1/chat-rooms/{room}/messages?before=6"))
        .await;
    for message in all.body["messages"].as_array().unwrap() {
        assert_eq!(message["status"], "not_sent");
    }
    for _ in 1..=6 {
        alice.client.expect_envelope("new-message").await;
    }
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_their_inbox_are_read() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    alice.add(&carol).await.unwrap();
    alice.send(&bob.id, "hello").await.unwrap();
    let user = async |id: &serde_json::Value| {
        back_end
            .get(&format!("/v1/users/{}", id.as_str().unwrap()))
            .await
            .body
    };
    let inbox = async |query: &str| {
        let id = alice.id.as_str().unwrap();
        back_end
            .get(&format!("/v1/users/{id}/chat-rooms{query}"))
            .await
            .body
    };

    assert_eq!(user(&bob.id).await["status"], "online");
    assert_eq!(user(&bob.id).await["user"]["username"], "bob");
    assert_eq!(user(&carol).await["takesPart"], true);
    let dora = user(&server.user("dora").await).await;
    assert_eq!(dora["takesPart"], false);
    assert_eq!(dora["status"], "offline");
    let all = inbox("").await;
    assert_eq!(all["contacts"].as_array().unwrap().len(), 2);
    let first = inbox("?limit=1").await;
    assert_eq!(first["hasMore"], true);
    let last = first["contacts"][0]["_id"].as_str().unwrap();
    let rest = inbox(&format!("?after={last}")).await;
    assert_eq!(rest["contacts"][0], all["contacts"][1]);
    let nobody = json!("nobody");
    assert_eq!(user(&nobody).await["code"], "user-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_understood_is_refused() {
    let (server, back_end) = server().await;
    let alice = server.user("alice").await;
    let alice = alice.as_str().unwrap();
    let rows = [
        ("/v1/messages/x".to_owned(), 404, "message-not-found"),
        (format!("/v1/messages/{alice}"), 404, "message-not-found"),
        ("/v1/chat-rooms/x".to_owned(), 404, "no-chat-room"),
        (format!("/v1/chat-rooms/{alice}"), 404, "no-chat-room"),
        (
            format!("/v1/chat-rooms/{alice}/messages"),
            404,
            "no-chat-room",
        ),
        (
            format!("/v1/chat-rooms?user={alice}&with={alice}"),
            404,
            "no-chat-room",
        ),
        (
            format!("/v1/chat-rooms?user={alice}&with=x"),
            404,
            "user-not-found",
        ),
        (format!("/v1/chat-rooms?user={alice}"), 400, "bad-request"),
        (
            format!("/v1/chat-rooms/{alice}/messages?limit=x"),
            400,
            "bad-request",
        ),
        (
            format!("/v1/chat-rooms/{alice}/messages?seq=1"),
            400,
            "bad-request",
        ),
        ("/v1/users/x".to_owned(), 404, "user-not-found"),
        ("/v1/users/x/chat-rooms".to_owned(), 404, "user-not-found"),
    ];
    for (target, status, code) in rows {
        assert_eq!(
            back_end.get(&target).await.outcome(),
            (status, code),
            "{target}"
        );
    }
}
