//! A look at the application's users at the start: a wrong name would otherwise
//! show only as `user-not-found` at every login.

use crate::config::{Config, IdType};
use crate::id::UserId;
use crate::store::Store;

/// Warns of a collection without users, and of ids of another type.
pub async fn warn_if_unusable(store: &Store, config: &Config) {
    let mongo = &config.mongodb;
    let users = format!("{}.{}", mongo.user_database, mongo.user_collection);
    match store.users.find_any_id().await {
        Ok(None) => tracing::warn!(
            "{users} holds no users: nobody can log in yet; \
             see CHATZZ_USER_DATABASE and CHATZZ_USER_COLLECTION"
        ),
        Ok(Some(id)) if !id.as_ref().is_some_and(|id| fits(config.users.id_type, id)) => {
            tracing::warn!(
                "the ids of {users} are of another type than CHATZZ_USER_ID_TYPE says: \
                 such users cannot log in"
            );
        }
        Ok(Some(_)) => {}
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "{users} cannot be read: the account needs `find` on it"
        ),
    }
}

fn fits(wanted: IdType, id: &UserId) -> bool {
    match wanted {
        IdType::Auto => true,
        IdType::ObjectId => matches!(id, UserId::ObjectId(_)),
        IdType::String => matches!(id, UserId::String(_)),
        IdType::Int => matches!(id, UserId::Int(_)),
        IdType::Uuid => matches!(id, UserId::Uuid(_) | UserId::LegacyUuid(_)),
    }
}
