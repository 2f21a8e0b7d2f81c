//! What is to be known of a statement beside what squawk's rules say about it. Locks are as PostgreSQL's manual has them:
//! "Explicit Locking", and the page of each command.

use super::{names, range, span};
use crate::{
    lint::hit::{Statement, Value},
    sql::Name,
};
use squawk_syntax::{
    SourceFile, SyntaxKind, SyntaxNode,
    ast::{self, AlterTableAction, AstNode, Constraint, Stmt},
};

/// The statements of a file, in their order.
pub(super) fn statements(file: &SourceFile) -> Vec<Statement> {
    file.stmts().filter(|stmt| !matches!(stmt, Stmt::EmptyStmt(_))).map(|stmt| statement(&stmt)).collect()
}

fn statement(stmt: &Stmt) -> Statement {
    let node = stmt.syntax();
    Statement {
        range: span(stmt),
        tables: tables(stmt),
        creates: creates(stmt),
        exclusive: is_exclusive(stmt),
        adds_value: added_value(stmt),
        creates_type: match stmt {
            Stmt::CreateType(it) => it.type_name().and_then(|name| names::name(name.syntax())),
            _ => None,
        },
        unfiltered: unfiltered(stmt),
        texts: texts(node),
    }
}

/// The tables that it is about: one, or a list of them.
fn tables(stmt: &Stmt) -> Vec<Name> {
    match stmt {
        Stmt::DropTable(_) | Stmt::DropIndex(_) | Stmt::Truncate(_) | Stmt::Lock(_) | Stmt::Vacuum(_) => {
            names::all(stmt.syntax())
        }
        // The tables in a `WITH` in front of it are only read.
        Stmt::Update(it) => it.relation_name().map(|name| names::first(name.syntax())).unwrap_or_default(),
        Stmt::Delete(it) => it.relation_name().map(|name| names::first(name.syntax())).unwrap_or_default(),
        Stmt::CreateTable(_) | Stmt::CreateTableAs(_) | Stmt::Select(_) | Stmt::Do(_) => Vec::new(),
        _ => names::first(stmt.syntax()),
    }
}

fn creates(stmt: &Stmt) -> Option<Name> {
    let name = match stmt {
        Stmt::CreateTable(it) => it.table_name(),
        Stmt::CreateTableAs(it) => it.table_name(),
        _ => return None,
    };
    name.and_then(|name| names::name(name.syntax()))
}

/// Does it take ACCESS EXCLUSIVE on the tables it is about? `DROP INDEX` and `REINDEX INDEX` name no table, so they are left out.
fn is_exclusive(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::AlterTable(it) => it.actions().any(|action| is_exclusive_action(&action)),
        Stmt::DropTable(_) | Stmt::Truncate(_) | Stmt::Cluster(_) => true,
        Stmt::Lock(it) => match it.lock_mode_clause().and_then(|clause| clause.lock_mode()) {
            Some(mode) => matches!(mode, ast::LockMode::AccessExclusive(_)),
            None => true,
        },
        Stmt::Vacuum(it) => it.is_full(),
        _ => false,
    }
}

fn is_exclusive_action(action: &AlterTableAction) -> bool {
    match action {
        AlterTableAction::ValidateConstraint(_)
        | AlterTableAction::SetOptions(_)
        | AlterTableAction::ResetOptions(_)
        | AlterTableAction::ClusterOn(_)
        | AlterTableAction::SetWithoutCluster(_)
        | AlterTableAction::EnableTrigger(_)
        | AlterTableAction::DisableTrigger(_)
        | AlterTableAction::EnableAlwaysTrigger(_)
        | AlterTableAction::EnableReplicaTrigger(_)
        | AlterTableAction::AttachPartition(_) => false,
        AlterTableAction::AddConstraint(it) => !matches!(it.constraint(), Some(Constraint::ForeignKeyConstraint(_))),
        AlterTableAction::DetachPartition(it) => !has(it.syntax(), SyntaxKind::CONCURRENTLY_KW),
        AlterTableAction::AlterColumn(it) => !matches!(
            it.option(),
            Some(
                ast::AlterColumnOption::SetStatistics(_)
                    | ast::AlterColumnOption::SetOptions(_)
                    | ast::AlterColumnOption::ResetOptions(_)
            )
        ),
        _ => true,
    }
}

fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants_with_tokens().any(|element| element.kind() == kind)
}

fn added_value(stmt: &Stmt) -> Option<Value> {
    let Stmt::AlterType(it) = stmt else { return None };
    let Some(ast::AlterTypeAction::AddValue(value)) = it.action() else { return None };
    let label = value.literal().and_then(|literal| texts(literal.syntax()).pop())?.0;
    Some(Value { of: names::name(it.type_name_ref()?.syntax())?, label })
}

fn unfiltered(stmt: &Stmt) -> Option<&'static str> {
    match stmt {
        Stmt::Update(it) if it.where_clause_or_current_of().is_none() => Some("UPDATE"),
        Stmt::Delete(it) if it.where_clause_or_current_of().is_none() => Some("DELETE"),
        _ => None,
    }
}

/// The quoted texts in it, without their quotes.
fn texts(node: &SyntaxNode) -> Vec<(String, std::ops::Range<usize>)> {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let texts = tokens.filter_map(|token| {
        let text = token.text();
        let inner = match token.kind() {
            SyntaxKind::STRING => text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"),
            SyntaxKind::DOLLAR_QUOTED_STRING => text.to_owned(),
            _ => return None,
        };
        Some((inner, range(token.text_range())))
    });
    texts.collect()
}
