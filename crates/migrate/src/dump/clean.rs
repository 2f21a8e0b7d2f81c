//! What `pg_dump` writes, without what differs between two dumps of equal schemas.

use crate::sql::{Dialect, statements};

/// The statements alone: no comments, no `\restrict`, no settings that older servers do not know.
pub(super) fn clean(dump: &str) -> String {
    let text = without_meta(dump);
    let statements = statements(&text, Dialect::Postgres);
    let texts = statements.into_iter().filter_map(|it| text.get(it.range)).filter(|it| !is_noise(it));
    texts.fold(String::with_capacity(text.len()), |mut all, statement| {
        all.push_str(statement);
        all.push_str(if statement.starts_with("SET ") { ";\n" } else { ";\n\n" });
        all
    })
}

/// Without the commands for psql at the top and at the end, whose keys are made anew for each dump (pg_dump(1),
/// `--restrict-key`). They stand outside of all statements; what looks like them within a function stays.
fn without_meta(dump: &str) -> String {
    let is_meta = |line: &str, word: &str| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(' '));
    let lines: Vec<&str> = dump.lines().collect();
    let first = lines.iter().position(|line| !line.is_empty() && !line.starts_with("--"));
    let last = lines.iter().rposition(|line| !line.is_empty() && !line.starts_with("--"));
    let first = first.filter(|at| is_meta(lines[*at], "\\restrict"));
    let last = last.filter(|at| is_meta(lines[*at], "\\unrestrict"));
    let kept = lines.iter().enumerate().filter(|(at, _)| Some(*at) != first && Some(*at) != last);
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

/// Says nothing about the schema, and servers before 17 refuse it.
fn is_noise(statement: &str) -> bool {
    statement.starts_with("SET transaction_timeout")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.10: the noise of two dumps goes, the schema stays, also where it looks like noise.
    #[test]
    fn noise_goes_and_the_schema_stays() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict a1B2\n\n-- Dumped from database version 15.18\n\n\
             SET statement_timeout = 0;\nSET transaction_timeout = 0;\n\n\
             --\n-- Name: f(); Type: FUNCTION\n--\n\nCREATE FUNCTION public.f() RETURNS text\n    LANGUAGE plpgsql\n    AS $$\nbegin\n\
             -- a remark\n  return '\n\\unrestrict a1B2\n';\nend\n$$;\n\n\n--\n-- done\n--\n\n\\unrestrict a1B2\n\n";
        assert_eq!(
            clean(dump),
            "SET statement_timeout = 0;\n\
             CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE plpgsql\n    AS $$\nbegin\n-- a remark\n  return '\n\
             \\unrestrict a1B2\n';\nend\n$$;\n\n"
        );
    }

    #[test]
    fn older_dumps_have_no_keys() {
        assert_eq!(
            clean("-- x\n\nCREATE TABLE public.a (\n    n integer\n);\n"),
            "CREATE TABLE public.a (\n    n integer\n);\n\n"
        );
        assert_eq!(clean("-- nothing\n"), "");
    }
}
