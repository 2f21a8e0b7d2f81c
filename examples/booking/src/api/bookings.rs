//! `/bookings`: who has which slot.

use crate::{Error, Store, store::Booking};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBooking {
    slot_id: String,
    customer: String,
}

pub(super) async fn add(
    State(store): State<Arc<Store>>,
    Json(new): Json<NewBooking>,
) -> Result<(StatusCode, Json<Booking>), Error> {
    let customer = new.customer.trim();
    if customer.is_empty() || customer.chars().count() > 200 {
        return Err(Error::Invalid("a customer has a name of at most 200 characters".into()));
    }
    let booking = store.book(&new.slot_id, customer, Timestamp::now().as_second()).await?;
    Ok((StatusCode::CREATED, Json(booking)))
}

pub(super) async fn show(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Result<Json<Booking>, Error> {
    store.booking(&id).await.map(Json)
}

pub(super) async fn cancel(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Result<Json<Booking>, Error> {
    store.cancel(&id).await.map(Json)
}
