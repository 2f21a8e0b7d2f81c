//! The tables in which tools keep how far they are.

/// A tool's table, and how to read it; `{t}` is the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) tool: &'static str,
    pub(super) table: &'static str,
    /// It has these columns.
    columns: &'static [&'static str],
    /// And no others.
    exactly: bool,
    /// The newest revision; several rows are several heads.
    pub(super) newest: &'static str,
    /// How many are applied.
    pub(super) count: Option<&'static str>,
    /// Those that were begun and did not end, a few of them.
    pub(super) failed: Option<&'static str>,
}

impl Known {
    pub(super) fn is(&self, table: &str, columns: &[&str]) -> bool {
        let has_all = self.columns.iter().all(|column| columns.contains(column));
        self.table == table && has_all && (!self.exactly || columns.len() == self.columns.len())
    }
}

const COUNT: Option<&str> = Some("SELECT count(*) FROM {t}");

/// By the tools' own sources and tables; of two that fit, the first.
pub(super) const KNOWN: &[Known] = &[
    Known {
        tool: "alembic",
        table: "alembic_version",
        columns: &["version_num"],
        exactly: false,
        newest: "SELECT version_num FROM {t} ORDER BY version_num",
        count: None,
        failed: None,
    },
    Known {
        tool: "django",
        table: "django_migrations",
        columns: &["app", "applied", "id", "name"],
        exactly: false,
        newest: "SELECT app || '.' || name FROM {t} ORDER BY id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "prisma",
        table: "_prisma_migrations",
        columns: &["finished_at", "migration_name", "rolled_back_at", "started_at"],
        exactly: false,
        newest: "SELECT migration_name FROM {t} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL \
                 ORDER BY started_at DESC, migration_name DESC LIMIT 1",
        count: Some("SELECT count(*) FROM {t} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"),
        failed: Some(
            "SELECT migration_name FROM {t} WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at LIMIT 5",
        ),
    },
    Known {
        tool: "golang-migrate",
        table: "schema_migrations",
        columns: &["dirty", "version"],
        exactly: true,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: None,
        failed: Some("SELECT version FROM {t} WHERE dirty"),
    },
    Known {
        tool: "rails or dbmate",
        table: "schema_migrations",
        columns: &["version"],
        exactly: true,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "ecto",
        table: "schema_migrations",
        columns: &["inserted_at", "version"],
        exactly: true,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "yoyo",
        table: "_yoyo_migration",
        columns: &["applied_at_utc", "migration_id"],
        exactly: false,
        newest: "SELECT migration_id FROM {t} ORDER BY applied_at_utc DESC, migration_id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "flyway",
        table: "flyway_schema_history",
        columns: &["installed_rank", "success", "version"],
        exactly: false,
        newest: "SELECT version FROM {t} WHERE success AND version IS NOT NULL ORDER BY installed_rank DESC LIMIT 1",
        count: Some("SELECT count(*) FROM {t} WHERE success"),
        failed: Some("SELECT script FROM {t} WHERE NOT success ORDER BY installed_rank LIMIT 5"),
    },
    Known {
        tool: "goose",
        table: "goose_db_version",
        columns: &["id", "is_applied", "version_id"],
        exactly: false,
        newest: "SELECT version_id FROM {t} WHERE version_id > 0 ORDER BY id DESC LIMIT 1",
        count: Some("SELECT count(*) FROM {t} WHERE version_id > 0"),
        failed: None,
    },
    Known {
        tool: "sqlx",
        table: "_sqlx_migrations",
        columns: &["checksum", "success", "version"],
        exactly: false,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: COUNT,
        failed: Some("SELECT version FROM {t} WHERE NOT success ORDER BY version LIMIT 5"),
    },
    Known {
        tool: "refinery",
        table: "refinery_schema_history",
        columns: &["applied_on", "version"],
        exactly: false,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "knex",
        table: "knex_migrations",
        columns: &["batch", "id", "name"],
        exactly: false,
        newest: "SELECT name FROM {t} ORDER BY id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "typeorm",
        table: "migrations",
        columns: &["id", "name", "timestamp"],
        exactly: true,
        newest: "SELECT name FROM {t} ORDER BY id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "laravel",
        table: "migrations",
        columns: &["batch", "id", "migration"],
        exactly: true,
        newest: "SELECT migration FROM {t} ORDER BY id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "sequelize",
        table: "SequelizeMeta",
        columns: &["name"],
        exactly: true,
        newest: "SELECT name FROM {t} ORDER BY name DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "diesel",
        table: "__diesel_schema_migrations",
        columns: &["run_on", "version"],
        exactly: true,
        newest: "SELECT version FROM {t} ORDER BY version DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
    Known {
        tool: "node-pg-migrate",
        table: "pgmigrations",
        columns: &["id", "name", "run_on"],
        exactly: true,
        newest: "SELECT name FROM {t} ORDER BY id DESC LIMIT 1",
        count: COUNT,
        failed: None,
    },
];
