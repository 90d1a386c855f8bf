//! An answer that shows somebody, and the news of him that overtook it.

use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use chatzz::clock::Clock;
use chatzz::id::{ChatUserId, SocketId, UserId};
use chatzz::service::presence::{Announce, Announcement, Departure, Description, Presence};
use chatzz::store::{ChatUser, Presence as Status, User, WriteBehind};
use parking_lot::Mutex;

use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::verify::store;

const SOON: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Told(Mutex<Vec<(Status, Vec<ChatUserId>)>>);

impl Announce for Told {
    fn announce(&self, announcement: &Announcement) {
        let told = (announcement.status, announcement.contacts.clone());
        self.0.lock().push(told);
    }
}

struct Scene {
    presence: Arc<Presence>,
    told: Arc<Told>,
    bob: ChatUser,
    user: Arc<User>,
    alice: ChatUserId,
}

impl Scene {
    async fn set() -> Self {
        let store = store(&TestDatabase::shared().await).await;
        let behind = Arc::new(WriteBehind::new(store.behind.clone()));
        let id = UserId::ObjectId(ObjectId::new());
        Self {
            presence: Arc::new(Presence::new(behind, Clock::System, Duration::ZERO)),
            told: Arc::default(),
            bob: store.chat_users.get_or_create(&id).await.unwrap(),
            user: Arc::new(User::present(id, doc! { "username": "bob" })),
            alice: ChatUserId::generate(),
        }
    }

    /// Bob as an answer to alice shows him, made now.
    fn describe(&self) -> Description {
        Description {
            who: self.bob.id,
            to: self.alice,
            shown: self.presence.shown(&self.bob),
        }
    }

    /// Bob's presence as another node wrote it, on these nodes.
    fn hear(&self, nodes: &[&str], at: i64) {
        let written = ChatUser {
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
            changed_at: Some(DateTime::from_millis(at)),
            ..self.bob.clone()
        };
        let told = self.told.as_ref();
        self.presence
            .take_in("here", &written, &self.user, Vec::new(), told);
    }

    fn corrected(&self, description: &Description) -> Vec<(Status, Vec<ChatUserId>)> {
        self.told.0.lock().clear();
        self.presence.correct(description, self.told.as_ref());
        self.told.0.lock().clone()
    }
}

#[tokio::test]
async fn who_goes_while_an_answer_shows_him_is_told_again_behind_it() {
    let scene = Scene::set().await;
    let socket = SocketId(1);
    scene.presence.enter(&scene.bob, &scene.user, socket);
    scene.presence.activate(scene.bob.id, scene.told.as_ref());
    let answer = scene.describe();
    assert_eq!(answer.shown.status, Status::Online);
    assert_eq!(scene.corrected(&answer), [], "he is here");

    let outlet: Arc<dyn Announce> = scene.told.clone();
    let (who, how) = (scene.bob.id, Departure::Clean);
    scene.presence.leave(who, socket, how, &outlet);
    poll::until("he is gone", SOON, async || {
        (!scene.told.0.lock().is_empty()).then_some(())
    })
    .await;

    let told = scene.corrected(&answer);
    assert_eq!(told, [(Status::Offline, vec![scene.alice])]);
    assert_eq!(scene.corrected(&scene.describe()), [], "it shows him gone");
}

#[tokio::test]
async fn who_comes_elsewhere_while_an_answer_shows_him_is_told_again_behind_it() {
    let scene = Scene::set().await;
    scene
        .presence
        .elsewhere()
        .set_boots(["there".to_owned()].into());
    let answer = scene.describe();
    assert_eq!(answer.shown.status, Status::Offline);
    assert_eq!(scene.corrected(&answer), [], "nothing was heard of him");

    scene.hear(&["there"], 1_000);
    assert_eq!(
        scene.corrected(&answer),
        [(Status::Online, vec![scene.alice])]
    );
    let later = scene.describe();
    assert_eq!(
        later.shown.status,
        Status::Online,
        "older than what was heard"
    );

    scene.hear(&[], 2_000);
    assert_eq!(
        scene.corrected(&later),
        [(Status::Offline, vec![scene.alice])]
    );
    assert_eq!(scene.corrected(&answer), [], "it happens to be right");
}

#[tokio::test]
async fn whom_somebody_has_blocked_is_not_told_again() {
    let scene = Scene::set().await;
    scene
        .presence
        .elsewhere()
        .set_boots(["there".to_owned()].into());
    let hidden = Description {
        shown: chatzz::service::presence::Shown::hidden(DateTime::from_millis(1)),
        ..scene.describe()
    };

    scene.hear(&["there"], 1_000);

    assert_eq!(scene.corrected(&hidden), []);
}
