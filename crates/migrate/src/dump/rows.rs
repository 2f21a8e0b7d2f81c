//! The rows of a ledger as INSERT.

use crate::{
    MigrateError,
    engine::{Cells, Engine},
    quote::{identifier, literal},
    sql::Dialect,
    style::Table,
};

/// A column, as far as it matters for its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    /// Its default as SQL; empty when it has none.
    default: String,
    /// The database counts it, whoever writes.
    identity: bool,
    /// It is computed.
    generated: bool,
}

/// What becomes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its value is written.
    Kept,
    /// A zero is written: how long something took differs from database to database.
    Zero,
    /// The database fills it in, and the rows come in its order.
    Counted,
    /// The database fills it in: it is the moment of writing, or computed.
    Left,
}

/// The rows of `table`, without what differs between databases of equal schemas: ids that the database counts, moments, spans.
/// Nothing when there are none.
pub(crate) async fn inserts(engine: &mut Engine, table: &Table) -> Result<String, MigrateError> {
    let cells = engine.ask("read the columns of the ledger", describe(table)).await?;
    let columns: Vec<Column> = cells.iter().map(Column::of).collect();
    let rows = engine.ask("read the rows of the ledger", select(table, &columns)).await?;
    let rows: Vec<_> = rows.into_iter().filter_map(|cells| cells.into_iter().next().flatten()).collect();
    Ok(statement(table, &columns, &rows))
}

impl Column {
    fn of(cells: &Cells) -> Self {
        let text = |index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
        Self {
            name: text(0),
            kind: text(1).to_ascii_lowercase(),
            default: text(2),
            identity: text(3) == "t",
            generated: text(4) == "t",
        }
    }

    fn fate(&self) -> Fate {
        let default = self.default.to_ascii_lowercase();
        let moment =
            ["now(", "'now'", "current_timestamp", "clock_timestamp"].iter().any(|word| default.contains(word));
        match self.name.as_str() {
            _ if self.generated || moment => Fate::Left,
            _ if self.identity || default.contains("nextval(") => Fate::Counted,
            "duration_ms" | "execution_time" => Fate::Zero,
            _ => Fate::Kept,
        }
    }

    fn is_written(&self) -> bool {
        matches!(self.fate(), Fate::Kept | Fate::Zero)
    }

    /// SQL for its value as SQL.
    fn value(&self, dialect: Dialect) -> String {
        let name = identifier(&self.name);
        match (self.fate(), dialect) {
            (Fate::Zero, _) => "'0'".to_owned(),
            (_, Dialect::Sqlite) => format!("quote({name})"),
            (_, Dialect::Postgres) if self.is_plain() => format!("coalesce({name}::text, 'NULL')"),
            (_, Dialect::Postgres) => format!("pg_catalog.quote_nullable({name}::text)"),
        }
    }

    /// Needs no quotes.
    fn is_plain(&self) -> bool {
        matches!(self.kind.as_str(), "smallint" | "integer" | "bigint" | "numeric" | "boolean")
    }

    fn order(&self, dialect: Dialect) -> String {
        let name = identifier(&self.name);
        match dialect {
            Dialect::Postgres if !self.is_plain() => format!("{name}::text COLLATE \"C\""),
            _ => name,
        }
    }
}

fn describe(table: &Table) -> String {
    match table.dialect {
        Dialect::Postgres => format!(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL), pg_catalog.pg_get_expr(d.adbin, d.adrelid), \
             a.attidentity <> '', a.attgenerated <> '' FROM pg_catalog.pg_attribute a \
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = {}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            table.literal(&table.quoted())
        ),
        Dialect::Sqlite => format!(
            "SELECT name, type, dflt_value, 'f', CASE WHEN hidden > 0 THEN 't' ELSE 'f' END FROM pragma_table_xinfo({}) ORDER BY cid",
            literal(&table.name, table.dialect)
        ),
    }
}

/// SQL whose rows are `(…)`, each with one row of the table.
fn select(table: &Table, columns: &[Column]) -> String {
    let values: Vec<_> = columns.iter().filter(|it| it.is_written()).map(|it| it.value(table.dialect)).collect();
    let counted = columns.iter().filter(|it| it.fate() == Fate::Counted);
    let kept = columns.iter().filter(|it| it.fate() == Fate::Kept);
    let order: Vec<_> = counted.chain(kept).map(|it| it.order(table.dialect)).collect();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    let values = if values.is_empty() { "''".to_owned() } else { values.join(" || ', ' || ") };
    format!("SELECT '(' || {values} || ')' FROM {}{order}", table.quoted())
}

fn statement(table: &Table, columns: &[Column], rows: &[String]) -> String {
    let names: Vec<_> = columns.iter().filter(|it| it.is_written()).map(|it| identifier(&it.name)).collect();
    if rows.is_empty() || names.is_empty() {
        return String::new();
    }
    format!("INSERT INTO {} ({}) VALUES\n    {};\n\n", table.quoted(), names.join(", "), rows.join(",\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str, default: &str, identity: bool) -> Column {
        Column { name: name.into(), kind: kind.into(), default: default.into(), identity, generated: false }
    }

    /// The tables of the tools, column by column.
    #[test]
    fn what_differs_between_databases_is_left_out() {
        let table = [
            (column("version", "bigint", "", false), Fate::Kept),
            (column("note", "text", "'unknown'::text", false), Fate::Kept),
            (column("applied_at", "timestamp with time zone", "now()", false), Fate::Left),
            (column("applied_at", "text", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", false), Fate::Left),
            (column("tstamp", "timestamp", "CURRENT_TIMESTAMP", false), Fate::Left),
            (column("id", "integer", "", true), Fate::Counted),
            (column("id", "integer", "nextval('goose_db_version_id_seq'::regclass)", false), Fate::Counted),
            (column("execution_time", "bigint", "", false), Fate::Zero),
        ];
        for (column, fate) in table {
            assert_eq!(column.fate(), fate, "{column:?}");
        }
    }

    #[test]
    fn rows_come_in_the_order_in_which_they_were_written() {
        let table =
            Table { schema: Some("public".into()), name: "t".into(), columns: Vec::new(), dialect: Dialect::Postgres };
        let columns = [column("id", "integer", "", true), column("version", "text", "", false)];
        assert_eq!(
            select(&table, &columns),
            "SELECT '(' || pg_catalog.quote_nullable(\"version\"::text) || ')' FROM \"public\".\"t\" ORDER BY \"id\", \
             \"version\"::text COLLATE \"C\""
        );
        assert_eq!(
            statement(&table, &columns, &["('1')".into(), "('2')".into()]),
            "INSERT INTO \"public\".\"t\" (\"version\") VALUES\n    ('1'),\n    ('2');\n\n"
        );
        assert_eq!(statement(&table, &columns, &[]), "");
    }
}
