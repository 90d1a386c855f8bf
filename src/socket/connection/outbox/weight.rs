//! How much of what others caused waits for a socket.

use std::collections::HashMap;

use crate::id::ChatRoomId;
use crate::socket::connection::packet::Packet;

/// Bytes of packets that wait or are held back, and how many they are.
#[derive(Debug, Default)]
pub(super) struct Weight {
    /// Of messages in all.
    texts: Share,
    /// The same of each chat room: so much one sender causes.
    by_room: HashMap<ChatRoomId, usize>,
    /// Of everything else.
    rest: Share,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    pub(super) packets: usize,
    pub(super) bytes: usize,
}

impl Weight {
    pub(super) fn add(&mut self, packet: &Packet) {
        let bytes = packet.size();
        let share = match packet.text_of {
            Some(room) => {
                *self.by_room.entry(room).or_default() += bytes;
                &mut self.texts
            }
            None => &mut self.rest,
        };
        share.packets += 1;
        share.bytes += bytes;
    }

    pub(super) fn remove(&mut self, packet: &Packet) {
        let bytes = packet.size();
        let share = match packet.text_of {
            Some(room) => {
                if let Some(of_room) = self.by_room.get_mut(&room) {
                    *of_room = of_room.saturating_sub(bytes);
                    if *of_room == 0 {
                        self.by_room.remove(&room);
                    }
                }
                &mut self.texts
            }
            None => &mut self.rest,
        };
        share.packets = share.packets.saturating_sub(1);
        share.bytes = share.bytes.saturating_sub(bytes);
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.bytes + self.rest.bytes
    }

    pub(super) fn texts(&self) -> Share {
        self.texts
    }

    pub(super) fn of_room(&self, room: ChatRoomId) -> usize {
        self.by_room.get(&room).copied().unwrap_or_default()
    }

    pub(super) fn rest(&self) -> Share {
        self.rest
    }
}
