//! Ids of the queries that are being executed: as in a server, each stands for one at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::exception::{Exception, code};

/// The ids that are taken. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Arc<Mutex<HashSet<String>>>);

/// An id that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Claims,
    id: String,
}

impl Claims {
    /// **Errors**: code 216 if the id is taken.
    pub(crate) fn take(&self, id: &str) -> Result<Claim, Exception> {
        if self.ids().insert(id.to_owned()) {
            return Ok(Claim {
                claims: self.clone(),
                id: id.to_owned(),
            });
        }
        Err(Exception::new(
            code::QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
            format_args!(
                "Query with id = {id} is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)"
            ),
        ))
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_until_its_query_ends() {
        let claims = Claims::default();
        let claim = claims.take("a").unwrap();
        assert!(claims.take("b").is_ok());
        let refused = claims.take("a").unwrap_err();
        assert!(refused.text.contains("already running"), "{refused:?}");
        drop(claim);
        assert!(claims.take("a").is_ok());
    }
}
