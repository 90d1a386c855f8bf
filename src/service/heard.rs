//! What other servers did, as the log of events says it: what of it the people here are to
//! hear, and what this server believes no more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use futures::{StreamExt as _, stream};

use super::{Contact, Error, Me, Messenger, PrivacySettings};
use crate::domain::{Members, Message, Status};
use crate::feed::Hint;
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::rooms::{Command, Heard, HeardAdvance, Member, ReceiptKind, Stored};
use crate::store::{ChatRoom, Entry, Event, Item, User};

/// Chat rooms whose changes are read at the same time.
const CHANGED_AT_ONCE: usize = 8;
/// Pause before a full lane is tried again.
const FULL: Duration = Duration::from_millis(10);

/// What the sockets here are to hear of other servers, in this order.
#[derive(Debug, Default)]
pub struct ToAnnounce {
    /// New contacts, and to whom.
    pub contacts: Vec<(ChatUserId, Arc<Contact>)>,
    /// What is for the lanes to announce.
    pub commands: Vec<Command>,
    /// What somebody set through another server, for their own sockets.
    pub privacy: Vec<(ChatUserId, PrivacyChange)>,
    /// Who is shown differently from now on to somebody whom they blocked or unblocked.
    pub sights: Vec<Sight>,
    /// Messages that were changed.
    pub changed: Vec<Stored>,
    /// Users whose sockets are to end, as they were named.
    pub ended: Vec<String>,
    /// Chat users who are erased, whose sockets are to end.
    pub erased: Vec<ChatUserId>,
}

/// How somebody at another server is shown to somebody here.
#[derive(Debug)]
pub struct Sight {
    /// Who is shown.
    pub of: Member,
    /// To whom.
    pub to: ChatUserId,
    /// Since when they are hidden, if they are.
    pub hidden_since: Option<DateTime>,
}

/// What somebody changed about who may write to them.
#[derive(Clone, Debug)]
pub enum PrivacyChange {
    /// They blocked a user (`true`), or unblocked them.
    Blocked(UserId, bool),
    /// They set who may write at all.
    Settings(Arc<PrivacySettings>),
}

/// What happened in a chat room.
#[derive(Debug, Default)]
struct InRoom {
    members: Option<Members>,
    stored: Option<(Seq, Seq)>,
    messages: Vec<Message>,
    advances: Vec<HeardAdvance>,
}

/// The entries, sorted.
#[derive(Debug, Default)]
struct Sorted {
    rooms: HashMap<ChatRoomId, InRoom>,
    contacts: Vec<ChatRoomId>,
    /// Whose privacy changed, and of whom.
    privacy: Vec<(ChatUserId, Option<ChatUserId>)>,
    /// Where messages were changed, by which changes.
    changed: HashMap<ChatRoomId, (i64, i64)>,
    ended: Vec<String>,
    erased: Vec<ChatUserId>,
}

