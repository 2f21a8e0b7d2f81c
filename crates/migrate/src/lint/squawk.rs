//! The one place that speaks to squawk, whose rules and parser these are. Its types stay in here.

mod facts;
mod names;

use super::{
    hit::{Hit, Statement},
    rules::Rules,
};
use squawk_linter::{
    Linter, LinterSettings, Rule, Version, Violation,
    ignore::{IgnoreKind, ignore_rule_info},
};
use squawk_syntax::{Parse, SourceFile, SyntaxNode, ast::AstNode};
use std::ops::Range;

/// The newest major version of PostgreSQL that squawk has rules for; taken when nobody says which it is.
pub(crate) const NEWEST: u32 = 19;

/// Blocks in blocks and parentheses in parentheses go no deeper than this: squawk's parser needs the stack for each.
const DEEPEST: usize = 200;

/// What is to be known before a text is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    /// PostgreSQL's major version.
    pub(super) version: u32,
    /// Does it run in a transaction?
    pub(super) in_transaction: bool,
    /// Which rules.
    pub(super) rules: &'a Rules,
}

/// What squawk tells about a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Its statements, as far as our own rules and the sizes of tables want to know them.
    pub(super) statements: Vec<Statement>,
    /// What squawk's rules found.
    pub(super) hits: Vec<Hit>,
    /// What is wrong with its syntax, in squawk's words, and where.
    pub(super) errors: Vec<(String, Range<usize>)>,
    /// What its comments want to have left out.
    pub(super) ignores: Vec<Ignore>,
}

/// A comment `-- squawk-ignore a, b` or `-- squawk-ignore-file a, b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ignore {
    /// The names of rules; none for all.
    pub(super) rules: Vec<String>,
    /// Where it is, when it is for one statement.
    pub(super) at: Option<usize>,
}

/// The rules of this name, as squawk itself writes them: one, or several where it is an alias, or none.
pub(super) fn named(name: &str) -> Vec<String> {
    let Ok(rule) = name.parse::<Rule>() else { return Vec::new() };
    let aliased = rule.expands_to();
    if aliased.is_empty() { vec![rule.to_string()] } else { aliased.iter().map(Rule::to_string).collect() }
}

/// The rules that squawk looks at when nobody says which.
pub(super) fn defaults() -> Vec<String> {
    Linter::with_default_rules().rules.iter().map(Rule::to_string).collect()
}

/// Looks at `sql`; nothing when it is nested too deep for the parser.
pub(super) fn parse(sql: &str, setting: Setting<'_>) -> Option<Parsed> {
    if !is_shallow(sql) {
        return None;
    }
    let file = SourceFile::parse(sql);
    let root = file.syntax_node();
    let statements = facts::statements(&file.tree());
    let hits = violations(&file, sql, setting).into_iter().map(|violation| hit(violation, &statements)).collect();
    let errors = file.errors().iter().map(|error| (error.message().to_owned(), range(error.range()))).collect();
    Some(Parsed { ignores: ignores(&root), statements, hits, errors })
}

fn is_shallow(sql: &str) -> bool {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in sql.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' => depth = 0,
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest <= DEEPEST
}

fn violations(file: &Parse<SourceFile>, sql: &str, setting: Setting<'_>) -> Vec<Violation> {
    let mut linter = Linter::from(setting.rules.squawks().filter_map(|name| name.parse::<Rule>().ok()));
    linter.settings = LinterSettings {
        pg_version: setting.version.to_string().parse::<Version>().unwrap_or_default(),
        assume_in_transaction: setting.in_transaction,
    };
    linter.lint(file, sql)
}

fn hit(violation: Violation, statements: &[Statement]) -> Hit {
    let range = range(violation.text_range);
    let statement = statements.iter().find(|it| it.range.start <= range.start && range.start < it.range.end);
    Hit {
        rule: violation.code.to_string(),
        message: violation.message,
        hint: violation.help,
        tables: statement.map(|it| it.tables.clone()).unwrap_or_default(),
        range,
    }
}

fn ignores(root: &SyntaxNode) -> Vec<Ignore> {
    let tokens = root.descendants_with_tokens().filter_map(|element| element.into_token());
    let mut found = Vec::new();
    for token in tokens {
        if let Some((names, range, kind)) = ignore_rule_info(&token) {
            let rules = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let at = matches!(kind, IgnoreKind::Line).then(|| usize::from(range.start()));
            found.push(Ignore { rules, at });
        }
    }
    found
}

fn range<R>(range: R) -> Range<usize>
where
    Range<usize>: From<R>,
{
    range.into()
}

/// The bytes of a node without the blanks and comments around it.
fn span(node: &impl AstNode) -> Range<usize> {
    let tokens = || node.syntax().descendants_with_tokens().filter_map(|it| it.into_token());
    let whole = range(node.syntax().text_range());
    let mut inner = tokens().filter(|token| !token.kind().is_trivia()).map(|token| range(token.text_range()));
    let start = inner.next().map_or(whole.start, |first| first.start);
    start..inner.last().map_or(whole.end, |last| last.end)
}
