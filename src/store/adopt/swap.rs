//! The new collections take the names of the old ones; and the way back.

use bson::{Document, doc};

use super::{Adoption, Kind, State, Totals, on_a_majority, open};
use crate::store::Error;

/// Where the collections of a kind are.
#[derive(Clone, Copy, Debug)]
struct There {
    /// Under the configured name.
    configured: bool,
    staged: bool,
    before: bool,
}

impl Adoption {
    async fn there(&self, kind: Kind) -> Result<There, Error> {
        let names = self.names_in(&self.store.database).await?;
        let is_there = |wanted: &str| names.iter().any(|name| name == wanted);
        Ok(There {
            configured: is_there(self.places.of(kind)),
            staged: is_there(&self.places.staged(kind)),
            before: is_there(&self.places.before(kind)),
        })
    }

    /// Gives the new collection of a kind its name. The old one, if it is in the way, gets
    /// another. May be done again. Returns whether it could be: not when both are in the
    /// way, as after a write of chatzz 1.x, or when another database holds documents there.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    pub async fn swap(&self, kind: Kind) -> Result<bool, Error> {
        let there = self.there(kind).await?;
        if !there.staged {
            return Ok(true);
        }
        if (there.configured && there.before) || self.is_taken(kind, there).await? {
            return Ok(false);
        }
        let (configured, staged) = (self.places.of(kind), self.places.staged(kind));
        if there.configured {
            if self.is_in_place() {
                self.rename(configured, &self.places.before(kind), false)
                    .await?;
            } else {
                // created empty, as a start of the server does
                self.drop_new(configured).await?;
            }
        }
        self.rename(&staged, configured, false).await?;
        Ok(true)
    }

    /// Lists the kinds whose new collection has not got its name, and whose old one still
    /// has it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_unswapped(&self) -> Result<Vec<Kind>, Error> {
        let mut kinds = Vec::new();
        for kind in Kind::ALL {
            let there = self.there(kind).await?;
            kinds.extend((there.staged && !there.before).then_some(kind));
        }
        Ok(kinds)
    }

    /// Whether the new collection of a kind has got its name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn is_swapped(&self, kind: Kind) -> Result<bool, Error> {
        Ok(!self.there(kind).await?.staged)
    }

    /// Finds a collection that somebody has written to under a name that a new one is about
    /// to take.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_taken(&self) -> Result<Option<String>, Error> {
        for kind in Kind::ALL {
            if self.is_taken(kind, self.there(kind).await?).await? {
                return Ok(Some(self.places.of(kind).to_owned()));
            }
        }
        Ok(None)
    }

    /// Finds an old collection that was there when the adoption began, and is gone since it
    /// got another name; with another database, one that held documents there.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_gone(&self, state: &State) -> Result<Option<String>, Error> {
        let names = self.names_in(&self.source).await?;
        let is_gone = |name: &String| !names.contains(name);
        for kind in Kind::ALL {
            let configured = self.places.of(kind).to_owned();
            let old = if !self.is_in_place() {
                (state.look.totals().of(kind) > 0).then_some(configured)
            } else if state.existed.contains(&configured) && self.is_swapped(kind).await? {
                Some(self.places.before(kind))
            } else {
                None
            };
            if let Some(gone) = old.filter(is_gone) {
                return Ok(Some(gone));
            }
        }
        Ok(None)
    }

    /// Whether what has the configured name is neither the old collection nor the new one.
    async fn is_taken(&self, kind: Kind, there: There) -> Result<bool, Error> {
        let is_other = there.before || !self.is_in_place();
        Ok(there.staged && there.configured && is_other && self.count_named(kind).await? > 0)
    }

    /// Puts the old collection of a kind back, in the place of the new one. May be done
    /// again.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    pub async fn put_back(&self, kind: Kind, state: &State) -> Result<(), Error> {
        let there = self.there(kind).await?;
        let configured = self.places.of(kind);
        if there.before {
            self.rename(&self.places.before(kind), configured, true)
                .await?;
        } else if !there.staged && !state.existed.iter().any(|name| name == configured) {
            self.drop_new(configured).await?;
        }
        Ok(())
    }

    async fn rename(&self, from: &str, to: &str, replace: bool) -> Result<(), Error> {
        let full = |name: &str| format!("{}.{name}", self.store.database.name());
        let rename = doc! {
            "renameCollection": full(from),
            "to": full(to),
            "dropTarget": replace,
            "writeConcern": on_a_majority(),
        };
        self.administrate("adopt.rename", rename).await
    }

    async fn administrate(&self, name: &'static str, command: Document) -> Result<(), Error> {
        let admin = self.store.client.database("admin");
        self.step(
            name,
            async move { admin.run_command(command).await.map(drop) },
        )
        .await
    }

    /// Counts what is stored under the configured names.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_adopted(&self) -> Result<Totals, Error> {
        let mut totals = Totals::default();
        for kind in Kind::ALL {
            *totals.of_mut(kind) = self.count_named(kind).await?;
        }
        Ok(totals)
    }

    /// Counts the messages that chatzz 1.x has stored among the new ones.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unnumbered(&self) -> Result<u64, Error> {
        let messages = open(&self.store.database, self.places.of(Kind::Messages));
        let counted = async move {
            messages
                .count_documents(doc! { "seq": { "$exists": false } })
                .await
        };
        self.step("adopt.count_unnumbered", counted).await
    }

    async fn count_named(&self, kind: Kind) -> Result<u64, Error> {
        let collection = open(&self.store.database, self.places.of(kind));
        let counted = async move { collection.count_documents(doc! {}).await };
        self.step("adopt.count_adopted", counted).await
    }

    /// Removes what is left of an adoption that was undone, and its state last.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn remove_rest(&self, state: &State) -> Result<(), Error> {
        self.drop_index().await?;
        self.drop_staged().await?;
        let [others @ .., meta] = &self.places.others;
        for name in others.iter().filter(|name| !state.existed.contains(name)) {
            self.drop_new(name).await?;
        }
        if self.had_meta(state) {
            self.remove_state().await
        } else {
            self.drop_new(meta).await
        }
    }

    /// Whether the collection of the state and the lock was there before the adoption.
    pub fn had_meta(&self, state: &State) -> bool {
        state.existed.contains(&self.store.names.meta)
    }
}
