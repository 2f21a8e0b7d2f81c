//! The names of tables in a tree.

use crate::sql::{Dialect, Name, folded, unquoted};
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// What may stand for a table: itself, or something that belongs to one.
const KINDS: [SyntaxKind; 4] =
    [SyntaxKind::TABLE_NAME_REF, SyntaxKind::RELATION_NAME_REF, SyntaxKind::INDEX_REF, SyntaxKind::VIEW_REF];

/// All tables that are named below `node`, in their order.
pub(super) fn all(node: &SyntaxNode) -> Vec<Name> {
    let nodes = node.descendants().filter(|node| KINDS.contains(&node.kind()));
    nodes.filter_map(|node| name(&node)).collect()
}

/// The first one.
pub(super) fn first(node: &SyntaxNode) -> Vec<Name> {
    all(node).into_iter().take(1).collect()
}

/// The name that a node is.
pub(super) fn name(node: &SyntaxNode) -> Option<Name> {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let parts = tokens.filter(|token| !token.kind().is_trivia() && token.text() != ".");
    Name::of(parts.map(|token| part(token.text())).collect())
}

fn part(text: &str) -> String {
    match text.contains('"') {
        true => unquoted(text, Dialect::Postgres),
        false => folded(text, Dialect::Postgres),
    }
}
