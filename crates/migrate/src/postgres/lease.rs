//! The lock behind a pooler in transaction mode: a row with a term, and a fence in each transaction.
//!
//! There a session belongs to us for one transaction only, so nothing that lasts may be kept in it. The row
//! `mainstay_lock (key, token, holder, taken_at, expires_at)` in the ledger's schema lasts. Its holder renews it every
//! third of its term; its token grows by one with each holder, and *the lease is ours* means: the row bears our token.
//!
//! Why two can never work at once:
//!
//! - **Two takers.** Each takes in one transaction: the advisory lock of the key (`pg_try_advisory_xact_lock`), then the row
//!   `FOR UPDATE`, then a new token. The transaction is READ COMMITTED, so the row is read after the lock was given, and a
//!   transaction lets go of its locks after its changes can be seen. The table is made under the same lock.
//! - **A taker and a holder of the session lock.** They want the same key, so the taker is refused while the other holds it.
//!   Whoever gets the session lock looks at the row then: no new lease can begin under it, a living one is waited for,
//!   and a dead one loses its token.
//! - **A taker and a session that a killed holder of the session lock left at work.** It shares a key of its own for as long as
//!   the server has it ([`crate::lock::work_key`]); the taker wants that one too.
//! - **A taker and a holder that stalled.** Work is done in transactions that begin with the fence: it fails unless the row
//!   bears our token, and locks the row `FOR KEY SHARE` until the transaction ends. A taker wants it `FOR UPDATE`, which has
//!   to wait for that (it does not wait, it asks again later), while renewing the row (`FOR NO KEY UPDATE`) does not. So
//!   either the fence comes first, and the transaction ends before anybody takes over; or the takeover does, and nothing
//!   of the transaction is kept. How long the stall was, and what the holder believes, does not matter.
//! - **Clocks.** Only the server's clock is compared, with what it wrote itself. The holder's own count
//!   ([`crate::lock::lease::Vigil`]) only ends its work early.
//!
//! What no fence can guard: a statement outside a transaction (`CREATE INDEX CONCURRENTLY`), and an external command. They
//! rely on the term alone.

mod heart;
pub(super) mod row;

pub(crate) use crate::lock::lease::LENGTH;
pub(crate) use row::FENCED;

use super::guard::Keys;
use crate::{Activity, Holder, MigrateError};
use config::dsn::PostgresDsn;
use database::postgres::Session;
use heart::Heart;
use row::{Attempt, Row};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The term ends by itself; more time than this is not spent on ending it.
const RELEASE: Duration = Duration::from_secs(5);

/// A lease, wanted or held.
pub(crate) struct Lease {
    session: Session,
    dsn: PostgresDsn,
    name: String,
    row: Row,
    theirs: Vec<i64>,
    length: Duration,
    held: Option<Held>,
    in_the_way: Holder,
}

/// A lease that is ours as far as we know.
struct Held {
    token: i64,
    heart: Heart,
}

impl Lease {
    /// Nothing is taken yet.
    pub(crate) fn new(session: Session, dsn: PostgresDsn, name: String, keys: &Keys<'_>, length: Duration) -> Self {
        Self {
            session,
            dsn,
            name,
            row: Row::new(keys.schema, keys.ours),
            theirs: keys.theirs.to_vec(),
            length,
            held: None,
            in_the_way: Holder::default(),
        }
    }

    pub(crate) async fn try_take(&mut self) -> Result<bool, MigrateError> {
        let asked = Instant::now();
        match self.row.take(&self.session, &self.theirs, &self.name, self.length).await? {
            Attempt::Taken(token) => {
                let beat = heart::Beat {
                    dsn: self.dsn.clone(),
                    name: self.name.clone(),
                    row: self.row.clone(),
                    token,
                    length: self.length,
                };
                self.held = Some(Held { token, heart: Heart::start(beat, asked) });
                Ok(true)
            }
            Attempt::Held(holder) => {
                self.in_the_way = holder;
                Ok(false)
            }
        }
    }

    pub(crate) async fn holder(&self) -> Result<Holder, MigrateError> {
        let mut holder = self.in_the_way.clone();
        // A row says nothing about the statement; who holds the session lock was asked all.
        if let (None, Some(name)) = (&holder.activity, &holder.application) {
            let statement = super::guard::sibling(&self.session, name, 0).await?;
            holder.activity = Some(Box::new(Activity { statement, silent: None }));
        }
        Ok(holder)
    }

    /// By our own count, and by the row.
    pub(crate) async fn is_ours(&self) -> bool {
        let Some(held) = &self.held else { return false };
        let limit = self.length / 3;
        held.heart.is_ours() && matches!(timeout(limit, self.row.bears(&self.session, held.token)).await, Ok(Ok(true)))
    }

    /// The statement that lets a transaction go on only while the lease is ours.
    pub(crate) fn fence(&self) -> Option<String> {
        self.held.as_ref().map(|held| self.row.fence(held.token, &self.theirs))
    }

    /// False when it was somebody else's.
    pub(crate) async fn release(self) -> bool {
        let Some(Held { token, heart }) = self.held else { return false };
        drop(heart);
        let released = timeout(RELEASE, self.row.give_back(&self.session, token)).await;
        self.session.close().await;
        !matches!(released, Ok(Ok(false)))
    }
}

#[cfg(test)]
mod tests;
