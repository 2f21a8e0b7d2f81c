//! stub
use crate::*;
use config::dsn::PostgresDsn;
use std::path::Path;
use crate::proof::Proven;
fn no<T>() -> Result<T, BackupError> { Err(BackupError::WrongTarget { kind: "PostgreSQL" }) }
pub(crate) async fn prove(_: &Job<'_>, _: &Path, _: &Manifest) -> Result<Proven, BackupError> { no() }
pub(crate) async fn look(_: &Job<'_>, _: &PostgresDsn) -> Result<Source, BackupError> { no() }
pub(crate) async fn take(_: &Job<'_>, _: &PostgresDsn, _: &Path, _: &mut Manifest) -> Result<(), BackupError> { no() }
pub(crate) async fn restore(_: &Job<'_>, _: &Copy, _: &Manifest, _: &PostgresDsn) -> Result<Option<String>, BackupError> { no() }
pub(crate) async fn exists(_: &Job<'_>, _: &PostgresDsn) -> Result<bool, BackupError> { no() }
pub(crate) async fn identity(_: &Job<'_>, _: &PostgresDsn) -> Result<String, BackupError> { no() }
pub(crate) async fn put_back(_: &Job<'_>, _: &PostgresDsn, _: &str, _: Id) -> Result<String, BackupError> { no() }
pub(crate) async fn threat(_: &Job<'_>, _: &PostgresDsn, _: &Manifest) -> Result<Threat, BackupError> { no() }
