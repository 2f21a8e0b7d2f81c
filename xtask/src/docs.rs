//! References that come from the code, kept in the tree so that they can be read without building it.
use crate::task::{Done, Failure, root};

/// Writes the references; with `check` writes nothing and fails when one is not current.
pub(crate) fn run(check: bool) -> Done {
    let generated = [
        ("docs/configuration.md", config::reference()),
        // As `mainstay schema` prints it.
        ("docs/mainstay.schema.json", format!("{:#}\n", config::schema())),
    ];
    let mut stale = Vec::new();
    for (file, text) in &generated {
        stale.extend(keep(file, text, check)?);
    }
    if stale.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("not current: {}\n hint: cargo xtask docs", stale.join(", "))))
    }
}

/// Names the file when it is stale and only to be checked.
fn keep<'a>(file: &'a str, text: &str, check: bool) -> Result<Option<&'a str>, Failure> {
    let path = root().join(file);
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return Ok(None);
    }
    if check {
        return Ok(Some(file));
    }
    std::fs::write(&path, text).map_err(|error| Failure::Failed(format!("cannot write {file}: {error}")))?;
    println!("wrote {file}");
    Ok(None)
}
