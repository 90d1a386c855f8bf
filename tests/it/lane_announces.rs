//! What a lane tells of messages that it finds stored when it reads a chat room first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use chatzz::clock::Clock;
use chatzz::domain::{Content, Counts, Message};
use chatzz::feed::{Elsewhere, Feed, LoginState, Sockets};
use chatzz::id::{ChatRoomId, ChatUserId, MessageId, Seq, UserId};
use chatzz::rooms::{
    Advanced, Answer, Append, Caller, Command, Deps, LaneError, Lanes, Member, Origin,
    RecentCursors, Stored,
};
use chatzz::store::{Store, User, WriteBehindQueue};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::verify::store;

/// Notes what is announced; says what it is made to of who knows what.
#[derive(Default)]
struct Ear {
    known: HashMap<ChatUserId, LoginState>,
    announced: Mutex<Vec<Seq>>,
}

impl Sockets for Ear {
    fn is_here(&self, user: ChatUserId) -> bool {
        self.known.contains_key(&user)
    }

    fn hears_each(&self, _: [ChatUserId; 2]) -> bool {
        false
    }

    fn login_state(&self, _: ChatRoomId, user: ChatUserId) -> LoginState {
        self.known.get(&user).copied().unwrap_or_default()
    }

    fn stored(&self, stored: &Stored) {
        self.announced.lock().push(stored.message.seq);
    }

    fn advanced(&self, _: &Advanced) {}

    fn answer(&self, _: Origin, answer: Result<Answer, LaneError>) {
        panic!("a send is answered by telling it, not by {answer:?}");
    }
}

impl Elsewhere for Ear {
    fn is_elsewhere(&self, _: ChatUserId) -> bool {
        false
    }
}

/// A chat room in which bob wrote to alice, who has confirmed nothing.
struct Scene {
    store: Store,
    room: ChatRoomId,
    bob: Member,
    alice: Member,
}

const NOTHING: [Seq; 0] = [];

const LOGGING_IN: LoginState = LoginState {
    up_to: None,
    logging_in: true,
};

/// Logged in, when the last position was this.
fn logged_in(up_to: Seq) -> LoginState {
    LoginState {
        up_to: Some(up_to),
        logging_in: false,
    }
}

impl Scene {
    /// With `old` messages of an hour ago and `fresh` ones of now.
    async fn set(old: Seq, fresh: Seq) -> Self {
        let database = TestDatabase::shared().await;
        let member = |name: &str| {
            let id = UserId::ObjectId(ObjectId::new());
            Member {
                id: ChatUserId::generate(),
                user: Arc::new(User::present(id, doc! { "username": name })),
            }
        };
        let (bob, alice) = (member("bob"), member("alice"));
        let room = ChatRoomId::generate();
        let (last, now) = (old + fresh, DateTime::now());
        let document = doc! {
            "_id": room, "chatUsers": [bob.id, alice.id], "pair": format!("{}:{}", bob.id, alice.id),
            "createdAt": now, "addedBy": bob.id, "lastSeq": last, "lastMessageAt": now,
            "cursors": { &*bob.id.to_hex(): { "delivered": last } },
        };
        let rooms = database.collection("chatrooms");
        rooms.insert_one(document).await.unwrap();
        let hour_ago = DateTime::from_millis(now.timestamp_millis() - 3_600_000);
        let messages = (1..=last).map(|seq| {
            let message = Message {
                id: MessageId::generate(),
                chat_room: room,
                from: bob.id,
                to: alice.id,
                message: "hello".to_owned(),
                kind: None,
                data: None,
                created_at: if seq <= old { hour_ago } else { now },
                seq,
                counts: Counts::new(seq, 0),
                client_id: None,
                sent_at: Some(now),
                read_at: None,
                rev: None,
                redacted: false,
                asked: None,
                via: None,
            };
            bson::serialize_to_document(&message).unwrap()
        });
        let messages: Vec<Document> = messages.collect();
        let collection = database.collection("chatmessages");
        collection.insert_many(messages).await.unwrap();
        Self {
            store: store(&database).await,
            room,
            bob,
            alice,
        }
    }

    /// What is announced beside the message that bob writes, when alice knows that much.
    async fn bob_writes(&self, alice: LoginState) -> Vec<Seq> {
        let ear = Arc::new(Ear {
            known: HashMap::from([(self.bob.id, logged_in(0)), (self.alice.id, alice)]),
            ..Ear::default()
        });
        let recent = RecentCursors::new();
        let sockets = Arc::clone(&ear) as Arc<dyn Sockets>;
        let feed = Feed::new(
            sockets,
            ear.clone(),
            self.store.clone(),
            recent.clone(),
            Arc::default(),
            Clock::System,
        );
        let deps = Deps {
            store: self.store.clone(),
            write_behind: Arc::new(WriteBehindQueue::new(
                self.store.bulk_writes.clone(),
                Arc::default(),
            )),
            outlet: Arc::new(feed),
            recent,
            clock: Clock::System,
            attempt: Duration::from_secs(5),
        };
        let lanes = Lanes::start(1, 10, &deps, &TaskTracker::new());
        let (call, answer) = oneshot::channel();
        let append = Append {
            room: self.room,
            from: self.bob.clone(),
            to: self.alice.clone(),
            content: Content::of_text("are you there?"),
            replacement: None,
            client_id: None,
            via: None,
            asked: None,
            withheld: false,
            caller: Caller::Call(call),
            deadline: Instant::now() + Duration::from_secs(10),
        };
        let new = self.last().await + 1;
        lanes.submit(Command::Append(append)).unwrap();
        let answer = answer.await.expect("a call is answered");
        assert!(matches!(answer, Ok(Answer::Message(stored)) if stored.message.seq == new));
        let announced = poll::eventually("the new message is announced", async || {
            let announced = ear.announced.lock().clone();
            announced.ends_with(&[new]).then_some(announced)
        })
        .await;
        announced.split_last().unwrap().1.to_vec()
    }

    async fn last(&self) -> Seq {
        let last = self.store.messages.list_last(&[self.room]).await.unwrap();
        last[0].seq
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_under_way_contains_is_not_announced_beside_it() {
    let scene = Scene::set(1_000, 0).await;
    assert_eq!(scene.bob_writes(LOGGING_IN).await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_come_during_a_login_is_announced() {
    let scene = Scene::set(1_000, 3).await;
    assert_eq!(scene.bob_writes(LOGGING_IN).await, [1_001, 1_002, 1_003]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_new_chat_room_all_may_have_come_during_a_login() {
    let scene = Scene::set(0, 2).await;
    assert_eq!(scene.bob_writes(LOGGING_IN).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_after_a_login_is_announced() {
    let scene = Scene::set(10, 0).await;
    assert_eq!(scene.bob_writes(logged_in(8)).await, [9, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sockets_the_one_that_has_less_counts() {
    let scene = Scene::set(10, 0).await;
    let both = LoginState {
        logging_in: true,
        ..logged_in(7)
    };
    assert_eq!(scene.bob_writes(both).await, [8, 9, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_who_is_not_here_nothing_is_announced() {
    let scene = Scene::set(10, 0).await;
    assert_eq!(scene.bob_writes(LoginState::default()).await, NOTHING);
}
