//! The types of events that the application may hear of.

use super::parse::shown;

/// A type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A message was stored.
    MessageCreated,
    /// Messages were read.
    MessageRead,
    /// The application removed what messages said.
    MessageRedacted,
    /// Two people got a chat room.
    ContactAdded,
    /// Somebody blocked a user.
    UserBlocked,
    /// Somebody unblocked a user.
    UserUnblocked,
    /// What was stored of somebody was removed.
    UserErased,
    /// Somebody is to be notified of messages.
    NotificationDue,
    /// They have read them.
    NotificationWithdrawn,
    /// Somebody came online.
    UserOnline,
    /// Somebody went offline.
    UserOffline,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::MessageCreated,
        Self::MessageRead,
        Self::MessageRedacted,
        Self::ContactAdded,
        Self::UserBlocked,
        Self::UserUnblocked,
        Self::UserErased,
        Self::NotificationDue,
        Self::NotificationWithdrawn,
        Self::UserOnline,
        Self::UserOffline,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageCreated => "message.created",
            Self::MessageRead => "message.read",
            Self::MessageRedacted => "message.redacted",
            Self::ContactAdded => "contact.added",
            Self::UserBlocked => "user.blocked",
            Self::UserUnblocked => "user.unblocked",
            Self::UserErased => "user.erased",
            Self::NotificationDue => "notification.due",
            Self::NotificationWithdrawn => "notification.withdrawn",
            Self::UserOnline => "user.online",
            Self::UserOffline => "user.offline",
        }
    }

    /// Whether it is wanted by whoever does not say what they want: presence, of which there
    /// is much, is not.
    pub const fn is_usual(self) -> bool {
        !matches!(self, Self::UserOnline | Self::UserOffline)
    }

    /// The types of a list with commas.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let named = |word: &str| Self::ALL.into_iter().find(|one| one.as_str() == word);
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let words = text.split(',').map(str::trim);
        words
            .map(|word| {
                named(word).ok_or_else(|| {
                    format!(
                        "{} is not a type of event; write some of {}, with commas",
                        shown(word),
                        known()
                    )
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_types_is_read_and_a_word_that_is_none_is_named() {
        let all = EventType::ALL.map(EventType::as_str).join(", ");
        assert_eq!(EventType::parse_list(&all).unwrap(), EventType::ALL);
        let refused = EventType::parse_list("message.created,message.sent").unwrap_err();
        assert!(
            refused.starts_with("`message.sent` is not a type of event"),
            "{refused}"
        );
        EventType::parse_list("").unwrap_err();
    }

    #[test]
    fn what_is_posted_by_default_is_what_is_pulled_by_default() {
        let example = include_str!("../../.env.example");
        let posted = example
            .lines()
            .find_map(|line| line.strip_prefix("#CHATZZ_EVENTS_TYPES="));
        let usual: Vec<_> = EventType::ALL
            .into_iter()
            .filter(|one| one.is_usual())
            .collect();
        assert_eq!(EventType::parse_list(posted.unwrap()).unwrap(), usual);
    }
}
