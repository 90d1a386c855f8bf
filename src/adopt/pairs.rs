//! Two people's chat rooms become one, and its messages are numbered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bson::{Bson, RawDocumentBuf};
use futures::StreamExt as _;

use super::conversation::{Conversation, OldMessage};
use super::run::Run;
use super::{AdoptError, Step};
use crate::id::ChatRoomId;
use crate::store::adopt::{Adoption, Kind, Pair, Reason, Twins, Which};
use crate::store::{Error, Scan};

/// Pairs that are read together.
const PORTION: usize = 100;
/// Portions at the same time.
const AT_ONCE: usize = 4;
/// Messages stored at once, and their bytes.
const MESSAGES_AT_ONCE: usize = 1_000;
pub(super) const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

impl Run<'_> {
    /// Takes over every pair that is not complete, several portions at once; those with
    /// several chat users come last.
    pub(super) async fn pairs(
        &mut self,
        twins: &Twins,
        of_twins: &[Pair],
    ) -> Result<(), AdoptError> {
        let of_twins = of_twins.chunks(PORTION).map(|some| Ok(some.to_vec()));
        let of_twins: Vec<_> = of_twins.collect();
        let pairs = self.adoption.scan_pairs(twins);
        let (adoption, twins) = (self.adoption.clone(), Arc::new(twins.clone()));
        // ends the others after a failure
        let stop = self.options.stop.child_token();
        let stopped = stop.clone();
        let portions = portions(pairs).chain(futures::stream::iter(of_twins));
        let portions = portions.take_while(|_| futures::future::ready(!stopped.is_cancelled()));
        let taken = portions.map(|portion| {
            let (adoption, twins) = (adoption.clone(), Arc::clone(&twins));
            // in a task of its own: it uses another processor, and is never dropped half-way
            let task = tokio::spawn(async move { take_over(&adoption, portion?, &twins).await });
            async move { task.await.map_err(|_| Error::Abandoned)? }
        });
        let mut taken = Box::pin(taken.buffer_unordered(AT_ONCE));
        let mut outcome = Ok(());
        while let Some(messages) = taken.next().await {
            match messages {
                Ok(messages) => self.messages += messages,
                Err(error) => outcome = outcome.and(Err(error)),
            }
            if outcome.is_ok() {
                outcome = self.done(Step::Rooms);
            }
            if outcome.is_err() {
                stop.cancel();
            }
        }
        outcome?;
        self.heed_stop()
    }
}

/// Pairs in portions.
fn portions(
    pairs: Scan<Result<Pair, crate::store::Unreadable>>,
) -> impl futures::Stream<Item = Result<Vec<Pair>, AdoptError>> {
    futures::stream::unfold(Some(pairs), |pairs| async {
        let mut pairs = pairs?;
        let mut portion = Vec::with_capacity(PORTION);
        while portion.len() < PORTION {
            match pairs.next().await {
                Ok(Some(Ok(pair))) => portion.push(pair),
                Ok(None) if portion.is_empty() => return None,
                Ok(None) => break,
                Ok(Some(Err(error))) => return Some((Err(error.into()), None)),
                Err(error) => return Some((Err(error.into()), None)),
            }
        }
        Some((Ok(portion), Some(pairs)))
    })
}

/// Takes over some pairs; returns how many messages that were.
async fn take_over(
    adoption: &Adoption,
    portion: Vec<Pair>,
    twins: &Twins,
) -> Result<u64, AdoptError> {
    let rooms = portion
        .iter()
        .filter_map(|pair| pair.rooms.first().copied());
    let complete = adoption.list_rooms(rooms.collect()).await?;
    let members = portion.iter().flat_map(|pair| pair.members.ids());
    let members = adoption.list_users(members.collect()).await?;
    let is_new = |pair: &Pair| {
        pair.rooms
            .first()
            .is_some_and(|room| !complete.contains(room))
    };
    let has_members = |pair: &Pair| pair.members.ids().iter().all(|one| members.contains(one));

    let mut taking = Taking::new(adoption, twins);
    let mut single = Vec::with_capacity(portion.len());
    for pair in portion.into_iter().filter(is_new) {
        if !has_members(&pair) {
            let ids = pair.rooms.iter().copied().map(Bson::from).collect();
            taking
                .set_aside(Kind::ChatRooms, Reason::MemberMissing, ids)
                .await?;
        } else if let [_] = pair.rooms.as_slice() {
            single.push(pair);
        } else {
            let merged = pair.rooms.iter().skip(1).copied().map(Bson::from).collect();
            taking
                .set_aside(Kind::ChatRooms, Reason::Merged, merged)
                .await?;
            let rooms = pair.rooms.clone();
            taking
                .take(&[pair], adoption.scan_messages(&rooms, true))
                .await?;
        }
    }
    let rooms: Vec<ChatRoomId> = single.iter().flat_map(|pair| pair.rooms.clone()).collect();
    taking
        .take(&single, adoption.scan_messages(&rooms, false))
        .await?;
    Ok(taking.messages)
}

