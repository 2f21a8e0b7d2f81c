//! What is in a PostgreSQL database, as one transaction sees it.

use super::{
    rows::{Form, HASHES, Reading},
    talk::{Cells, Talk, identifier},
};
use crate::{
    BackupError,
    content::{Content, Sequence},
};
use std::{collections::BTreeMap, fmt::Write as _};

/// So many tables are locked by one statement.
const AT_ONCE: usize = 200;

/// A table with rows of its own: schema and name.
pub(super) type Table = (String, String);

/// What is ours to compare: in no schema of the system, and no part of an extension.
const OURS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e \
    WHERE e.classid = CLASS::pg_catalog.regclass AND e.objid = OBJECT AND e.deptype = 'e')";

pub(super) fn ours(class: &str, object: &str) -> String {
    OURS.replace("CLASS", &format!("'pg_catalog.{class}'")).replace("OBJECT", object)
}

/// The tables that have rows of their own: ordinary ones, and those that partitions are; an unlogged one too.
pub(super) async fn tables(talk: &Talk) -> Result<Vec<Table>, BackupError> {
    let sql = format!(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {} ORDER BY 1, 2",
        ours("pg_class", "c.oid")
    );
    let rows = talk.ask("list the tables", &sql).await?;
    Ok(rows.into_iter().filter_map(|row| pair(row).map(|[schema, name]| (schema, name))).collect())
}

/// Nobody changes or drops them until the transaction ends; reading and writing rows goes on.
pub(super) async fn lock(talk: &Talk, tables: &[Table]) -> Result<(), BackupError> {
    for some in tables.chunks(AT_ONCE) {
        let names: Vec<_> = some.iter().map(quoted).collect();
        talk.run(
            "lock the tables against changes of their form",
            &format!("LOCK TABLE ONLY {} IN ACCESS SHARE MODE", names.join(", ONLY ")),
        )
        .await?;
    }
    Ok(())
}

/// Everything that is compared; `seen` is told of more and more rows. No snapshot holds `sequences`, so whoever asks says when they were looked at.
pub(super) async fn content(
    talk: &Talk,
    tables: &[Table],
    form: Form,
    sequences: BTreeMap<String, Sequence>,
    seen: impl Fn(u64),
) -> Result<Content, BackupError> {
    let mut content = Content { sequences, ..Content::default() };
    let reading = Reading::begin(talk, form).await?;
    for table in tables {
        let rows = reading.rows(table).await?;
        seen(rows.rows);
        content.tables.insert(format!("{}.{}", table.0, table.1), rows);
    }
    for (kind, sql) in things(talk.major()) {
        let rows = talk.ask("list what is in the database", &sql).await?;
        let things: BTreeMap<_, _> =
            rows.into_iter().filter_map(|row| pair(row).map(|[name, form]| (name, form))).collect();
        if !things.is_empty() {
            content.things.insert(kind.to_owned(), things);
        }
    }
    if let Some(objects) = large_objects(talk).await? {
        content.things.insert("large objects".to_owned(), objects);
    }
    Ok(content)
}

pub(super) fn quoted((schema, name): &Table) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

pub(super) fn pair(cells: Cells) -> Option<[String; 2]> {
    let mut cells = cells.into_iter();
    Some([cells.next()??, cells.next()??])
}

/// What tables are like: a hash of their columns.
pub(super) async fn forms(talk: &Talk) -> Result<BTreeMap<String, String>, BackupError> {
    let question = things(talk.major()).into_iter().find(|(kind, _)| *kind == "form of");
    let rows = talk.ask("list what is in the database", &question.map(|(_, sql)| sql).unwrap_or_default()).await?;
    Ok(rows.into_iter().filter_map(|row| pair(row).map(|[name, form]| (name, form))).collect())
}

pub(super) async fn sequences(talk: &Talk) -> Result<BTreeMap<String, Sequence>, BackupError> {
    // A sequence that was never used has no last value; it stands before its start.
    let sql = format!(
        "SELECT n.nspname || '.' || c.relname, coalesce(pg_catalog.pg_sequence_last_value(c.oid), s.seqstart - s.seqincrement), \
         s.seqincrement, s.seqcycle FROM pg_catalog.pg_sequence AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND {}",
        ours("pg_class", "c.oid")
    );
    let rows = talk.ask("look at the sequences", &sql).await?;
    Ok(rows.into_iter().filter_map(sequence).collect())
}

fn sequence(cells: Cells) -> Option<(String, Sequence)> {
    let mut cells = cells.into_iter().flatten();
    let name = cells.next()?;
    let (last, increment) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    Some((name, Sequence { last, increment, cycles: cells.next()? == "t" }))
}