impl Messenger {
    /// Finds out what other servers did that people here are to hear. Nothing is announced
    /// by it: after a failure it can be asked again.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hear(
        &self,
        entries: &[Entry],
        is_here: impl Fn(ChatUserId) -> bool + Send + Sync,
    ) -> Result<ToAnnounce, Error> {
        for entry in entries {
            self.forget(&entry.items).await;
        }
        self.work_out(sort(entries, &is_here), is_here).await
    }

    /// Forgets what is not so any more, also of people who are not here at this moment.
    async fn forget(&self, items: &[Item]) {
        for item in items {
            match &item.event {
                Event::Changed { room, .. } => self.forget_changed(*room),
                Event::Erased { who, user, .. } => self.forget_erased(*who, user).await,
                _ => {}
            }
        }
    }

    /// The same with a hint, before it is in the log. What may have come before is
    /// not known then: of a chat room of which a person here does not know yet nothing is
    /// announced, so that they hear of the new contact first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hear_hint(
        &self,
        hint: &mut Hint,
        is_here: impl Fn(ChatUserId) -> bool + Send + Sync,
    ) -> Result<ToAnnounce, Error> {
        let mut sorted = Sorted::default();
        let knows = |who, other| !is_here(who) || self.presence.has_contact(who, other);
        for message in &hint.messages {
            let (from, to) = (message.from, message.to);
            if (is_here(from) || is_here(to)) && knows(from, to) && knows(to, from) {
                let room = sorted.rooms.entry(message.chat_room).or_default();
                room.members = Members::new(from, to);
                room.stored(message.seq);
                room.messages.push(message.clone());
            }
        }
        // what is left out is announced when it is read in the log
        hint.items.retain(|item| match item.event {
            Event::Advanced { reader, sender, .. } => {
                knows(reader, sender) && knows(sender, reader)
            }
            Event::Changed {
                members: [one, other],
                ..
            } => knows(one, other) && knows(other, one),
            _ => true,
        });
        self.forget(&hint.items).await;
        for item in &hint.items {
            sorted.add(&item.event, &is_here);
        }
        self.work_out(sorted, is_here).await
    }

    async fn work_out(
        &self,
        mut sorted: Sorted,
        is_here: impl Fn(ChatUserId) -> bool + Send + Sync,
    ) -> Result<ToAnnounce, Error> {
        let of_read = |error| Error::of_read(&error);
        // withheld messages do not say who their chat room's other member is
        let unknown = sorted
            .rooms
            .iter()
            .filter(|(_, room)| room.members.is_none());
        let unknown: Vec<ChatRoomId> = unknown.map(|(id, _)| *id).collect();
        let wanted = [unknown, sorted.contacts.clone()].concat();
        let documents = self.store.chat_rooms.list(&wanted).await.map_err(of_read)?;
        let documents: HashMap<ChatRoomId, ChatRoom> =
            documents.into_iter().map(|room| (room.id, room)).collect();
        for (id, room) in &mut sorted.rooms {
            let document = documents.get(id).map(|room| room.members);
            room.members = room.members.or(document);
        }
        let people = self.people_of(&sorted, &documents).await?;
        let mut to_announce = ToAnnounce {
            ended: sorted.ended,
            erased: sorted.erased,
            ..ToAnnounce::default()
        };
        for id in &sorted.contacts {
            let Some(room) = documents.get(id) else {
                continue;
            };
            for who in room.members.ids().into_iter().filter(|who| is_here(*who)) {
                let contact = self.new_contact(who, room, &people).await?;
                to_announce
                    .contacts
                    .extend(contact.map(|contact| (who, contact)));
            }
        }
        to_announce.commands = commands(sorted.rooms, &people);
        let changed = sorted.changed.into_iter();
        let changed = changed.map(|(room, revs)| self.changed_within(room, revs));
        let mut changed = stream::iter(changed).buffer_unordered(CHANGED_AT_ONCE);
        while let Some(changed) = changed.next().await {
            match changed {
                Ok(changed) => to_announce.changed.extend(changed),
                // a chat room that is not there any more, or cannot be read
                Err(Error::NoChatRoom | Error::Internal) => {}
                Err(error) => return Err(error),
            }
        }
        drop(changed);
        let changed: HashSet<ChatUserId> = sorted.privacy.iter().map(|(by, _)| *by).collect();
        let changed: Vec<ChatUserId> = changed.into_iter().collect();
        self.refresh_privacies(&changed).await?;
        for (by, who) in &sorted.privacy {
            let who = who.filter(|who| is_here(*who) && !is_here(*by));
            if let (Some(to), Some(user)) = (who, people.get(by)) {
                let of = Member {
                    id: *by,
                    user: Arc::clone(user),
                };
                let hidden_since = self.privacies.of(*by).await?.blocked_since(to);
                to_announce.sights.push(Sight {
                    of,
                    to,
                    hidden_since,
                });
            }
        }
        for (by, change) in sorted.privacy.iter().filter(|(by, _)| is_here(*by)) {
            let change = match change {
                // as it is by now: of two changes the older one may be heard last
                Some(who) => match people.get(who) {
                    Some(user) => {
                        let blocked = self.privacies.of(*by).await?.blocked_since(*who);
                        PrivacyChange::Blocked(user.id.clone(), blocked.is_some())
                    }
                    None => continue,
                },
                None => PrivacyChange::Settings(Arc::new(self.settings_of(*by).await?)),
            };
            to_announce.privacy.push((*by, change));
        }
        Ok(to_announce)
    }

    /// Everybody who is named in what is to be announced.
    async fn people_of(
        &self,
        sorted: &Sorted,
        documents: &HashMap<ChatRoomId, ChatRoom>,
    ) -> Result<HashMap<ChatUserId, Arc<User>>, Error> {
        let in_rooms = sorted.rooms.values().filter_map(|room| room.members);
        let in_contacts = sorted.contacts.iter().filter_map(|id| documents.get(id));
        let members = in_rooms.chain(in_contacts.map(|room| room.members));
        let blocked = sorted.privacy.iter();
        let blocked = blocked.filter_map(|(by, who)| Some([*by, (*who)?]));
        let blocked = blocked.flatten();
        let ids: HashSet<ChatUserId> = members.flat_map(|both| both.ids()).chain(blocked).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ChatUserId> = ids.into_iter().collect();
        self.users_of(&ids).await
    }

    /// The users behind chat users, mostly without a query.
    pub(super) async fn users_of(
        &self,
        ids: &[ChatUserId],
    ) -> Result<HashMap<ChatUserId, Arc<User>>, Error> {
        let mut known: HashMap<ChatUserId, UserId> = HashMap::new();
        let mut unknown = Vec::new();
        for id in ids {
            match self.users.get(id).await {
                Some(user) => drop(known.insert(*id, user)),
                None => unknown.push(*id),
            }
        }
        let found = self.store.chat_users.list(&unknown).await;
        for found in found.map_err(|error| Error::of_read(&error))? {
            self.users.insert(found.id, found.user.clone()).await;
            known.insert(found.id, found.user);
        }
        let users = self
            .directory
            .list(known.values().cloned().collect())
            .await?;
        let pairs = known.into_iter();
        let pairs = pairs.filter_map(|(id, user)| Some((id, Arc::clone(users.get(&user)?))));
        Ok(pairs.collect())
    }

    /// The other member of a new chat room, as one of them is shown them.
    async fn new_contact(
        &self,
        who: ChatUserId,
        room: &ChatRoom,
        people: &HashMap<ChatUserId, Arc<User>>,
    ) -> Result<Option<Arc<Contact>>, Error> {
        let Some(user) = people.get(&who) else {
            return Ok(None);
        };
        let me = Me {
            id: who,
            user: user.id.clone(),
        };
        self.presence.add_contacts(who, [room.other(who)]);
        let contact = self.describe(&me, vec![room.clone()]).await?.pop();
        Ok(contact.map(Arc::new))
    }

    /// Hands a command to its lane, waiting while that has too much to do.
    pub async fn submit_heard(&self, command: Command) {
        let mut command = command;
        while let Err(refused) = self.lanes.submit(command) {
            command = *refused;
            tokio::time::sleep(FULL).await;
        }
    }
}