/// What is being stored.
struct Taking<'a> {
    adoption: &'a Adoption,
    twins: &'a Twins,
    new: Vec<RawDocumentBuf>,
    bytes: usize,
    aside: BTreeMap<Reason, Vec<Bson>>,
    messages: u64,
}

impl<'a> Taking<'a> {
    fn new(adoption: &'a Adoption, twins: &'a Twins) -> Self {
        Self {
            adoption,
            twins,
            new: Vec::new(),
            bytes: 0,
            aside: BTreeMap::new(),
            messages: 0,
        }
    }

    /// Takes the messages of pairs, and then stores their chat rooms as complete.
    async fn take(
        &mut self,
        pairs: &[Pair],
        mut messages: Scan<RawDocumentBuf>,
    ) -> Result<(), AdoptError> {
        let mut conversations: Vec<Conversation> = Vec::with_capacity(pairs.len());
        let mut places: HashMap<ChatRoomId, usize> = HashMap::new();
        for pair in pairs {
            let place = conversations.len();
            places.extend(pair.rooms.iter().map(|room| (*room, place)));
            conversations.extend(Conversation::new(pair));
        }
        while let Some(message) = messages.next().await? {
            self.messages += 1;
            let room = message
                .get("chatRoom")
                .ok()
                .flatten()
                .and_then(ChatRoomId::from_raw);
            let place = room.and_then(|room| places.get(&room));
            let Some(conversation) = place.and_then(|place| conversations.get_mut(*place)) else {
                continue;
            };
            match OldMessage::read(&message, conversation.members(), self.twins) {
                Ok(old) => self.keep(conversation.take(&old)).await?,
                Err(reason) => self.put_aside(reason, &message).await?,
            }
        }
        self.store().await?;
        for (reason, ids) in std::mem::take(&mut self.aside) {
            self.set_aside(Kind::Messages, reason, ids).await?;
        }
        let rooms: Vec<_> = conversations
            .into_iter()
            .map(Conversation::into_room)
            .collect();
        Ok(self.adoption.insert_rooms(&rooms).await?)
    }

    async fn keep(&mut self, message: RawDocumentBuf) -> Result<(), AdoptError> {
        self.bytes += message.as_bytes().len();
        self.new.push(message);
        if self.new.len() >= MESSAGES_AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.store().await?;
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), AdoptError> {
        self.bytes = 0;
        let new = std::mem::take(&mut self.new);
        Ok(self.adoption.insert_messages(new).await?)
    }

    async fn put_aside(
        &mut self,
        reason: Reason,
        message: &RawDocumentBuf,
    ) -> Result<(), AdoptError> {
        let id = message.get("_id").ok().flatten().map(Bson::try_from);
        let ids = self.aside.entry(reason).or_default();
        ids.extend(id.and_then(Result::ok));
        if ids.len() >= MESSAGES_AT_ONCE {
            let ids = std::mem::take(ids);
            self.set_aside(Kind::Messages, reason, ids).await?;
        }
        Ok(())
    }

    async fn set_aside(
        &self,
        kind: Kind,
        reason: Reason,
        ids: Vec<Bson>,
    ) -> Result<(), AdoptError> {
        Ok(self
            .adoption
            .set_aside(kind, Which::Ids(ids), reason)
            .await?)
    }
}
