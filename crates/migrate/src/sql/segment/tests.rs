use super::*;
use crate::sql::split;
use proptest::prelude::*;

/// `t` for a statement in a transaction, `-` for one outside, `|` between segments.
fn shown(sql: &str, whole: Option<bool>) -> String {
    let statements = split(sql, Dialect::Postgres).expect("closed");
    let segments = segments(&statements, sql, Dialect::Postgres, whole);
    let sign = |segment: &Segment| if segment.transactional { "t" } else { "-" }.repeat(segment.statements.len());
    segments.iter().map(sign).collect::<Vec<_>>().join("|")
}

#[test]
fn statements_that_can_share_a_transaction_do() {
    let table = [
        ("", ""),
        ("a; b; c", "ttt"),
        ("a; create index concurrently i on t(a); b; c", "t|-|tt"),
        ("vacuum; vacuum; a", "-|-|t"),
        ("a; call p(); b", "ttt"),
        ("a; alter type t add value 'x'", "tt"),
        ("a; alter type t add value 'x'; alter type t add value 'y'; b; c", "ttt|tt"),
        ("alter type t add value 'x'; vacuum; b", "t|-|t"),
        ("copy t from stdin;\nvacuum;\n\\.\na", "tt"),
    ];
    for (sql, expected) in table {
        assert_eq!(shown(sql, None), expected, "{sql}");
    }
}

#[test]
fn a_directive_decides() {
    let sql = "a; create index concurrently i on t(a); call p(); alter type t add value 'x'; b";
    assert_eq!(shown(sql, Some(false)), "t|-|-|t|t");
    assert_eq!(shown(sql, Some(true)), "ttttt");
    assert_eq!(shown("", Some(true)), "");
}

proptest! {
    /// Each statement is in one segment, in order; what stands alone is alone; no two segments could be one.
    #[test]
    fn segments_are_a_partition(
        parts in prop::collection::vec(prop::sample::select(vec!["a", "vacuum", "alter type t add value 'x'", "call p()"]), 0..9),
        whole: Option<bool>,
    ) {
        let sql = parts.join(";");
        let statements = split(&sql, Dialect::Postgres).expect("closed");
        let segments = segments(&statements, &sql, Dialect::Postgres, whole);
        let covered: Vec<_> = segments.iter().flat_map(|segment| segment.statements.clone()).collect();
        prop_assert_eq!(covered, (0..parts.len()).collect::<Vec<_>>());
        for segment in &segments {
            prop_assert!(segment.transactional || segment.statements.len() == 1);
            let value_before_other = parts[segment.statements.clone()].windows(2).any(|pair| pair[0].starts_with("alter") && pair[1] != pair[0]);
            prop_assert!(whole == Some(true) || !value_before_other);
        }
        for pair in segments.windows(2).filter(|_| whole.is_none()) {
            let last = parts[pair[0].statements.end - 1];
            prop_assert!(!(pair[0].transactional && pair[1].transactional) || last.starts_with("alter"));
        }
    }
}
