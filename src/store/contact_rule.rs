//! The application's own data about who may write to whom: read, never written.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};

use super::application_ids::ApplicationIds;
use super::documents::Documents;
use super::error::Error;
use crate::config;
use crate::id::UserId;

/// The longest the server may work on one query.
const LIMIT: Duration = Duration::from_secs(4);

/// `CHATZZ_CONTACT_RULE`, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct ContactRule {
    documents: Documents<Document>,
    rule: config::ContactRule,
    ids: ApplicationIds,
}

impl ContactRule {
    pub(super) fn new(
        documents: Documents<Document>,
        rule: &config::ContactRule,
        ids: ApplicationIds,
    ) -> Self {
        Self {
            documents,
            rule: rule.clone(),
            ids,
        }
    }

    /// The name of the collection, as operators know it.
    pub fn name(&self) -> String {
        self.documents.collection().namespace().to_string()
    }

    /// Whether `from` may write to `to`. Index: the application's.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn allows(&self, from: &UserId, to: &UserId) -> Result<bool, Error> {
        let [from, to] = [from, to].map(|user| self.ids.to_stored(user.clone()));
        self.matches(self.rule.about(&from, &to)).await
    }

    /// Evaluates the rule for two users who cannot exist, so that a rule that the server
    /// refuses is detected; returns whether the collection contains anything.
    ///
    /// # Errors
    /// When the database refuses or cannot answer.
    pub async fn probe(&self) -> Result<bool, Error> {
        let nobody = || Bson::from(ObjectId::new());
        self.matches(self.rule.about(&nobody(), &nobody())).await?;
        self.matches(doc! {}).await
    }

    async fn matches(&self, filter: Document) -> Result<bool, Error> {
        self.documents
            .run("contact_rule.matches", |collection| async move {
                let find = collection.find_one(filter).projection(doc! { "_id": 1 });
                Ok(find.max_time(LIMIT).await?.is_some())
            })
            .await
    }
}
