//! What the ledger's table looks like, and whether a table of that name is ours.

/// The table's name. It is an ordinary word that other tools use too, so its columns are looked at before it is believed.
pub(crate) const TABLE: &str = "schema_migrations";

/// A column as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type, in the database's words.
    pub(crate) kind: String,
}

/// Whose table is called `schema_migrations`?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// There is none.
    Absent,
    /// It is ours.
    Ours,
    /// It is another tool's.
    Foreign {
        /// Its columns with their types.
        columns: Vec<String>,
        /// The tool, when the columns tell.
        tool: Option<&'static str>,
    },
}

impl Shape {
    /// Whose table has these columns? None at all means that there is no table.
    pub(crate) fn of(columns: &[Column]) -> Self {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        match names.as_slice() {
            [] => Shape::Absent,
            ["version", "name", "checksum", "applied_at", "duration_ms"]
                if columns[0].kind.eq_ignore_ascii_case("text") =>
            {
                Shape::Ours
            }
            names => Shape::Foreign { columns: columns.iter().map(Column::shown).collect(), tool: tool(names) },
        }
    }
}

/// The tools that call their table `schema_migrations`, told apart by their columns.
fn tool(names: &[&str]) -> Option<&'static str> {
    match names {
        ["version"] => Some("dbmate or Rails"),
        ["version", "dirty"] => Some("golang-migrate"),
        ["version", "inserted_at"] => Some("Ecto"),
        ["version", "statements", "name", ..] => Some("Supabase"),
        _ => None,
    }
}

impl Column {
    fn shown(&self) -> String {
        format!("{} {}", self.name, self.kind).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(columns: &[(&str, &str)]) -> Shape {
        let column = |(name, kind): &(&str, &str)| Column { name: (*name).into(), kind: (*kind).into() };
        Shape::of(&columns.iter().map(column).collect::<Vec<_>>())
    }

    #[test]
    fn a_table_is_told_by_its_columns() {
        assert_eq!(shape(&[]), Shape::Absent);
        let ours =
            [("version", "text"), ("name", "text"), ("checksum", "text"), ("applied_at", "x"), ("duration_ms", "y")];
        assert_eq!(shape(&ours), Shape::Ours);
        assert_eq!(
            shape(&[("version", "character varying")]),
            Shape::Foreign { columns: vec!["version character varying".into()], tool: Some("dbmate or Rails") }
        );
        let Shape::Foreign { tool, .. } = shape(&[("version", "bigint"), ("dirty", "boolean")]) else { panic!() };
        assert_eq!(tool, Some("golang-migrate"));
        let Shape::Foreign { tool, columns } = shape(&[("id", "int"), ("file", "")]) else { panic!() };
        assert_eq!((tool, columns), (None, vec!["id int".to_owned(), "file".to_owned()]));
    }
}
