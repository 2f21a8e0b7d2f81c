//! The same migrations in the style of each tool.
use super::runner::Runner;
use crate::task::Failure;
use std::path::Path;

/// Alembic's own environment is a script; this is the shortest that does what the one it makes does.
const ALEMBIC_ENV: &str = "\
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ[\"DATABASE_URL\"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
";

/// Writes them into a directory of their own.
pub(super) fn write(dir: &Path, runner: Runner, count: usize) -> Result<(), Failure> {
    let common = common(runner, dir).into_iter();
    for (name, text) in common.chain((1..=count).flat_map(|number| files(runner, number))) {
        let path = dir.join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        made.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}

/// What a tool needs besides the migrations.
fn common(runner: Runner, dir: &Path) -> Vec<(String, String)> {
    if runner != Runner::Alembic {
        return Vec::new();
    }
    let ini = format!("[alembic]\nscript_location = {}\n", dir.display());
    vec![("alembic.ini".to_owned(), ini), ("env.py".to_owned(), ALEMBIC_ENV.to_owned())]
}

/// What a migration does.
pub(super) fn up(number: usize) -> String {
    format!("create table t{number} (id int primary key, name text);")
}

/// One migration: names and texts.
fn files(runner: Runner, number: usize) -> Vec<(String, String)> {
    let up = up(number);
    let down = format!("drop table t{number};");
    let stamp = 20_200_101_000_000 + number as u64;
    let owned = |name: String, text: String| vec![(name, text)];
    match runner {
        Runner::Mainstay => owned(format!("{number:05}_t{number}.sql"), format!("{up}\n")),
        Runner::Dbmate => {
            owned(format!("{stamp}_t{number}.sql"), format!("-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n"))
        }
        Runner::Sqlx => owned(format!("{number}_t{number}.sql"), format!("{up}\n")),
        Runner::Refinery => owned(format!("V{number}__t{number}.sql"), format!("{up}\n")),
        Runner::Diesel => {
            let dir = format!("{stamp}_t{number}");
            vec![(format!("{dir}/up.sql"), format!("{up}\n")), (format!("{dir}/down.sql"), format!("{down}\n"))]
        }
        Runner::Alembic => owned(format!("versions/{number}_t{number}.py"), revision(number, &up, &down)),
    }
}

fn revision(number: usize, up: &str, down: &str) -> String {
    let before = if number == 1 { "None".to_owned() } else { format!("\"r{}\"", number - 1) };
    format!(
        "from alembic import op\n\nrevision = \"r{number}\"\ndown_revision = {before}\n\n\n\
         def upgrade():\n    op.execute(\"{up}\")\n\n\ndef downgrade():\n    op.execute(\"{down}\")\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_gets_the_same_statement_in_its_own_style() {
        let names = [
            (Runner::Mainstay, "00007_t7.sql"),
            (Runner::Dbmate, "20200101000007_t7.sql"),
            (Runner::Sqlx, "7_t7.sql"),
            (Runner::Refinery, "V7__t7.sql"),
            (Runner::Diesel, "20200101000007_t7/up.sql"),
            (Runner::Alembic, "versions/7_t7.py"),
        ];
        for (runner, name) in names {
            let files = files(runner, 7);
            assert_eq!(files[0].0, name);
            assert!(files[0].1.contains("create table t7 (id int primary key, name text);"), "{runner:?}");
        }
    }

    #[test]
    fn revisions_of_alembic_are_a_chain() {
        assert!(files(Runner::Alembic, 1)[0].1.contains("down_revision = None\n"));
        assert!(files(Runner::Alembic, 7)[0].1.contains("revision = \"r7\"\ndown_revision = \"r6\"\n"));
    }
}
