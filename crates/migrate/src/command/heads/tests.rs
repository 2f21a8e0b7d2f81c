use super::*;

fn head(tool: &'static str, at: Option<&str>, count: Option<u64>) -> Head {
    Head { tool, at: at.map(str::to_owned), count, failed: Vec::new() }
}

fn said(command: &str, before: &[Head], after: &[Head]) -> Option<String> {
    let argv: Vec<_> = command.split(' ').map(str::to_owned).collect();
    moved(&argv, before, after).map(|moved| moved.to_string())
}

/// S0.3: from where to where a command led, in one line.
#[test]
fn a_command_went_or_had_nothing_to_do() {
    let old = [head("alembic", Some("9f3c1d"), None)];
    let new = [head("alembic", Some("1a2b3c"), None)];
    assert_eq!(said("alembic upgrade head", &old, &new).unwrap(), "alembic went from 9f3c1d to 1a2b3c");
    assert_eq!(said("alembic upgrade head", &new, &new).unwrap(), "nothing to do, alembic is still at 1a2b3c");
    assert_eq!(said("alembic upgrade head", &[], &new).unwrap(), "alembic went from nothing to 1a2b3c");
    assert_eq!(
        said("alembic downgrade base", &new, &[head("alembic", None, None)]).unwrap(),
        "alembic went from 1a2b3c to nothing"
    );
    assert_eq!(said("alembic upgrade head", &[], &[]), None);
}

#[test]
fn where_each_is_kept_they_are_counted() {
    let old = [head("django", Some("auth.0001_initial"), Some(3))];
    let new = [head("django", Some("auth.0004_more"), Some(5))];
    assert_eq!(
        said("./manage.py migrate", &old, &new).unwrap(),
        "django went from auth.0001_initial to auth.0004_more (2 more)"
    );
}

/// Two tools in one database: the one that moved, else the one that is named, else nobody's word is taken.
#[test]
fn of_several_tools_the_one_that_was_meant() {
    let (alembic, django) = (head("alembic", Some("a"), None), head("django", Some("x.1"), Some(1)));
    let both = [alembic.clone(), django.clone()];
    let moved = [head("alembic", Some("b"), None), django];
    assert_eq!(said("./migrate.sh", &both, &moved).unwrap(), "alembic went from a to b");
    assert_eq!(said("python -m django migrate", &both, &both).unwrap(), "nothing to do, django is still at x.1");
    assert_eq!(said("./migrate.sh", &both, &both), None);
}

#[test]
fn a_table_is_known_by_its_columns() {
    let tool = |table: &str, columns: &str| {
        let cells = vec![None, Some(table.to_owned()), Some(columns.to_owned())];
        recognised(&cells, Dialect::Sqlite).map(|(known, _)| known.tool)
    };
    let table = [
        ("alembic_version", "version_num", Some("alembic")),
        ("schema_migrations", "version", Some("rails or dbmate")),
        ("schema_migrations", "dirty,version", Some("golang-migrate")),
        ("schema_migrations", "inserted_at,version", Some("ecto")),
        ("schema_migrations", "applied_at,checksum,duration_ms,name,version", None),
        ("migrations", "id,name,timestamp", Some("typeorm")),
        ("migrations", "batch,id,migration", Some("laravel")),
        ("migrations", "applied_at,id,name", None),
        (
            "_prisma_migrations",
            "applied_steps_count,checksum,finished_at,id,logs,migration_name,rolled_back_at,started_at",
            Some("prisma"),
        ),
    ];
    for (name, columns, expected) in table {
        assert_eq!(tool(name, columns), expected, "{name} ({columns})");
    }
}

#[test]
fn a_failed_migration_is_named() {
    let head = Head { failed: vec!["20261124_users".into()], ..head("prisma", None, Some(0)) };
    assert_eq!(failure(&head), "prisma has `20261124_users` as failed: it was begun and did not end");
}