/// A question for each kind of thing: its name, and what it is like or a hash of that.
fn things(major: u32) -> Vec<(&'static str, String)> {
    let relation = |kinds: &str, form: &str, more: &str| {
        format!(
            "SELECT n.nspname || '.' || c.relname, {form} FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace {more} \
             WHERE c.relkind IN ({kinds}) AND c.relpersistence <> 't' AND {}",
            ours("pg_class", "c.oid")
        )
    };
    let md5 = |text: &str| format!("pg_catalog.left(pg_catalog.md5({text}), 16)");
    let columns = "(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
        a.attnotnull, a.attidentity, a.attgenerated, pg_catalog.pg_get_expr(d.adbin, d.adrelid)), ',' ORDER BY a.attname) \
        FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)";
    let grants = "(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', coalesce(pg_catalog.pg_get_userbyid(nullif(g.grantee, 0)), 'PUBLIC'), \
        g.privilege_type, g.is_grantable), ',' ORDER BY pg_catalog.pg_get_userbyid(g.grantee), g.privilege_type) \
        FROM pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault( \
        CASE c.relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r'::\"char\" END, c.relowner))) AS g)";
    let mut things = vec![
        ("extension", "SELECT extname, '' FROM pg_catalog.pg_extension".to_owned()),
        (
            "schema",
            format!(
                "SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace AS n WHERE {}",
                ours("pg_namespace", "n.oid")
            ),
        ),
        ("form of", relation("'r', 'p', 'v', 'm', 'f', 'c'", &md5(&format!("coalesce({columns}, '')")), "")),
        (
            "owner of",
            relation("'r', 'p', 'v', 'm', 'f', 'S'", "pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text", ""),
        ),
        ("grants on", relation("'r', 'p', 'v', 'm', 'f', 'S'", &format!("coalesce({grants}, '')"), "")),
        ("view", relation("'v', 'm'", &md5("pg_catalog.pg_get_viewdef(c.oid)"), "")),
        (
            // An index that is invalid is not dumped.
            "index",
            relation(
                "'i', 'I'",
                &md5("pg_catalog.pg_get_indexdef(c.oid)"),
                "JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid AND (i.indisvalid OR c.relkind = 'I') \
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS x WHERE x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
                 AND x.objid = i.indrelid AND x.deptype = 'e')",
            ),
        ),
        (
            "constraint",
            on_table(
                "pg_constraint",
                "conname",
                "conrelid",
                &md5("pg_catalog.pg_get_constraintdef(t.oid) || t.convalidated::pg_catalog.text"),
                "true",
            ),
        ),
        (
            "trigger",
            on_table(
                "pg_trigger",
                "tgname",
                "tgrelid",
                &md5("pg_catalog.pg_get_triggerdef(t.oid) || t.tgenabled::pg_catalog.text"),
                "NOT t.tgisinternal",
            ),
        ),
        (
            "policy",
            on_table(
                "pg_policy",
                "polname",
                "polrelid",
                &md5(
                    "pg_catalog.concat_ws(' ', t.polcmd, pg_catalog.pg_get_expr(t.polqual, t.polrelid), pg_catalog.pg_get_expr(t.polwithcheck, t.polrelid))",
                ),
                "true",
            ),
        ),
        (
            "type",
            format!(
                "SELECT n.nspname || '.' || t.typname, {} FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n \
                 ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND {}",
                md5(
                    "t.typtype::pg_catalog.text || coalesce((SELECT pg_catalog.string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) \
                     FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid), '') || coalesce(t.typdefault, '')"
                ),
                ours("pg_type", "t.oid")
            ),
        ),
    ];
    if major >= HASHES {
        things.push((
            "function",
            format!(
                "SELECT n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', {} \
                 FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE {}",
                md5("pg_catalog.concat_ws(' ', p.prokind, p.prosecdef, p.provolatile, p.prosrc, \
                     pg_catalog.format_type(p.prorettype, NULL))"),
                ours("pg_proc", "p.oid")
            ),
        ));
    }
    things
}

/// Something that hangs on a table.
fn on_table(catalog: &str, name: &str, table: &str, form: &str, only: &str) -> String {
    let mut sql = String::new();
    // Writing to a text cannot fail.
    let _ = write!(
        sql,
        "SELECT n.nspname || '.' || c.relname || '.' || t.{name}, {form} FROM pg_catalog.{catalog} AS t \
         JOIN pg_catalog.pg_class AS c ON c.oid = t.{table} JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE {only} AND c.relpersistence <> 't' AND {}",
        ours("pg_class", "c.oid")
    );
    sql
}

async fn large_objects(talk: &Talk) -> Result<Option<BTreeMap<String, String>>, BackupError> {
    let doing = "hash the large objects";
    let number = talk.text(doing, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata").await?;
    if number == "0" {
        return Ok(None);
    }
    let hash = match talk.major() >= HASHES {
        true => {
            let sql = "SELECT pg_catalog.sum(pg_catalog.hashtextextended(m.oid::pg_catalog.text || \
                       pg_catalog.md5(pg_catalog.lo_get(m.oid)) COLLATE pg_catalog.\"C\", 0)) FROM pg_catalog.pg_largeobject_metadata AS m";
            talk.text(doing, sql).await?
        }
        false => String::new(),
    };
    Ok(Some(BTreeMap::from([("number".to_owned(), number), ("hash".to_owned(), hash)])))
}