/// Sorts out what is about people here.
fn sort(entries: &[Entry], is_here: impl Fn(ChatUserId) -> bool) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries {
        for message in &entry.messages {
            if is_here(message.from) || is_here(message.to) {
                let room = sorted.rooms.entry(message.room).or_default();
                room.members = room.members.or(Members::new(message.from, message.to));
                if message.to == ChatUserId::NOBODY {
                    room.members = None;
                }
                room.stored(message.seq);
            }
        }
        for item in &entry.items {
            sorted.add(&item.event, &is_here);
        }
    }
    sorted
}

impl InRoom {
    fn stored(&mut self, seq: Seq) {
        let (first, last) = self.stored.unwrap_or((seq, seq));
        self.stored = Some((first.min(seq), last.max(seq)));
    }
}

impl Sorted {
    fn add(&mut self, event: &Event, is_here: impl Fn(ChatUserId) -> bool) {
        match event {
            Event::Advanced {
                room,
                reader,
                sender,
                status,
                newest,
                oldest,
                at,
            } => {
                if !is_here(*reader) && !is_here(*sender) {
                    return;
                }
                let kind = match status {
                    Status::Read => ReceiptKind::Read,
                    Status::NotSent | Status::Sent => ReceiptKind::Sent,
                };
                let room = self.rooms.entry(*room).or_default();
                room.members = room.members.or(Members::new(*reader, *sender));
                room.advances.push(HeardAdvance {
                    reader: *reader,
                    kind,
                    newest: *newest,
                    oldest: *oldest,
                    at: *at,
                });
            }
            Event::Changed {
                room,
                members,
                first,
                last,
            } => {
                if members.iter().any(|who| is_here(*who)) {
                    let changed = self.changed.entry(*room).or_insert((*first, *last));
                    *changed = (changed.0.min(*first), changed.1.max(*last));
                }
            }
            Event::ContactAdded { room, members } => {
                if members.iter().any(|who| is_here(*who)) {
                    self.contacts.push(*room);
                }
            }
            Event::Blocked { by, who } | Event::Unblocked { by, who } => {
                self.privacy.push((*by, Some(*who)));
            }
            Event::PrivacySet { by } => self.privacy.push((*by, None)),
            Event::Erased { who, .. } => self.erased.push(*who),
            Event::Ended { user } => self.ended.push(user.clone()),
            // see `Watch::hear`; and what is for the application alone
            Event::Presence { .. }
            | Event::NotificationDue { .. }
            | Event::NotificationWithdrawn { .. } => {}
        }
    }
}

fn commands(
    rooms: HashMap<ChatRoomId, InRoom>,
    people: &HashMap<ChatUserId, Arc<User>>,
) -> Vec<Command> {
    let commands = rooms.into_iter().filter_map(|(room, heard)| {
        let [first, second] = heard.members?.ids();
        let member = |id| {
            let user = Arc::clone(people.get(&id)?);
            Some(Member { id, user })
        };
        Some(Command::Heard(Heard {
            room,
            members: [member(first)?, member(second)?],
            stored: heard.stored,
            messages: heard.messages,
            advances: heard.advances,
        }))
    });
    commands.collect()
}
