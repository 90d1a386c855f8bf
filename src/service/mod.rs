//! The messenger's rules. Knows no sockets and no JSON.

mod acting;
mod active;
mod arrangement;
mod asking;
mod contacts;
mod content;
mod directory;
mod ephemeral;
mod erasure;
mod error;
mod export;
mod heard;
mod history;
mod import;
mod lease;
mod login;
mod mark_sent;
mod missed;
mod occurred;
pub mod presence;
mod privacy;
mod reading;
mod receipts;
mod redaction;
mod sending;
mod totals;
mod users_check;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

pub use acting::{Actor, Bypass, Sender};
pub use active::{ActivePage, ActiveQuery};
pub use contacts::{Added, Contact, LastMessage, Opened};
pub use content::{Content, ContentRules, MESSAGE_MAX_BYTES};
pub use directory::{IdInput, UserDirectory};
pub use ephemeral::Ephemeral;
pub use erasure::{Erased, ErasureCounts, ErasurePass};
pub use error::Error;
pub use export::{Export, ExportPlace, Exported, RoomExported};
pub use heard::{PrivacyChange, Sight, ToAnnounce};
pub use history::{HistoryPage, HistoryQuery, People};
pub use import::{Imported, ToImport};
pub use lease::{Holder, Lease};
pub use login::Login;
pub use missed::SentRange;
pub use occurred::Occurred;
pub use privacy::{BlockedPage, PrivacySettings, check_contact_rule};
pub use reading::{MessagePage, PageQuery, RoomSeen, Stats, UserSeen};
pub use receipts::Receipt;
pub use redaction::{ChangePage, Redacted, ToTell};
pub use sending::Draft;
pub use totals::UnreadTotal;
pub use users_check::warn_if_unusable;
pub use watch::Watch;

use crate::clock::Clock;
use crate::config::{BlockedSends, Config, PagingConfig};
use crate::domain::{ByMember, Members};
use crate::hooks::HookPoints;
use crate::id::{ChatRoomId, ChatUserId, UserId};
use crate::rooms::{Lanes, Member};
use crate::store::chat_rooms::Receipts;
use crate::store::{EventQueue, Store, User, WriteBehindQueue};
use presence::PresenceRegistry;
use privacy::{Privacies, Reception, Rule};

/// Pairs and chat users remembered at most, about 100 bytes each.
const MAX_CACHED: u64 = 500_000;
/// Chat rooms whose receipts are remembered for their pages, a kilobyte each.
const MAX_RECEIPTS: u64 = 10_000;
/// How long, since the last page: while somebody scrolls back.
const RECEIPTS_KEPT: Duration = Duration::from_mins(5);
/// How long it is remembered who a chat user is, beyond an erasure that was not heard of.
const PEOPLE_KEPT: Duration = Duration::from_mins(5);

/// Added to the ping's times before a silent client counts as gone.
const GRACE: Duration = Duration::from_secs(1);

/// Who asks: fixed for a socket by its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The person inside the messenger.
    pub id: ChatUserId,
    /// The person in the application.
    pub user: UserId,
}

/// The messenger.
pub struct Messenger {
    store: Store,
    directory: UserDirectory,
    presence: Arc<PresenceRegistry>,
    lanes: Lanes,
    privacies: Privacies,
    blocked_sends: BlockedSends,
    rule: Rule,
    /// Where the deployment decides; `None` where it never does.
    hooks: Option<Arc<HookPoints>>,
    write_behind: Arc<WriteBehindQueue>,
    /// What other servers are to learn.
    events: Arc<EventQueue>,
    clock: Clock,
    paging: PagingConfig,
    content_rules: ContentRules,
    deadline: Duration,
    /// How long a client may be gone before it is noticed.
    silence: Duration,
    /// Chat users change their user only when they are erased, and are never deleted.
    chat_users: Cache<UserId, ChatUserId>,
    /// The same, the other way round.
    users: Cache<ChatUserId, UserId>,
    /// Chat rooms never change their members and are never deleted.
    rooms: Cache<(ChatUserId, ChatUserId), KnownRoom>,
    /// Whose turn it is to change messages, by chat room.
    changing: [tokio::sync::Mutex<()>; 16],
    /// Receipts of chat rooms of which a page was read lately, as they were then.
    receipts: Cache<ChatRoomId, Arc<ByMember<Receipts>>>,
}

/// What a messenger is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Who is here.
    pub presence: Arc<PresenceRegistry>,
    /// Where messages are stored.
    pub lanes: Lanes,
    /// What is written behind.
    pub write_behind: Arc<WriteBehindQueue>,
    /// What other servers are to learn.
    pub events: Arc<EventQueue>,
    /// Where the deployment decides, if it does.
    pub hooks: Option<Arc<HookPoints>>,
    /// The time.
    pub clock: Clock,
}

