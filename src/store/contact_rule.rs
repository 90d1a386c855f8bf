//! The application's own data about who may write to whom: read, never written.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use serde::Deserialize;

use super::application_ids::ApplicationIds;
use super::documents::Documents;
use super::error::Error;
use super::raw::by_serde;
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

    /// Whether `from` may write to each of these, in one query. Index: the application's.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn allows_each(&self, from: &UserId, to: &[UserId]) -> Result<Vec<bool>, Error> {
        #[derive(Deserialize)]
        struct Allowed {
            place: i64,
        }
        by_serde!(Allowed);
        let from = self.ids.to_stored(from.clone());
        let one = |(place, to): (i64, &UserId)| {
            let filter = self.rule.about(&from, &self.ids.to_stored(to.clone()));
            let place = doc! { "_id": 0, "place": { "$literal": place } };
            [
                doc! { "$match": filter },
                doc! { "$limit": 1 },
                doc! { "$project": place },
            ]
        };
        let mut each = (0..).zip(to).map(one);
        let Some(first) = each.next() else {
            return Ok(Vec::new());
        };
        let collection = self.documents.name();
        let union = |stages: [Document; 3]| {
            doc! { "$unionWith": { "coll": collection, "pipeline": stages.to_vec() } }
        };
        let stages = first.into_iter().chain(each.map(union)).collect();
        let found: Vec<Allowed> = self
            .documents
            .aggregate("contact_rule.allows_each", stages)
            .await?;
        let mut allowed = vec![false; to.len()];
        for Allowed { place } in found {
            let place = usize::try_from(place).ok();
            if let Some(allowed) = place.and_then(|place| allowed.get_mut(place)) {
                *allowed = true;
            }
        }
        Ok(allowed)
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
