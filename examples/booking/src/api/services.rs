//! `/services`: what can be booked.

use crate::{Error, Store, store::Service};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewService {
    name: String,
    minutes: i64,
}

pub(super) async fn list(State(store): State<Arc<Store>>) -> Result<Json<Vec<Service>>, Error> {
    store.services().await.map(Json)
}

pub(super) async fn add(
    State(store): State<Arc<Store>>,
    Json(new): Json<NewService>,
) -> Result<(StatusCode, Json<Service>), Error> {
    if new.name.trim().is_empty() || !(5..=480).contains(&new.minutes) {
        return Err(Error::Invalid("a service has a name and takes 5 to 480 minutes".into()));
    }
    let service = store.add_service(new.name.trim(), new.minutes).await?;
    Ok((StatusCode::CREATED, Json(service)))
}