impl Messenger {
    /// A messenger on these parts.
    pub fn new(parts: Parts, config: &Config) -> Self {
        let directory = UserDirectory::new(
            parts.store.users.clone(),
            config.users.id_type,
            config.users.cache,
        )
        .shaped_by(parts.hooks.clone());
        let privacies = Privacies::new(parts.store.privacies.clone(), config.privacy.cache);
        let rule = Rule::new(
            parts.store.contact_rule.clone(),
            config.privacy.contact_rule_cache,
        );
        Self {
            store: parts.store,
            directory,
            privacies,
            blocked_sends: config.privacy.blocked_sends,
            rule,
            hooks: parts.hooks,
            presence: parts.presence,
            lanes: parts.lanes,
            write_behind: parts.write_behind,
            events: parts.events,
            clock: parts.clock,
            paging: config.paging.clone(),
            content_rules: ContentRules::new(config),
            deadline: config.timeouts.request,
            silence: config.socket.ping_interval + config.socket.ping_timeout + GRACE,
            chat_users: Cache::builder()
                .max_capacity(MAX_CACHED)
                .time_to_live(PEOPLE_KEPT)
                .build(),
            users: Cache::new(MAX_CACHED),
            rooms: Cache::new(MAX_CACHED),
            changing: Default::default(),
            receipts: Cache::builder()
                .max_capacity(MAX_RECEIPTS)
                .time_to_idle(RECEIPTS_KEPT)
                .build(),
        }
    }

    /// The application's users.
    pub fn directory(&self) -> &UserDirectory {
        &self.directory
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Finds the user a client means.
    async fn user(&self, input: &IdInput) -> Result<Arc<User>, Error> {
        self.directory.find(input).await?.ok_or(Error::UserNotFound)
    }

    /// Finds the chat user of a user; `None` if they never took part.
    async fn chat_user(&self, user: &UserId) -> Result<Option<ChatUserId>, Error> {
        if let Some(id) = self.chat_users.get(user).await {
            return Ok(Some(id));
        }
        // boxed: seldom needed, and held by the future of every send
        let found = Box::pin(self.store.chat_users.find_by_user(user)).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let Some(found) = found else { return Ok(None) };
        self.chat_users.insert(user.clone(), found.id).await;
        Ok(Some(found.id))
    }

    /// Finds somebody whom the application may have deleted meanwhile: who ever
    /// took part stays a contact, and the history with them stays.
    async fn user_or_deleted(&self, input: &IdInput) -> Result<Arc<User>, Error> {
        if let Some(user) = self.directory.find(input).await? {
            return Ok(user);
        }
        for id in self.directory.candidates(input) {
            if self.chat_user(&id).await?.is_some() {
                return Ok(Arc::new(User::deleted(id)));
            }
        }
        Err(Error::UserNotFound)
    }

    /// Finds the chat room with somebody whom a client means.
    ///
    /// Whom the asker could not write to or is gone, and who never had a chat
    /// room with them, is answered like somebody who never was.
    async fn conversation_with(&self, me: &Me, input: &IdInput) -> Result<Conversation, Error> {
        let user = self.user_or_deleted(input).await?;
        match self.conversation(me, Arc::clone(&user)).await {
            Err(Error::NoChatRoom)
                if user.is_deleted || !self.rule.allows(me, &user.id).await? =>
            {
                Err(Error::UserNotFound)
            }
            found => found,
        }
    }

    /// Finds the chat room with a user, and both people of it.
    async fn conversation(&self, me: &Me, user: Arc<User>) -> Result<Conversation, Error> {
        let other = self.chat_user(&user.id).await?.ok_or(Error::NoChatRoom)?;
        let members = Members::new(me.id, other).ok_or(Error::NoChatRoom)?;
        let room = self.room(members).await?.ok_or(Error::NoChatRoom)?;
        let mine = self.directory.get(&me.user).await?;
        Ok(Conversation {
            room: room.id,
            members: room.members,
            me: Member {
                id: me.id,
                user: mine,
            },
            other: Member { id: other, user },
        })
    }

    /// The chat room of two people; their order does not matter.
    async fn room(&self, members: Members) -> Result<Option<KnownRoom>, Error> {
        let [a, b] = members.ids();
        let key = if a < b { (a, b) } else { (b, a) };
        if let Some(known) = self.rooms.get(&key).await {
            return Ok(Some(known));
        }
        let found = Box::pin(self.store.chat_rooms.find_by_pair(members)).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let Some(found) = found else { return Ok(None) };
        let known = KnownRoom {
            id: found.id,
            members: found.members,
        };
        self.rooms.insert(key, known).await;
        Ok(Some(known))
    }
}

/// What never changes of a chat room.
#[derive(Clone, Copy, Debug)]
struct KnownRoom {
    id: ChatRoomId,
    members: Members,
}

/// A chat room, seen from one side.
#[derive(Clone, Debug)]
struct Conversation {
    room: ChatRoomId,
    members: Members,
    me: Member,
    other: Member,
}
