//! What `pg_dump` writes, without what differs between two dumps of equal schemas.

use crate::sql::{Dialect, Statement, split};

/// The statements alone: no comments, no settings that older servers do not know, and no `\restrict`, whose key is made anew
/// for each dump. What looks like these within a function stays.
pub(super) fn clean(dump: &str) -> String {
    // A text that nobody understands is left as it is; loading it will tell.
    let Ok(statements) = split(dump, Dialect::Postgres) else { return dump.to_owned() };
    let kept = statements.iter().filter(|it| it.psql_command().is_none());
    let texts = kept.filter_map(|it: &Statement| dump.get(it.range.clone())).filter(|it| !is_noise(it));
    texts.fold(String::with_capacity(dump.len()), |mut all, statement| {
        all.push_str(statement);
        all.push_str(if statement.starts_with("SET ") { ";\n" } else { ";\n\n" });
        all
    })
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
