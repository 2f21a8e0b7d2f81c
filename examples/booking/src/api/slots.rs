//! `/services/{id}/slots`: when something can be booked.

use crate::{Error, Store, store::Slot};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

const DAY: i64 = 24 * 60 * 60;

/// Both are times like `2026-11-23T10:00:00Z`; without them, the next seven days.
#[derive(Deserialize)]
pub(super) struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSlot {
    starts_at: Timestamp,
}

pub(super) async fn free(
    State(store): State<Arc<Store>>,
    Path(service): Path<String>,
    Query(span): Query<Span>,
) -> Result<Json<Vec<Slot>>, Error> {
    let from = span.from.unwrap_or_else(Timestamp::now).as_second();
    let to = span.to.map_or(from + 7 * DAY, |to| to.as_second());
    store.free_slots(&service, from, to).await.map(Json)
}

pub(super) async fn add(
    State(store): State<Arc<Store>>,
    Path(service): Path<String>,
    Json(new): Json<NewSlot>,
) -> Result<(StatusCode, Json<Slot>), Error> {
    let slot = store.add_slot(&service, new.starts_at.as_second()).await?;
    Ok((StatusCode::CREATED, Json(slot)))
}
