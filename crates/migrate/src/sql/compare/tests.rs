use super::*;
use proptest::prelude::*;

#[test]
fn differences_are_told_apart() {
    use Difference::*;
    let table = [
        ("select 1;", "select 1;", Same),
        ("select 1;\nx", "\u{feff}select 1;\r\nx", LineEnds),
        ("select '\n'", "select '\r\n'", LineEnds),
        ("select 1;", "-- why\nselect /* it */   1 ;;\r\n", Layout),
        ("select 1;", "select 1", Layout),
        ("insert into t values(1,-1)", "insert into t values ( 1, -1 );", Layout),
        ("select s.a from t", "select s . a\nfrom t", Layout),
        ("select 'a' from t", "select 'a'\n  from t", Layout),
        ("select 'a'\n'b'", "select 'a'\n\n  -- c\n 'b'", Layout),
        ("select 'a'\n'b'", "select 'a' 'b'", Real),
        ("select 1", "SELECT 1", Real),
        ("select 1", "select 2", Real),
        ("select 'a b'", "select 'a  b'", Real),
        ("select '--a'", "select '--b'", Real),
        ("do $$ a $$", "do $$ a  $$", Real),
        ("select a<=b", "select a < =b", Real),
        ("select a <= b", "select a<=b", Layout),
        ("select E'a'", "select E 'a'", Real),
        ("select 1.5", "select 1 .5", Real),
        ("select a; select b", "select a select b", Real),
        ("select a - -b", "select a --b", Real),
        ("select 'open", "select  'open", Real),
        ("\\i a", "\\i  a", Real),
        ("copy t from stdin;\na b\n\\.\n", "copy t  from stdin;\r\na b\r\n\\.", Layout),
        ("copy t from stdin;\na b\n\\.\n", "copy t from stdin;\na  b\n\\.\n", Real),
    ];
    for (old, new, expected) in table {
        assert_eq!(difference(old, new, Dialect::Postgres), expected, "{old:?} {new:?}");
        assert_eq!(difference(new, old, Dialect::Postgres), expected, "{new:?} {old:?}");
    }
}

#[test]
fn sqlite_has_other_quotes() {
    let difference = |old, new| difference(old, new, Dialect::Sqlite);
    assert_eq!(difference("select [a b]", "select  [a b]"), Difference::Layout);
    assert_eq!(difference("select [a b]", "select [a  b]"), Difference::Real);
    assert_eq!(difference("select x'00'", "select x '00'"), Difference::Real);
}

proptest! {
    /// Blanks and comments between any tokens are layout; anything else that is put in is not.
    #[test]
    fn blanks_between_tokens_are_layout(
        words in prop::collection::vec(prop::sample::select(vec!["a", "'b'", "1", "\"c\"", "(", ")", ",", "$$d$$", "="]), 1..12),
        blank in prop::sample::select(vec!["  ", " \n ", " /* ; */ ", " -- ;\n "]),
        at: prop::sample::Index,
    ) {
        let old = words.join(" ");
        let at = at.index(words.len());
        let (front, back) = (words[..=at].join(" "), words[at + 1..].join(" "));
        let text_goes_on = words[at].starts_with('\'') && words.get(at + 1).is_some_and(|next| next.starts_with('\''));
        let new = format!("{front}{blank}{back}");
        let expected = if text_goes_on && blank.contains('\n') { Difference::Real } else { Difference::Layout };
        prop_assert_eq!(difference(&old, &new, Dialect::Postgres), expected);
        let more = format!("{front} more {back}");
        prop_assert_eq!(difference(&old, &more, Dialect::Postgres), Difference::Real);
    }
}
