//! Runs made of numbers: any list of steps is a run.

use super::{Draft, Reply, World};
use crate::history::Close;

/// A step: what is done, by whom, with whom, and a number more.
pub(crate) type Step = (u8, u8, u8, u8);

/// Plays steps with some people who all know each other.
pub(crate) fn play(people: usize, steps: impl IntoIterator<Item = Step>) -> World {
    let mut world = World::of(people);
    for person in 0..people {
        let c = world.enter(person);
        for other in person + 1..people {
            world.befriend(c, other);
        }
    }
    let mut open: Vec<Draft> = Vec::new();
    for (what, by, with, number) in steps {
        let person = usize::from(by) % people;
        let other = (person + 1 + usize::from(with) % (people - 1)) % people;
        let c = world.connection(person, number);
        let last = world.last(c, other);
        match what % 32 {
            0..=11 => {
                world.send(c, other);
            }
            12 => {
                let draft = world.plain(person, other);
                let stored = number % 2 == 0;
                world.submit(
                    c,
                    &draft,
                    if number % 3 == 0 {
                        Reply::Unknown(stored)
                    } else {
                        Reply::Ok
                    },
                );
            }
            13 | 14 => {
                let draft = world.draft(person, other);
                let reply = match number % 5 {
                    0 => Reply::Failed,
                    1 => Reply::Unknown(true),
                    2 => Reply::Unknown(false),
                    3 => Reply::Lost(true),
                    _ => Reply::Lost(false),
                };
                world.submit(c, &draft, reply);
                open.push(draft);
            }
            15..=17 => {
                let Some(draft) = open.pop() else {
                    continue;
                };
                let c = world.connection(draft.from, number);
                world.submit(c, &draft, Reply::Ok);
                if number % 2 == 0 {
                    open.insert(0, draft);
                }
            }
            18 => world.read_one(c, other, last.saturating_sub(u64::from(number % 5))),
            19 | 20 => world.read(c, other, last.saturating_sub(u64::from(number % 3))),
            21..=23 => world.delivered(c, other, last),
            24 => {
                world.page(c, other, None, 1 + u64::from(number % 9), None);
            }
            25 => world.page_after(c, other, last.saturating_sub(4), 1 + u64::from(number % 9)),
            26 if number % 4 == 0 => world.walk(c, other, last / 3 + 1),
            27 => {
                world.enter(person);
            }
            28 | 29 => {
                let how = [Close::Clean, Close::Cut, Close::Silent, Close::Lost];
                world.close(c, how[usize::from(number) % how.len()]);
            }
            30 if number % 16 == 0 => world.crash(u64::from(number) * 10),
            _ => world.wait(u64::from(number) * 8),
        }
    }
    world
}

impl World {
    /// A connection of a person who receives, opened if there is none.
    fn connection(&mut self, person: usize, number: u8) -> u64 {
        let hears = |c: &&u64| self.conns.get(c).is_some_and(|conn| conn.hears);
        let own: Vec<u64> = self.people[person]
            .conns
            .iter()
            .filter(hears)
            .copied()
            .collect();
        match own.as_slice() {
            [] => self.enter(person),
            own => own[usize::from(number) % own.len()],
        }
    }
}

/// Numbers that look random, always the same: the generator is `SplitMix64`
/// (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Iterator for Random {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let [a, b, c, d, ..] = mixed.to_le_bytes();
        Some((a, b, c, d))
    }
}
