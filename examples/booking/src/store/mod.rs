//! The data, in SQLite or PostgreSQL, with the same statements.
//!
//! Rules that must hold under concurrency are constraints of the database, so every write here is one statement and
//! needs no lock and no transaction of its own.

mod postgres;
mod sqlite;
mod value;

use crate::{Error, settings::Database};
use serde::Serialize;
use value::{Row, Value};

/// The data.
pub struct Store(Backend);

enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(Box<postgres::Postgres>),
}

/// Something that can be booked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Identifier.
    pub id: String,
    /// Name, unique.
    pub name: String,
    /// Length of its slots.
    pub minutes: i64,
}

/// A time at which a service can be booked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Identifier.
    pub id: String,
    /// Of which service.
    pub service_id: String,
    /// Seconds since 1970, UTC.
    pub starts_at: i64,
    /// Seconds since 1970, UTC.
    pub ends_at: i64,
}

/// Somebody's claim to a slot.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Booking {
    /// Identifier.
    pub id: String,
    /// Which slot.
    pub slot_id: String,
    /// Whose.
    pub customer: String,
    /// `booked`, `cancelled` or `completed`.
    pub status: String,
}

impl Store {
    /// Opens the data. PostgreSQL is connected to with the first statement.
    pub async fn open(database: &Database) -> Result<Self, Error> {
        Ok(Self(match database {
            Database::Sqlite(path) => Backend::Sqlite(sqlite::Sqlite::open(path)?),
            Database::Postgres(url) => Backend::Postgres(Box::new(postgres::Postgres::new(url)?)),
        }))
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), Error> {
        self.rows("select 1", &[]).await.map(drop)
    }

    /// All services, by name.
    pub async fn services(&self) -> Result<Vec<Service>, Error> {
        let rows = self.rows("select id, name, minutes from services order by name", &[]).await?;
        Ok(rows.into_iter().map(Service::from).collect())
    }

    /// Adds a service; its name must be new.
    pub async fn add_service(&self, name: &str, minutes: i64) -> Result<Service, Error> {
        let id = new_id();
        let sql = "insert into services (id, name, minutes) values ($1, $2, $3)";
        self.change(sql, &[id.as_str().into(), name.into(), minutes.into()], "the name is taken").await?;
        Ok(Service { id, name: name.to_owned(), minutes })
    }

    /// Opens a slot of a service.
    pub async fn add_slot(&self, service_id: &str, starts_at: i64) -> Result<Slot, Error> {
        let id = new_id();
        let sql = "insert into slots (id, service_id, starts_at, ends_at) \
                   select $1, id, $2, $2 + minutes * 60 from services where id = $3";
        let values = [id.as_str().into(), starts_at.into(), service_id.into()];
        match self.change(sql, &values, "there is a slot at this time").await? {
            0 => Err(Error::NotFound("service")),
            _ => self.slot(&id).await,
        }
    }

    async fn slot(&self, id: &str) -> Result<Slot, Error> {
        let sql = "select id, service_id, starts_at, ends_at from slots where id = $1";
        let row = self.rows(sql, &[id.into()]).await?.into_iter().next();
        row.map(Slot::from).ok_or(Error::NotFound("slot"))
    }

    /// The free slots of a service that begin in `from..to`.
    pub async fn free_slots(&self, service_id: &str, from: i64, to: i64) -> Result<Vec<Slot>, Error> {
        let sql = "select id, service_id, starts_at, ends_at from slots \
                   where service_id = $1 and starts_at >= $2 and starts_at < $3 \
                   and not exists (select 1 from bookings where slot_id = slots.id and status <> 'cancelled') \
                   order by starts_at limit 500";
        let rows = self.rows(sql, &[service_id.into(), from.into(), to.into()]).await?;
        Ok(rows.into_iter().map(Slot::from).collect())
    }

    /// Books a slot. The database refuses the second of two.
    pub async fn book(&self, slot_id: &str, customer: &str, now: i64) -> Result<Booking, Error> {
        let id = new_id();
        let sql =
            "insert into bookings (id, slot_id, customer, booked_at) select $1, id, $2, $3 from slots where id = $4";
        let values = [id.as_str().into(), customer.into(), now.into(), slot_id.into()];
        match self.change(sql, &values, "the slot is taken").await? {
            0 => Err(Error::NotFound("slot")),
            _ => self.booking(&id).await,
        }
    }

    /// One booking.
    pub async fn booking(&self, id: &str) -> Result<Booking, Error> {
        let sql = "select id, slot_id, customer, status from bookings where id = $1";
        let row = self.rows(sql, &[id.into()]).await?.into_iter().next();
        row.map(Booking::from).ok_or(Error::NotFound("booking"))
    }

    /// Cancels a booking, whose slot is free from then on. Cancelling twice changes nothing.
    pub async fn cancel(&self, id: &str) -> Result<Booking, Error> {
        let sql = "update bookings set status = 'cancelled' where id = $1 and status = 'booked'";
        self.change(sql, &[id.into()], "").await?;
        match self.booking(id).await? {
            booking if booking.status == "completed" => Err(Error::Conflict("the booking is over")),
            booking => Ok(booking),
        }
    }

    /// Completes the bookings whose slot is over; answers how many.
    pub async fn complete_past(&self, now: i64) -> Result<u64, Error> {
        let sql = "update bookings set status = 'completed' where status = 'booked' \
                   and slot_id in (select id from slots where ends_at <= $1)";
        self.change(sql, &[now.into()], "").await
    }

    /// Marks the bookings that begin in `now..until` as reminded and answers with their id and customer, each once.
    pub async fn remind(&self, now: i64, until: i64) -> Result<Vec<(String, String)>, Error> {
        let sql = "update bookings set reminded = 1 where status = 'booked' and reminded = 0 \
                   and slot_id in (select id from slots where starts_at >= $1 and starts_at < $2) \
                   returning id, customer";
        let rows = self.rows(sql, &[now.into(), until.into()]).await?;
        Ok(rows.into_iter().map(|row| (row.text(0), row.text(1))).collect())
    }

    async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.rows(sql, values),
            Backend::Postgres(postgres) => postgres.rows(sql, values).await,
        }
    }

    /// Answers how many rows changed; a broken unique constraint is a conflict and is told as `taken`.
    async fn change(&self, sql: &str, values: &[Value], taken: &'static str) -> Result<u64, Error> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.change(sql, values, taken),
            Backend::Postgres(postgres) => postgres.change(sql, values, taken).await,
        }
    }
}

/// 80 random bits: unique among all that one application will ever make.
fn new_id() -> String {
    format!("{:016x}{:04x}", fastrand::u64(..), fastrand::u16(..))
}

impl From<Row> for Service {
    fn from(row: Row) -> Self {
        Self { id: row.text(0), name: row.text(1), minutes: row.number(2) }
    }
}

impl From<Row> for Slot {
    fn from(row: Row) -> Self {
        Self { id: row.text(0), service_id: row.text(1), starts_at: row.number(2), ends_at: row.number(3) }
    }
}

impl From<Row> for Booking {
    fn from(row: Row) -> Self {
        Self { id: row.text(0), slot_id: row.text(1), customer: row.text(2), status: row.text(3) }
    }
}
