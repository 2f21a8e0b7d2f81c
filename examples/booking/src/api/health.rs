//! `GET /health`: 200 while the database answers, 503 when it does not.

use crate::Store;
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn show(State(store): State<Arc<Store>>) -> (StatusCode, Json<Value>) {
    let db = store.ping().await.is_ok();
    let status = if db { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body =
        json!({ "ok": db, "db": db, "version": env!("CARGO_PKG_VERSION"), "time": Timestamp::now().to_string() });
    (status, Json(body))
}
