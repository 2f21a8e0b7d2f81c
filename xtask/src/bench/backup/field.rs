//! The databases that are copied: rows such as shops have, a third of it indexes, some that no program can compress.
use crate::task::Failure;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use testkit::{Cluster, TempDir};

/// Whose database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    Sqlite,
}

impl Engine {
    pub(super) const ALL: [Self; 2] = [Self::Postgres, Self::Sqlite];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Sqlite => "sqlite",
        }
    }
}

/// A database of a certain size, and room for its copies.
pub(super) struct Field {
    pub(super) engine: Engine,
    /// Only where the engine is a server.
    pub(super) server: Option<Cluster>,
    pub(super) dir: TempDir,
    /// What it came to.
    bytes: u64,
}

/// The database on the server.
pub(super) const DATABASE: &str = "shop";
/// A row of `item`, its share of the indexes and of the other tables included.
const ROW: u64 = 510;

const POSTGRES: &str = "
    create table item (id bigint primary key, customer integer not null, at timestamptz not null, price numeric(10, 2) not null,
        name text not null, note text not null);
    create table event (id bigint primary key, item bigint not null, data jsonb not null);
    create table file (id bigint primary key, content bytea not null);
    create table busy (id bigserial primary key, text text not null);
    insert into item select i, (i::bigint * 7919) % 100000, timestamptz '2026-01-01' + i * interval '7 seconds', (i % 100000) / 100.0,
        'item ' || i, md5(i::text) || ' is ' || (array['blue', 'green', 'cheap', 'sold out', 'new'])[1 + i % 5] || ' and was seen by ' ||
        md5((i % 977)::text) from generate_series(1, {rows}) as i;
    insert into event select i, i * 2, jsonb_build_object('kind', 'sold', 'at', i, 'by', md5(i::text), 'price', i % 1000)
        from generate_series(1, {rows} / 2) as i;
    insert into file select i, decode(repeat(md5(i::text) || md5((i * 3)::text) || md5((i * 5)::text), 20), 'hex')
        from generate_series(1, {rows} / 100) as i;
    create index on item (customer);
    create index on item (at);
    create index on event (item);";

const SQLITE: &str = "
    pragma journal_mode = wal;
    pragma synchronous = off;
    create table item (id integer primary key, customer integer not null, at text not null, price real not null, name text not null,
        note text not null);
    create table event (id integer primary key, item integer not null, data text not null);
    create table file (id integer primary key, content blob not null);
    create table busy (id integer primary key, text text not null);
    begin;
    insert into item with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows})
        select i, (i * 7919) % 100000, datetime('2026-01-01', i || ' seconds'), (i % 100000) / 100.0, 'item ' || i,
        lower(hex(randomblob(16))) || ' is blue and was seen by ' || (i % 977) || ' people, most of whom bought it at once' from n;
    insert into event with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows} / 2)
        select i, i * 2, json_object('kind', 'sold', 'at', i, 'by', lower(hex(randomblob(16))), 'price', i % 1000) from n;
    insert into file with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows} / 100)
        select i, randomblob(960) from n;
    create index customer on item (customer);
    create index at on item (at);
    create index event_item on event (item);
    commit;
    pragma wal_checkpoint(truncate);";

impl Field {
    pub(super) fn make(engine: Engine, bytes: u64) -> Result<Self, Failure> {
        println!("  {}: fill a database of {} MB", engine.name(), bytes >> 20);
        let dir = TempDir::new();
        match engine {
            Engine::Postgres => Ok(postgres(dir, bytes / ROW)),
            Engine::Sqlite => sqlite(dir, bytes * 3 / 2 / ROW),
        }
    }

    /// `postgresql, 1.1 GB`
    pub(super) fn case(&self) -> String {
        let (name, megabytes) = (self.engine.name(), self.bytes as f64 / 1e6);
        if megabytes < 950.0 {
            format!("{name}, {megabytes:.0} MB")
        } else {
            format!("{name}, {:.1} GB", megabytes / 1e3)
        }
    }

    pub(super) fn url(&self) -> String {
        match &self.server {
            Some(server) => server.url_of("postgres", DATABASE),
            None => format!("sqlite:{}", self.file().display()),
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.dir.path().join("shop.db")
    }

    /// A new empty directory for one copy.
    pub(super) fn room(&self) -> Result<PathBuf, Failure> {
        let room = self.dir.path().join("copy");
        let made = remove(&room).and_then(|()| std::fs::create_dir(&room));
        made.map_err(|error| Failure::Failed(format!("cannot make {}: {error}", room.display())))?;
        Ok(room)
    }

    /// What is still to be written is written, so that nobody pays for who was before.
    pub(super) fn settle(&self) {
        if let Some(server) = &self.server {
            server.psql("checkpoint");
        }
        rustix::fs::sync();
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.exists() { std::fs::remove_dir_all(path) } else { Ok(()) }
}

/// With the settings for durability that a server comes with.
fn postgres(dir: TempDir, rows: u64) -> Field {
    let server = Cluster::builder();
    let conf = [
        "fsync = on",
        "shared_buffers = 128MB",
        "max_wal_size = 4GB",
        "wal_level = replica",
        "max_wal_senders = 4",
        "archive_mode = on",
        "archive_command = 'true'",
    ];
    let server = conf.into_iter().fold(server, |server, line| server.conf(line)).start();
    server.create_database(DATABASE);
    for statement in POSTGRES.replace("{rows}", &rows.to_string()).split(';').filter(|it| !it.trim().is_empty()) {
        super::writer::patiently(&server, DATABASE, statement);
    }
    super::writer::patiently(&server, DATABASE, "vacuum analyze");
    let bytes = server.psql(&format!("select pg_database_size('{DATABASE}')")).parse().unwrap_or_default();
    Field { engine: Engine::Postgres, server: Some(server), dir, bytes }
}

fn sqlite(dir: TempDir, rows: u64) -> Result<Field, Failure> {
    let mut field = Field { engine: Engine::Sqlite, server: None, dir, bytes: 0 };
    let cannot = |error| Failure::Failed(format!("cannot make the database: {error}"));
    let connection = Connection::open(field.file()).map_err(cannot)?;
    connection.execute_batch(&SQLITE.replace("{rows}", &rows.to_string())).map_err(cannot)?;
    field.bytes = std::fs::metadata(field.file()).map_or(0, |facts| facts.len());
    Ok(field)
}
